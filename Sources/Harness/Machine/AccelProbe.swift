// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// The accelerator that runs guests here, and why.
public struct Acceleration: Codable, Sendable, Equatable {
    /// The accelerator.
    public var accelerator: Accelerator
    /// Why it is not KVM, in one line; nil where it is, or where TCG was requested.
    public var reason: String?
    /// Rate of the guest's TSC under TCG, in kHz; nil where it could not be measured.
    public var tscKHz: Int?

    /// An accelerator, with the reason why it is not KVM and the guest's TSC rate.
    public init(accelerator: Accelerator, reason: String? = nil, tscKHz: Int? = nil) {
        self.accelerator = accelerator
        self.reason = reason
        self.tscKHz = tscKHz
    }
}

/// Finds the accelerator that runs guests on this host, by running one.
///
/// `/dev/kvm` can exist, open and make a VM, and still never execute a guest; `-cpu host` can abort on an MSR; a KVM that emulates
/// instructions can run the probe's guest and fail at the first one of a kernel that it does not know (cmpxchg16b). Only a kernel
/// that boots proves it. The result is cached for this boot of the host and this QEMU.
struct AccelProbe: Sendable {
    var qemu = "qemu-system-x86_64"
    var cache: Cache
    /// The deadline of a probe. A probe that succeeds takes 0.1 s.
    var limit = Duration.seconds(5)

    /// One probe's result.
    enum Outcome: Sendable, Equatable {
        case works(tscKHz: Int?)
        case fails(String)
    }

    /// Boots a kernel until its agent is ready.
    typealias TrialBoot = (Acceleration) async throws -> Void

    private struct Record: Codable {
        /// The probe's guest runs under KVM.
        var kvm: Acceleration?
        /// A kernel has booted under KVM.
        var kvmBoots: Bool?
        var kvmFault: String?
        var tcg: Acceleration?
    }

    /// Chooses the accelerator.
    ///
    /// - Parameter boot: boots a kernel. With it, `auto` takes KVM only after a kernel has booted under it once.
    /// - Throws: `HarnessError` where KVM was requested and does not work, or where TCG does not work.
    func resolve(
        _ choice: AcceleratorChoice, progress: Progress = .discarded, boot: TrialBoot? = nil
    ) async throws -> Acceleration {
        let file = try await recordFile()
        // One process probes and the others wait for it: a busy host measures another rate each time, and the rate is part of a snapshot's key.
        let lock = try await FileLock.acquire(file + ".lock")
        defer { lock.release() }
        var record = Self.read(file)
        if choice != .tcg, record.kvm == nil, record.kvmFault == nil {
            switch try await kvm() {
            case .works: record.kvm = Acceleration(accelerator: .kvm)
            case .fails(let reason): record.kvmFault = reason
            }
            Self.write(record, file)
        }
        if choice == .auto, let kvm = record.kvm, record.kvmBoots != true, let boot {
            progress.report("trying KVM: does this kernel boot under it?")
            if let fault = try await Self.fault(of: kvm, boot) {
                let reason = "/dev/kvm is there but a kernel does not boot under it: \(fault)"
                var tcg = try await tcg(&record)
                if try await Self.fault(of: tcg, boot) != nil {
                    // It boots under neither: TCG runs every kernel, so the cause is this one, and the next is tried under KVM again.
                    tcg.reason = "\(reason); nor under TCG: using TCG"
                    progress.report(tcg.reason ?? reason)
                    return tcg
                }
                (record.kvm, record.kvmFault) = (nil, reason)
            } else {
                record.kvmBoots = true
            }
            Self.write(record, file)
        }
        if choice != .tcg, let kvm = record.kvm { return kvm }
        if choice == .kvm {
            throw HarnessError(.harness, "KVM does not work here: \(record.kvmFault ?? "unknown")", hint: "use --accel tcg")
        }
        var tcg = try await tcg(&record)
        Self.write(record, file)
        if choice == .auto, let fault = record.kvmFault {
            tcg.reason = "\(fault): using TCG"
            progress.report("\(fault): using TCG")
        }
        return tcg
    }

    /// TCG, which is probed where the record does not have it.
    private func tcg(_ record: inout Record) async throws -> Acceleration {
        if let known = record.tcg { return known }
        switch try await probe(.tcg) {
        case .works(let khz):
            let tcg = Acceleration(accelerator: .tcg, tscKHz: khz)
            record.tcg = tcg
            return tcg
        case .fails(let reason):
            throw HarnessError(
                .harness, "\(qemu) does not run a guest under TCG: \(reason)", hint: "`ppiov doctor` names the packages to install")
        }
    }

    /// Why a kernel does not boot; nil where it does.
    private static func fault(of acceleration: Acceleration, _ boot: TrialBoot) async throws -> String? {
        do {
            try await boot(acceleration)
            return nil
        } catch let error as HarnessError {
            try Task.checkCancellation()
            return error.message
        }
    }

    private func kvm() async throws -> Outcome {
        guard FileManager.default.fileExists(atPath: "/dev/kvm") else { return .fails("there is no /dev/kvm") }
        guard FileManager.default.isReadableFile(atPath: "/dev/kvm"), FileManager.default.isWritableFile(atPath: "/dev/kvm") else {
            return .fails("/dev/kvm is there but you have no permission to open it: your user must be in the group of the file")
        }
        switch try await probe(.kvm) {
        case .works(let khz): return .works(tscKHz: khz)
        case .fails(let reason): return .fails("/dev/kvm is there but \(reason)")
        }
    }

    /// Runs the probe guest once, with the deadline.
    func probe(_ accelerator: Accelerator) async throws -> Outcome {
        let folder = try RunFolder()
        let image = folder.path + "/probe.bin"
        let samples = folder.path + "/samples"
        try Data(ProbeImage.bytes).write(to: URL(fileURLWithPath: image))
        let process = try QEMUProcess(
            program: qemu, arguments: ProbeImage.arguments(accelerator, image: image, output: samples), directory: folder.path, ended: {})
        let exit: MachineExit?
        do {
            exit = try await withTaskCancellationHandler {
                try await waitForExit(of: process)
            } onCancel: {
                process.kill()
            }
        } catch {
            process.kill()
            _ = await Task { try? await process.waitForExit() }.value
            folder.remove()
            throw error
        }
        let bytes = (try? Data(contentsOf: URL(fileURLWithPath: samples))).map(Array.init) ?? []
        folder.remove()
        try Task.checkCancellation()
        guard let exit else { return .fails("a guest did not execute within \(limit)") }
        if exit.cause == .status(ProbeImage.exitStatus) { return .works(tscKHz: ProbeImage.tscKHz(samples: bytes)) }
        return .fails("a guest does not run: \(exit)" + (exit.stderr.first.map { " (\($0))" } ?? ""))
    }

    /// nil where the deadline passed. The process has ended in either case.
    private func waitForExit(of process: QEMUProcess) async throws -> MachineExit? {
        if let exit = try await withDeadline(limit, { try await process.waitForExit() }) { return exit }
        process.kill()
        _ = try await process.waitForExit()
        return nil
    }

    private func recordFile() async throws -> String {
        let boot = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
        let key = Cache.key([boot.trimmingCharacters(in: .whitespacesAndNewlines), try await QEMUTool(path: qemu).version(), "2"])
        return try cache.folder("probe") + "/\(key).json"
    }

    private static func read(_ file: String) -> Record {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: file)), let record = try? JSONDecoder().decode(Record.self, from: data)
        else { return Record() }
        return record
    }

    /// A failure is ignored: the next run then probes again.
    private static func write(_ record: Record, _ file: String) {
        try? Files.write(json: record, to: file)
    }
}

/// The QEMU program.
struct QEMUTool: Sendable {
    var path = "qemu-system-x86_64"

    /// The first line of `--version`.
    ///
    /// - Throws: `HarnessError` where it cannot be run.
    func version() async throws -> String {
        let text = try await Command(path, ["--version"]).output()
        return text.filledLines.first.map(String.init) ?? ""
    }
}
