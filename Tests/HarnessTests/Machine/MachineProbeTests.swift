// SPDX-License-Identifier: GPL-2.0

import Foundation
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
