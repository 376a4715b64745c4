// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import Results

/// A machine to boot, with the parts of its snapshot's key.
public struct MachinePlan: Sendable {
    /// The machine, with the paths of kernel and image.
    public var line: QEMUCommandLine
    /// `KernelBuild.key`.
    public var kernelKey: String
    /// `GuestImage.key`.
    public var imageKey: String

    /// A machine with the keys of its kernel and image.
    public init(line: QEMUCommandLine, kernelKey: String, imageKey: String) {
        self.line = line
        self.kernelKey = kernelKey
        self.imageKey = imageKey
    }
}

/// The snapshots in the cache.
struct SnapshotStore: Sendable {
    var cache: Cache
    var progress = Progress.discarded

    /// The state could not be loaded. The caller's body has not run.
    private struct Rejected: Error {
        var reason: String
    }

    /// Starts a machine from the plan's snapshot and runs `body` with it. Takes the snapshot first where the cache has none.
    ///
    /// The guest waits for its first command. Its ready event was sent before the snapshot; `body` gets it as an argument. A snapshot that
    /// does not load is removed and taken again, once.
    ///
    /// - Parameters:
    ///   - console: a file that the restored machine's console is appended to.
    ///   - bootConsole: a file that the console of a boot is appended to.
    /// - Throws: what `body` throws; `HarnessError` where the machine does not boot or its snapshot does not load.
    func withMachine<Value>(
        _ plan: MachinePlan, console: String? = nil, bootConsole: String? = nil, isolation: isolated (any Actor)? = #isolation,
        _ body: (VirtualMachine, _ ready: String) async throws -> Value
    ) async throws -> Value {
        do {
            return try await restore(plan, console, bootConsole, isolation, body)
        } catch let rejected as Rejected {
            progress.report("the snapshot does not load (\(rejected.reason)): booting again")
        }
        do {
            return try await restore(plan, console, bootConsole, isolation, body)
        } catch let rejected as Rejected {
            throw HarnessError(
                .harness, "a snapshot taken just now does not load: \(rejected.reason)", hint: "run with --isolate none: it needs no snapshot")
        }
    }

    private func restore<Value>(
        _ plan: MachinePlan, _ console: String?, _ bootConsole: String?, _ isolation: isolated (any Actor)?,
        _ body: (VirtualMachine, _ ready: String) async throws -> Value
    ) async throws -> Value {
        let snapshot = try await snapshot(plan, bootConsole: bootConsole)
        return try await withVirtualMachine(plan.line, memory: .restored(snapshot.memory), console: console) { machine in
            do {
                try await machine.loadState(from: snapshot.state, within: plan.line.options.limit(20))
            } catch let error where !(error is CancellationError) {
                try Task.checkCancellation()
                // Another process ended or stopped QEMU: the snapshot is not the reason.
                if let exit = machine.exit, exit.isOfAnotherProcess { throw HarnessError(.harness, "\(exit) while it loaded a snapshot") }
                try? FileManager.default.removeItem(atPath: snapshot.folder)
                throw Rejected(reason: (machine.exit?.stderr.last).map { "\(error); \($0)" } ?? "\(error)")
            }
            return try await body(machine, snapshot.ready)
        }
    }

    /// The plan's snapshot, from the cache or taken now. Of concurrent callers one takes it and the others wait.
    ///
    /// - Throws: `HarnessError` where the machine's agent does not become ready, with the console's last lines as evidence.
    func snapshot(_ plan: MachinePlan, bootConsole: String? = nil) async throws -> Snapshot {
        try plan.line.options.validate()
        // One snapshot serves both kinds of TCG.
        var plan = plan
        plan.line.singleThreadedTCG = false
        let version = try await QEMUTool(path: plan.line.options.qemu).version()
        let key = Snapshot.key(plan.line, kernelKey: plan.kernelKey, imageKey: plan.imageKey, version: version)
        let base = try cache.folder("snapshots")
        let folder = base + "/" + key
        if let snapshot = Snapshot(folder: folder) {
            CacheAge.use(folder)
            return snapshot
        }
        let lock = try await FileLock.acquire(base + "/\(key).lock")
        defer { lock.release() }
        if let snapshot = Snapshot(folder: folder) { return snapshot }
        try? FileManager.default.removeItem(atPath: folder)
        // This process holds the lock: an unfinished snapshot is that of a process that has ended.
        let making = base + "/" + key + Leftovers.unfinished
        try? FileManager.default.removeItem(atPath: making)
        do {
            try FileManager.default.createDirectory(atPath: making, withIntermediateDirectories: true)
            try await take(plan, making, bootConsole)
            try FileManager.default.moveItem(atPath: making, toPath: folder)
            CacheAge.use(folder)
            CacheAge.prune(base) { !$0.contains(".") }
        } catch {
            // Checked before the unfinished snapshot is removed: QEMU gets a SIGBUS where the disk of the guest's memory is full.
            let full = Self.isFull(base)
            try? FileManager.default.removeItem(atPath: making)
            guard full, let fault = error as? HarnessError else { throw error }
            throw Files.full("store the booted guest in \(base)", evidence: [fault.message])
        }
        guard let snapshot = Snapshot(folder: folder) else {
            throw HarnessError(.harness, "the snapshot in \(folder) was removed already", hint: "let no other program remove files of the cache")
        }
        return snapshot
    }

    private func take(_ plan: MachinePlan, _ folder: String, _ console: String?) async throws {
        progress.report("booting the kernel")
        let began = ContinuousClock.now
        let ready = try await withVirtualMachine(plan.line, memory: .template(folder + "/memory"), console: console) { machine in
            let ready = try await machine.waitForReady()
            let booted = ContinuousClock.now
            try await machine.saveState(to: folder + "/state", within: plan.line.options.limit(60))
            let (boot, save) = ((booted - began).seconds, (.now - booted).seconds)
            progress.report(String(format: "booted in %.2f s, snapshot taken in %.2f s", boot, save))
            return ready
        }
        _ = try Snapshot(sealing: folder, ready: ready)
    }

    /// Whether the file system of `folder` has less than a MiB left.
    private static func isFull(_ folder: String) -> Bool {
        let left = try? FileManager.default.attributesOfFileSystem(forPath: folder)[.systemFreeSize] as? NSNumber
        return left.map { $0.int64Value < 1 << 20 } ?? false
    }
}
