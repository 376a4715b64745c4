// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// Fails the first allocation of an operation, then the second, and so on until the operation makes no more. After each failure the operation
/// has failed with an errno or has succeeded, and every resource that it took is released.
///
/// The number of allocations of an operation differs from turn to turn with the state of the caches, so that a walk misses some: the walk is
/// repeated until it fails none that has not failed before.
final class FaultWalk {
    /// More than the allocations of the longest path: a walk that reaches it would not end.
    private static let most = 1000
    /// Consecutive turns without an injected failure that end a walk.
    private static let misses = 3
    /// Number of walks: the allocations of debug options come from new places in many walks.
    private static let walks = 2...5

    private let run: ScenarioRun
    private let injection: FaultInjection
    private let failed: FailedAllocations
    private let links: Links
    private let before: Counters
    /// Pools that exist before the walk.
    private let poolsBefore: Set<UInt64>

    /// Reads the counters and pools that must be the same after every turn.
    init(_ run: ScenarioRun, sparing: FaultInjection.Sparing = .dmaChecker) throws {
        self.run = run
        let injection = try FaultInjection(sparing: sparing)
        run.cleanUp("settings of fault injection restored") { try injection.end() }
        self.injection = injection
        let failed = try FailedAllocations()
        run.cleanUp("tracing of failed allocations ended") { failed.end() }
        self.failed = failed
        links = try Links()
        poolsBefore = Set(try run.pools.observe().map { $0.id })
        before = try ResourceCounters.read(links: Int64(try links.list().count))
    }

    /// One turn of the walk.
    final class Turn {
        private let injection: FaultInjection
        /// Which allocation fails; 0 for none.
        let nth: Int
        private(set) var injected: Bool?
        private(set) var error: (any Error)?

        fileprivate init(_ injection: FaultInjection, _ nth: Int) {
            self.injection = injection
            self.nth = nth
        }

        /// Does the operation whose allocations fail, once in a turn.
        ///
        /// - Returns: whether it succeeded.
        func attempt(_ operation: () throws -> Void) throws -> Bool {
            var outcome: (any Error)?
            func guarded() {
                do { try operation() } catch { outcome = error }
            }
            if nth == 0 {
                guarded()
                injected = false
            } else {
                injected = try injection.fail(nth) { guarded() }
            }
            error = outcome
            return outcome == nil
        }

        /// Records that the operation has failed, where the kernel reports that later.
        func failed(_ later: any Error) { error = later }
    }

    /// Walks through the allocations of the operation that each turn attempts.
    ///
    /// - Parameters:
    ///   - atLeast: failures that must be injected in a walk.
    ///   - turn: sets up, attempts, and ends what succeeded.
    func through(_ name: String, atLeast: Int, _ turn: (Turn) throws -> Void) throws {
        try run.step("\(name) without a fault") { _ = try take(0, turn) }
        _ = try failed.take()
        var outcomes: [String: Int] = [:]
        var injected = 0
        var places: Set<String> = []
        var newPlaces = -1
        var walks = 0
        while walks < Self.walks.lowerBound || (newPlaces != 0 && walks < Self.walks.upperBound) {
            walks += 1
            let count = try run.step("\(name) with each allocation failing in turn, walk \(walks)") {
                try walk(turn) { outcomes[$0, default: 0] += 1 }
            }
            injected = max(injected, count)
            let found = try failed.take()
            newPlaces = found.subtracting(places).count
            places.formUnion(found)
        }
        let words = outcomes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        try run.expect(
            injected >= atLeast, "\(injected) faults injected in a walk, in \(walks) walks at \(places.count) places: \(words)",
            "expected were at least \(atLeast)")
    }

    /// - Returns: how many faults were injected.
    private func walk(_ turn: (Turn) throws -> Void, _ note: (String) -> Void) throws -> Int {
        var injected = 0
        var nth = 0
        var missed = 0
        while missed < Self.misses {
            nth += 1
            guard nth < Self.most else { throw ScenarioFailure("the operation has more than \(Self.most) allocations") }
            if try take(nth, turn, note) {
                injected += 1
                missed = 0
            } else {
                missed += 1
            }
        }
        return injected
    }

    /// - Returns: whether a fault was injected.
    private func take(_ nth: Int, _ turn: (Turn) throws -> Void, _ note: (String) -> Void = { _ in }) throws -> Bool {
        let now = Turn(injection, nth)
        do {
            try turn(now)
            guard let injected = now.injected else { throw ScenarioFailure("the turn attempted no operation") }
            if let error = now.error {
                guard injected else { throw ScenarioFailure("the operation failed without a fault: \(error)") }
                guard let known = error as? KernelError else { throw error }
                note(known.codeName)
            } else if injected {
                note("succeeded")
            }
            try waitUntilReleased()
            return injected
        } catch {
            throw ScenarioFailure("fault \(nth)\(now.error.map { " (\($0))" } ?? ""): \(error)")
        }
    }

    /// Waits until counters and pools are as before the walk.
    private func waitUntilReleased() throws {
        var now: Counters = [:]
        var left: [PoolRecord] = []
        let restored = try run.wait(timeout: 4, pause: 0.005) {
            left = try run.pools.observe().filter { !poolsBefore.contains($0.id) && ($0.provider != .pages || $0.detached) }
            now = try ResourceCounters.read(links: Int64(try links.list().count))
            return left.isEmpty && now == before
        }
        if restored { return }
        let changed = before.keys.sorted().filter { now[$0] != before[$0] }.map { "\($0) \(before[$0] ?? 0) -> \(now[$0] ?? 0)" }
        let pools = left.map { "page pool \($0.id) has \($0.inflight) in flight\($0.detached ? ", detached" : "")" }
        throw ScenarioFailure("not every resource is released: \((changed + pools).joined(separator: "; "))")
    }
}
