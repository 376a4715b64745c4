// SPDX-License-Identifier: GPL-2.0

import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Harness

/// These tests start QEMU, and are skipped where it is not installed.
@Suite(.enabled(if: Guests.qemu)) struct MachineProbeTests {
    @Test func imageReachesItsExitUnderTCG() async throws {
        let folder = try TemporaryFolder()
        let outcome = try await AccelProbe(cache: Cache(root: folder.path), limit: .seconds(20)).probe(.tcg)
        guard case .works(let khz) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        if let khz { #expect((500_000...10_000_000).contains(khz)) }
    }

    @Test func autoProbesOnceAndCaches() async throws {
        let folder = try TemporaryFolder()
        // It logs each start.
        let qemu = folder.path + "/qemu"
        try "#!/bin/sh\necho \"$*\" >> \(folder.path)/starts\nexec qemu-system-x86_64 \"$@\"\n".write(toFile: qemu, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: qemu)
        func guests() -> Int {
            (Files.text(folder.path + "/starts") ?? "").split(separator: "\n").count { $0 != "--version" }
        }
        let probe = AccelProbe(qemu: qemu, cache: Cache(root: folder.path))
        let first = try await probe.resolve(.auto)
        let tried = guests()
        #expect(tried > 0)
        #expect(try await probe.resolve(.auto) == first)
        // Only `--version` is run again.
        #expect(guests() == tried)
        print("machine: \(first)")
        #expect((first.accelerator == .kvm) == (first.reason == nil))
        if first.accelerator == .tcg {
            await #expect(throws: HarnessError.self) { try await probe.resolve(.kvm) }
        }
    }

    /// A program in place of QEMU whose guests run, under KVM and TCG, without executing: each exits with the probe's status.
    private func qemuThatProbesWell(_ folder: TemporaryFolder) throws -> AccelProbe {
        let qemu = folder.path + "/qemu"
        try "#!/bin/sh\n[ \"$1\" = --version ] && exec echo QEMU\nexit \(ProbeImage.exitStatus)\n".write(
            toFile: qemu, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: qemu)
        return AccelProbe(qemu: qemu, cache: Cache(root: folder.path))
    }

    @Test(.enabled(if: FileManager.default.isWritableFile(atPath: "/dev/kvm"), "there is no /dev/kvm"))
    func kvmThatBootsNoKernelIsReplacedByTCG() async throws {
        let folder = try TemporaryFolder()
        let probe = try qemuThatProbesWell(folder)
        let boots = Mutex<[Accelerator]>([])
        let boot: AccelProbe.TrialBoot = { acceleration in
            boots.withLock { $0.append(acceleration.accelerator) }
            if acceleration.accelerator == .kvm { throw HarnessError(.harness, "it stopped") }
        }
        for _ in 0..<2 {
            let found = try await probe.resolve(.auto, boot: boot)
            #expect(found.accelerator == .tcg)
            #expect(found.reason == "/dev/kvm is there but a kernel does not boot under it: it stopped: using TCG")
        }
        // The second time, the record has the result; KVM is not tried even without a kernel.
        #expect(boots.withLock { $0 } == [.kvm, .tcg])
        #expect(try await probe.resolve(.auto).accelerator == .tcg)
        await #expect(throws: HarnessError.self) { try await probe.resolve(.kvm) }
    }

    @Test(.enabled(if: FileManager.default.isWritableFile(atPath: "/dev/kvm"), "there is no /dev/kvm"))
    func aKernelThatBootsNowhereIsNoFaultOfKVM() async throws {
        let folder = try TemporaryFolder()
        let probe = try qemuThatProbesWell(folder)
        let neither = try await probe.resolve(.auto, boot: { _ in throw HarnessError(.harness, "it panics") })
        #expect(neither.accelerator == .tcg)
        #expect(neither.reason == "/dev/kvm is there but a kernel does not boot under it: it panics; nor under TCG: using TCG")
        // The next kernel boots under KVM, which is then known to work.
        #expect(try await probe.resolve(.auto, boot: { _ in }).accelerator == .kvm)
        #expect(try await probe.resolve(.auto, boot: { _ in throw HarnessError(.harness, "it panics") }).accelerator == .kvm)
    }

    @Test(arguments: [
        "KVM internal error. Suberror: 1", "KVM: entry failed, hardware error 0x80000021", "error: kvm run failed Bad address",
    ])
    func qemusMessageOfAnAcceleratorThatFailed(line: String) async throws {
        #expect(QEMUProcess.acceleratorFault(["RAX=0", line, "RBX=0"]) == line)
        #expect(QEMUProcess.acceleratorFault(["qemu-system-x86_64: warning: host doesn't support requested feature"]) == nil)
    }

    @Test func deadlineEndsAGuestThatHangs() async throws {
        let folder = try TemporaryFolder()
        let stuck = folder.path + "/qemu"
        try "#!/bin/sh\nexec sleep 1000\n".write(toFile: stuck, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: stuck)
        let probe = AccelProbe(qemu: stuck, cache: Cache(root: folder.path), limit: .milliseconds(300))
        #expect(try await probe.probe(.kvm) == .fails("a guest did not execute within 0.3 seconds"))
    }

    @Test func tscFromSamples() {
        func samples(_ rate: Double, jump: Double = 0) -> [UInt8] {
            var bytes: [UInt8] = []
            for index in 0..<2048 {
                let seconds = Double(index) * 16e-6 + (index > 1024 ? jump : 0)
                let time = UInt64(seconds * rate)
                let count = UInt32(65536 - Int(Double(index) * 16e-6 * 1_193_182) % 65536) & 0xffff
                for word in [UInt32(truncatingIfNeeded: time), UInt32(time >> 32), 400, count] {
                    for shift in stride(from: UInt32(0), to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
                }
            }
            return bytes
        }
        #expect(ProbeImage.tscKHz(samples: samples(2.5961e9)) == 2_596_000)
        #expect(ProbeImage.tscKHz(samples: samples(2.5961e9, jump: 0.01)) == nil)
        #expect(ProbeImage.tscKHz(samples: []) == nil)
        #expect(ProbeImage.tscKHz(samples: [UInt8](repeating: 0xff, count: 4099)) == nil)
    }
}
