// SPDX-License-Identifier: GPL-2.0

public import Checks
import Foundation
import Results

/// The inputs of every session from its host: the cache, the repository's `vm/` folder, the agent, the date, and the receiver of progress.
public struct HarnessContext: Sendable {
    public let cache: Cache
    public let vm: String
    public let agent: String
    /// For the expiry of the allow-list's entries.
    public let today: Day
    public let progress: Progress
    /// Where the commands of kernel sources run; nil for no sandbox.
    public let sandbox: BuildSandbox?

    /// - Parameters:
    ///   - vm: the repository's `vm/` folder.
    ///   - agent: the agent's program.
    ///   - today: for the expiry of the allow-list's entries.
    ///   - sandbox: where the commands of kernel sources run; nil for no sandbox.
    public init(cache: Cache, vm: String, agent: String, today: Day, sandbox: BuildSandbox? = nil, progress: Progress) {
        self.cache = cache
        self.vm = vm
        self.agent = agent
        self.today = today
        self.sandbox = sandbox
        self.progress = progress
    }

    /// The same, with progress printed elsewhere.
    func reporting(to progress: Progress) -> HarnessContext {
        HarnessContext(cache: cache, vm: vm, agent: agent, today: today, sandbox: sandbox, progress: progress)
    }

    var snapshots: SnapshotStore { SnapshotStore(cache: cache, progress: progress) }

    /// - Parameter jobs: compilers at a time.
    public func builder(jobs: Int) -> KernelBuilder { KernelBuilder(cache: cache, vm: vm, jobs: jobs, sandbox: sandbox, progress: progress) }

    /// Builds or finds kernel and image, and chooses the accelerator.
    ///
    /// - Parameter extra: more files for the image.
    /// - Throws: `HarnessError`.
    public func prepare(_ settings: RunSettings, extra: [(guestPath: String, hostPath: String)] = []) async throws -> PreparedMachine {
        try settings.machine.validate()
        try HostLimits.current.requireMachine(memoryMB: settings.machine.memoryMB)
        try requireAgent()
        let kernel = try await builder(jobs: settings.buildJobs).build(settings.kernel)
        return try await machine(of: kernel, settings.machine, extra: extra)
    }

    /// The machine of a kernel that is built.
    ///
    /// - Parameters:
    ///   - extra: more files for the image.
    ///   - trees: more folders for the image.
    func machine(
        of kernel: KernelBuild, _ requested: MachineOptions, extra: [(guestPath: String, hostPath: String)] = [],
        trees: [(guestPath: String, hostPath: String)] = []
    ) async throws -> PreparedMachine {
        try requested.validate()
        try HostLimits.current.requireMachine(memoryMB: requested.memoryMB)
        try requireAgent()
        if let reason = kernel.netdevsimReason {
            progress.report("no netdevsim tier on this kernel: \(reason)")
        }
        let image = try await GuestImage.build(
            agent: agent, initSource: vm + "/init.c", modules: kernel.netdevsim.map { [$0] } ?? [], extra: extra, trees: trees,
            cache: cache, progress: progress)
        func line(_ acceleration: Acceleration) -> QEMUCommandLine {
            var options = requested
            options.timeoutScale = TimeoutScale(
                emulated: acceleration.accelerator == .tcg, instrumented: kernel.profile != "fast", requested: requested.timeoutScale)
            return QEMUCommandLine(options: options, acceleration: acceleration, kernel: kernel.vmlinux, image: image.path)
        }
        let acceleration = try await AccelProbe(qemu: requested.qemu, cache: cache).resolve(requested.accelerator, progress: progress) {
            var trial = line($0)
            trial.options.shell = false
            try await withVirtualMachine(trial) { _ = try await $0.waitForReady() }
        }
        let version = try await QEMUTool(path: requested.qemu).version()
        return PreparedMachine(
            kernel: kernel, image: image, acceleration: acceleration, qemuVersion: version,
            plan: MachinePlan(line: line(acceleration), kernelKey: kernel.key, imageKey: image.key))
    }

    /// Takes the machine's snapshot before several machines start from it: a kernel that does not boot is then one error, not one for each
    /// machine. A splat in the boot belongs to no scenario, and is printed as progress.
    ///
    /// - Parameter bootConsole: the file for the boot's console; nil for none. It is not written where the cache has the snapshot.
    @discardableResult
    func boot(_ machine: PreparedMachine, bootConsole: String?) async throws -> Snapshot {
        let snapshot = try await snapshots.snapshot(machine.plan, bootConsole: bootConsole)
        if let bootConsole, let bytes = FileManager.default.contents(atPath: bootConsole) {
            for splat in KernelLog.splats(in: KernelLog.lines(of: Array(bytes))) {
                progress.report("note: the kernel logged while booting: \(splat.firstLine)")
            }
        }
        return snapshot
    }

    /// Boots the machine and calls `body`; its snapshot, of about 100 MB, is removed afterwards. For one kernel of many, each booted once.
    ///
    /// - Throws: `HarnessError`, whose `blame` is the kernel's where it does not boot; what `body` throws.
    func withOneTimeSnapshot<Value>(
        of machine: PreparedMachine, _ body: (PreparedMachine) async throws -> Value
    ) async throws -> Value {
        let snapshot = try await boot(machine, bootConsole: nil)
        defer { try? Files.remove(snapshot.folder) }
        return try await body(machine)
    }

    /// Names what a request changes in a kernel's configuration and in the machine.
    ///
    /// - Throws: `HarnessError` of kind `.input` for a profile, file or option that is not valid.
    func configuration(_ kernel: KernelRequest, _ machine: MachineOptions) throws -> String {
        Cache.key([try KernelConfig(request: kernel, folder: vm + "/config").text] + machine.shape)
    }

    /// Checked before a build, which takes minutes.
    private func requireAgent() throws {
        guard FileManager.default.isExecutableFile(atPath: agent) else {
            throw HarnessError(.harness, "there is no agent at \(agent)", hint: "scripts/build makes it, in the folder of ppiov")
        }
    }
}
