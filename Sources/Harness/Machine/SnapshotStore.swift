// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import Results

/// A machine to boot, with the keys its snapshot is stored under.
public struct MachinePlan: Sendable {
    public var line: QEMUCommandLine
    /// `KernelBuild.key`.
    public var kernelKey: String
    /// `GuestImage.key`.
    public var imageKey: String

    public init(line: QEMUCommandLine, kernelKey: String, imageKey: String) {
        self.line = line
        self.kernelKey = kernelKey
        self.imageKey = imageKey
    }
}

/// The snapshots in the cache.
public struct SnapshotStore: Sendable {
    public var cache: Cache
    public var progress: Progress

    public init(cache: Cache, progress: Progress = .silent) {
        self.cache = cache
        self.progress = progress
    }

    /// The state could not be loaded; nothing of the caller's has run.
    private struct Rejected: Error {
        var reason: String
    }

    /// Starts a machine from the plan's snapshot, which is taken first where the cache has none, and runs `body` with it.
    ///
    /// The guest waits for its first command; the ready event was said before, and is given to `body`. A snapshot that does not load
    /// is dropped and taken again, once.
    ///
    /// - Parameters:
    ///   - console: a file the restored machine's console is appended to.
    ///   - bootConsole: a file the boot's console is appended to, where one is booted.
    /// - Throws: what `body` throws; `HarnessError` where the machine boots or restores no more.
    public func withMachine<Value>(
        _ plan: MachinePlan, console: String? = nil, bootConsole: String? = nil, isolation: isolated (any Actor)? = #isolation,
        _ body: (VirtualMachine, _ ready: String) async throws -> Value
    ) async throws -> Value {
        do {
            return try await restore(plan, console, bootConsole, isolation, body)
        } catch let rejected as Rejected {
            progress.say("the snapshot does not load (\(rejected.reason)): booting again")
        }
        do {
            return try await restore(plan, console, bootConsole, isolation, body)
        } catch let rejected as Rejected {
            throw HarnessError(
                .harness, "a snapshot taken just now does not load: \(rejected.reason)", hint: "run with --isolate none, which needs none")
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
                try? FileManager.default.removeItem(atPath: snapshot.folder)
                throw Rejected(reason: (machine.exit?.stderr.last).map { "\(error); \($0)" } ?? "\(error)")
            }
            return try await body(machine, snapshot.ready)
        }
    }

    /// The plan's snapshot, from the cache or taken now. Of several that ask at once one takes it and the others wait.
    ///
    /// - Throws: `HarnessError` where the machine does not come to its ready event, with the console's last lines as evidence.
    public func snapshot(_ plan: MachinePlan, bootConsole: String? = nil) async throws -> Snapshot {
        try plan.line.options.validate()
        // It serves machines of either kind.
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
        // The lock is ours, so a half-made one is nobody's.
        let making = base + "/\(key).making"
        try? FileManager.default.removeItem(atPath: making)
        do {
            try FileManager.default.createDirectory(atPath: making, withIntermediateDirectories: true)
            try await take(plan, making, bootConsole)
            try FileManager.default.moveItem(atPath: making, toPath: folder)
            CacheAge.use(folder)
            CacheAge.prune(base) { !$0.contains(".") }
        } catch {
            // Asked before the half-made one makes room again: a full disk under the guest's memory is a SIGBUS to QEMU.
            let full = Self.isFull(base)
            try? FileManager.default.removeItem(atPath: making)
            guard full, let fault = error as? HarnessError else { throw error }
            throw Files.full("keep the booted guest in \(base)", evidence: [fault.message])
        }
        guard let snapshot = Snapshot(folder: folder) else {
            throw HarnessError(.harness, "the snapshot in \(folder) is gone already", hint: "is something clearing the cache?")
        }
        return snapshot
    }

    private func take(_ plan: MachinePlan, _ folder: String, _ console: String?) async throws {
        progress.say("booting the kernel")
        let began = ContinuousClock.now
        let ready = try await withVirtualMachine(plan.line, memory: .template(folder + "/memory"), console: console) { machine in
            let ready = try await machine.waitForReady()
            let booted = ContinuousClock.now
            try await machine.saveState(to: folder + "/state", within: plan.line.options.limit(60))
            let (boot, save) = ((booted - began).seconds, (.now - booted).seconds)
            progress.say(String(format: "booted in %.2f s, snapshot taken in %.2f s", boot, save))
            return ready
        }
        _ = try Snapshot(sealing: folder, ready: ready)
    }

    /// Less than a MiB is left where `folder` is.
    private static func isFull(_ folder: String) -> Bool {
        let left = try? FileManager.default.attributesOfFileSystem(forPath: folder)[.systemFreeSize] as? NSNumber
        return left.map { $0.int64Value < 1 << 20 } ?? false
    }
}
