// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// Fails the first allocation of an operation, then the second, and so on until the operation makes no more. After each failure the
/// operation has failed with an errno or succeeded in spite of it, and what it took is back.
///
/// How many allocations an operation makes differs from turn to turn, by what the caches have, so that the count passes over some: it walks
/// until a walk has failed none that had not been failed before.
final class FaultWalk {
    /// More than the longest path allocates: a walk that gets there does not end by itself.
    private static let most = 1000
    /// Turns in a row without a failure that end a walk.
    private static let misses = 3
    /// Walks: the debug options' own allocations come from ever new places.
    private static let walks = 2...5

    private let run: ScenarioRun
    private let injection: FaultInjection
    private let failed: FailedAllocations
    private let links: Links
    private let before: Counters
    /// Pools that live through the walk.
    private let privilege: Set<UInt64>

    /// From the state the walk comes back to after every step.
    init(_ run: ScenarioRun, sparing: FaultInjection.Sparing = .dmaChecker) throws {
        self.run = run
        let injection = try FaultInjection(sparing: sparing)
        run.cleanUp("fault injection set back") { try injection.end() }
        self.injection = injection
        let failed = try FailedAllocations()
        run.cleanUp("tracing of failed allocations ended") { failed.end() }
        self.failed = failed
        links = try Links()
        privilege = Set(try run.pools.observe().map { $0.id })
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

        /// Does what is walked through, once in a turn.
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

        /// What was attempted turned out to have failed, by an answer that came later.
        func failed(_ later: any Error) { error = later }
    }

    /// Walks through what each turn attempts.
    ///
    /// - Parameters:
    ///   - atLeast: failures that must have been injected, else nothing was tried.
    ///   - turn: sets up, attempts, and ends what succeeded.
    func through(_ name: String, atLeast: Int, _ turn: (Turn) throws -> Void) throws {
        try run.step("\(name) without a fault") { _ = try take(0, turn) }
        _ = try failed.take()
        var outcomes: [String: Int] = [:]
        var injected = 0
        var places: Set<String> = []
        var news = -1
        var walks = 0
        while walks < Self.walks.lowerBound || (news != 0 && walks < Self.walks.upperBound) {
            walks += 1
            let count = try run.step("\(name) with each allocation failing in turn, walk \(walks)") {
                try walk(turn) { outcomes[$0, default: 0] += 1 }
            }
            injected = max(injected, count)
            let found = try failed.take()
            news = found.subtracting(places).count
            places.formUnion(found)
        }
        let words = outcomes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        try run.expect(
            injected >= atLeast, "\(injected) faults injected in a walk, in \(walks) walks at \(places.count) places: \(words)",
            "at least \(atLeast) were to be")
    }

    /// - Returns: how many faults were injected.
    private func walk(_ turn: (Turn) throws -> Void, _ note: (String) -> Void) throws -> Int {
        var injected = 0
        var nth = 0
        var missed = 0
        while missed < Self.misses {
            nth += 1
            guard nth < Self.most else { throw ScenarioFailure("allocation \(Self.most) of it still failed") }
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
            guard let injected = now.injected else { throw ScenarioFailure("nothing was attempted") }
            if let error = now.error {
                guard injected else { throw ScenarioFailure("failed though no fault was injected: \(error)") }
                guard let known = error as? KernelError else { throw error }
                note(known.codeName)
            } else if injected {
                note("survived")
            }
            try waitForHome()
            return injected
        } catch {
            throw ScenarioFailure("fault \(nth)\(now.error.map { " (\($0))" } ?? ""): \(error)")
        }
    }

    /// Counters and pools are as they were when the walk began.
    private func waitForHome() throws {
        var now: Counters = [:]
        var left: [PoolRecord] = []
        let restored = try run.wait(timeout: 4, pause: 0.005) {
            left = try run.pools.observe().filter { !privilege.contains($0.id) && ($0.provider != .pages || $0.detached) }
            now = try ResourceCounters.read(links: Int64(try links.list().count))
            return left.isEmpty && now == before
        }
        if restored { return }
        let changed = before.keys.sorted().filter { now[$0] != before[$0] }.map { "\($0) \(before[$0] ?? 0) -> \(now[$0] ?? 0)" }
        let pools = left.map { "page pool \($0.id) has \($0.inflight) in flight\($0.detached ? ", detached" : "")" }
        throw ScenarioFailure("not everything came back: \((changed + pools).joined(separator: "; "))")
    }
}
