// SPDX-License-Identifier: GPL-2.0

import Checks
import Foundation
import Scenarios

/// Everything a run stands on, ready: kernel, image, accelerator, and the machine they make.
public struct Bench: Sendable {
    public var kernel: KernelBuild
    public var image: GuestImage
    public var acceleration: Acceleration
    public var qemuVersion: String
    public var plan: MachinePlan
    /// How much more patience this kernel and accelerator need than a plain kernel under KVM.
    public var slowness: Double

    /// Machines at a time where nobody says how many. A guest with a plain kernel waits two thirds of its time; one with a debug kernel
    /// computes, and each more of them has timer ticks of its own to pay for.
    var guests: Int { (kernel.profile == "fast" ? 3 : 1) * max(1, ProcessInfo.processInfo.activeProcessorCount) }

    /// What this kernel must have.
    var guaranteed: GuaranteedNeeds {
        GuaranteedNeeds(KernelFacts(kernel, configuration: try? String(contentsOfFile: kernelConfig, encoding: .utf8)))
    }

    private var kernelConfig: String { (kernel.vmlinux as NSString).deletingLastPathComponent + "/config" }
}

/// Where runs are prepared: the cache, the repository's `vm/` folder and the agent.
public struct Workshop: Sendable {
    public static let version = "0.1.0"

    public let cache: Cache
    public let vm: String
    public let agent: String
    public let progress: Progress

    /// - Parameters:
    ///   - vm: the repository's `vm/` folder.
    ///   - agent: the agent's program.
    public init(cache: Cache, vm: String, agent: String, progress: Progress) {
        self.cache = cache
        self.vm = vm
        self.agent = agent
        self.progress = progress
    }

    /// Builds or finds kernel and image, and chooses the accelerator.
    ///
    /// - Parameter extra: more files for the image.
    /// - Throws: `HarnessError`.
    public func prepare(
        kernel request: KernelRequest, machine: MachineOptions, buildJobs: Int, extra: [(guestPath: String, hostPath: String)] = []
    ) async throws -> Bench {
        try machine.validate()
        try requireAgent()
        let kernel = try await KernelBuilder(cache: cache, vm: vm, jobs: buildJobs, progress: progress).build(request)
        return try await bench(kernel, machine: machine, extra: extra)
    }

    /// A splat while booting belongs to no scenario, but the user should know of it.
    func noteBootSplats(_ console: String) {
        guard let bytes = try? Data(contentsOf: URL(fileURLWithPath: console)) else { return }
        for splat in KernelLog.splats(in: KernelLog.lines(of: Array(bytes))) {
            progress.say("note: the kernel said while booting: \(splat.firstLine)")
        }
    }

    /// Names what is asked of a kernel's configuration and of the machine's shape.
    ///
    /// - Throws: `HarnessError` of kind `.input` for a profile, file or option that cannot be.
    func configuration(_ kernel: KernelRequest, _ machine: MachineOptions) throws -> String {
        Cache.key([try KernelConfig(request: kernel, folder: vm + "/config").text] + machine.shape)
    }

    /// What a long build should not come before.
    private func requireAgent() throws {
        guard FileManager.default.isExecutableFile(atPath: agent) else {
            throw HarnessError(.harness, "there is no agent at \(agent)", hint: "scripts/build makes it, beside ppiov")
        }
    }

    /// The bench of a kernel that is built.
    func bench(
        _ kernel: KernelBuild, machine: MachineOptions, extra: [(guestPath: String, hostPath: String)] = [],
        trees: [(guestPath: String, hostPath: String)] = []
    ) async throws -> Bench {
        try machine.validate()
        try requireAgent()
        if let reason = kernel.netdevsimReason {
            progress.say("no netdevsim tier on this kernel: \(reason)")
        }
        let image = try await GuestImage.build(
            agent: agent, initSource: vm + "/init.c", modules: kernel.netdevsim.map { [$0] } ?? [], extra: extra, trees: trees,
            cache: cache, progress: progress)
        let acceleration = try await AccelProbe(qemu: machine.qemu, cache: cache).resolve(machine.accelerator, progress: progress)
        var options = machine
        var slowness = acceleration.accelerator == .tcg ? 2.0 : 1.0
        if kernel.profile != "fast" { slowness *= 4 }
        options.timeoutScale *= slowness
        let line = QEMUCommandLine(options: options, acceleration: acceleration, kernel: kernel.vmlinux, image: image.path)
        let version = try await QEMUTool(path: machine.qemu).version()
        return Bench(
            kernel: kernel, image: image, acceleration: acceleration, qemuVersion: version,
            plan: MachinePlan(line: line, kernelKey: kernel.key, imageKey: image.key), slowness: slowness)
    }
}
