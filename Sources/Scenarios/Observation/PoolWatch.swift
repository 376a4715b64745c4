// SPDX-License-Identifier: GPL-2.0

import Glibc
public import KernelABI
public import Results

/// Observes the page pools of this network namespace by the dump and the notifications of the netdev family. The evidence is independent of the
/// trace.
public final class PoolWatch {
    private var netdev: Netdev
    private var notifications: Netdev
    private let softirq: ReceiveSoftirq
    private var baseline: Set<UInt64> = []
    private var seen: [UInt64: PoolObservation] = [:]
    private var order: [UInt64] = []
    private var drainBegan: UInt64?
    /// The pools that are left are quiescent (``Quiescence``), so they were not waited for until the deadline.
    public private(set) var isQuiescent = false

    public init() throws(KernelError) {
        netdev = try Netdev()
        notifications = try Netdev()
        try notifications.subscribePagePools()
        softirq = try ReceiveSoftirq()
    }

    /// Begins a scenario: the pools that exist now are not its own.
    public func begin() throws(KernelError) {
        baseline = Set(try netdev.pagePools().map { $0.id })
        seen = [:]
        order = []
        drainBegan = nil
        isQuiescent = false
        while try nextChange(within: 0) {}
    }

    /// Dumps the pools and records what has changed about the scenario's.
    ///
    /// - Returns: the scenario's pools that exist now.
    @discardableResult
    public func observe() throws(KernelError) -> [PoolRecord] {
        let records = try netdev.pagePools().filter { !baseline.contains($0.id) }.map(Self.record)
        for record in records {
            if seen[record.id] == nil { order.append(record.id) }
            var observation =
                seen[record.id]
                ?? PoolObservation(pool: record, peakInflight: 0, seenDetached: false, gone: false, drainTime: nil)
            observation.pool = record
            observation.peakInflight = max(observation.peakInflight, record.inflight)
            observation.seenDetached = observation.seenDetached || (record.detached && record.inflight > 0)
            seen[record.id] = observation
        }
        return records
    }

    /// Waits until `condition` holds for the scenario's pools that exist.
    ///
    /// - Parameters:
    ///   - runningSoftirqs: run the receive softirq on every CPU between two dumps: an idle CPU frees what was deferred to it only then.
    ///   - isFutile: evaluated after each dump for which the condition did not hold; where true, the wait ends.
    /// - Returns: whether it held within `seconds`.
    public func wait(
        within seconds: Double, runningSoftirqs: Bool = false, unless isFutile: ([PoolRecord]) -> Bool = { _ in false },
        until condition: ([PoolRecord]) -> Bool
    ) throws(KernelError) -> Bool {
        let start = MonotonicClock.now
        let end = start + UInt64(seconds * 1e9)
        while true {
            let records = try observe()
            if condition(records) { return true }
            let now = MonotonicClock.now
            guard now < end, !isFutile(records) else { return false }
            if runningSoftirqs { try softirq.runEverywhere() }
            // The end of a pool is notified, a change of its count is not: dump again in both cases, with pauses that grow with the time waited.
            // The kernel checks a detached pool once a second, and each dump takes processor time from the other guests.
            let pause = min(max((now - start) / 4, 5_000_000), 100_000_000)
            _ = try nextChange(within: CInt(min(pause, end - now) / 1_000_000 + 1))
        }
    }

    /// Makes every CPU run its receive softirq, again and again for so long: an idle CPU frees what was deferred to it only then.
    func runSoftirqs(for seconds: Double) throws(KernelError) {
        _ = try wait(within: seconds, runningSoftirqs: true) { _ in false }
    }

    /// Waits for the end of every pool of the scenario, and records how long each took since the first such wait. The wait ends early where the
    /// pools that are left are quiescent (``Quiescence``).
    ///
    /// Pools of ordinary pages that are not detached are not waited for: they are those of an interface that stays, made when the provider was
    /// uninstalled.
    @discardableResult
    public func drain(within seconds: Double) throws(KernelError) -> [PoolObservation] {
        let start = drainBegan ?? MonotonicClock.now
        drainBegan = start
        var left = Set(try observe().map { $0.id })
        for id in order where !left.contains(id) { seen[id]?.gone = true }
        try softirq.runEverywhere()
        var quiescence = Quiescence()
        let isWaitedFor = { (record: PoolRecord) in record.provider != .pages || record.detached }
        let quiescent = { (records: [PoolRecord]) in
            self.isQuiescent = quiescence.isReached(records)
            return self.isQuiescent
        }
        _ = try wait(within: seconds, runningSoftirqs: true, unless: { quiescent($0.filter(isWaitedFor)) }) { records in
            let present = Set(records.map { $0.id })
            for id in left.subtracting(present) {
                self.seen[id]?.gone = true
                self.seen[id]?.drainTime = MonotonicClock.now - start
            }
            left = present
            return !records.contains(where: isWaitedFor)
        }
        return order.compactMap { seen[$0] }
    }

    /// Waits until the thread's namespace has no page pools but those of ordinary pages that are not detached. For a namespace without a watch.
    ///
    /// - Throws: `ScenarioFailure` where one is left.
    static func waitForNone(within seconds: Double) throws {
        let softirq = try ReceiveSoftirq()
        let deadline = Deadline(seconds: seconds)
        while let left = try pools().first(where: { $0.provider != .pages || $0.detached }) {
            guard !deadline.hasPassed else {
                throw ScenarioFailure(
                    "page pool \(left.id) (\(left.provider.rawValue)) of the other namespace has \(left.inflight) in flight after \(seconds) s")
            }
            try softirq.runEverywhere()
            _ = poll(nil, 0, 20)
        }
    }

    /// The page pools of the thread's namespace.
    private static func pools() throws -> [PoolRecord] {
        let netdev = try Netdev()
        let pools = Result { try netdev.pagePools() }
        netdev.close()
        return try pools.get().map(record)
    }

    /// Waits for a notification. Each causes another dump, so a lost one only delays a dump.
    private func nextChange(within milliseconds: CInt) throws(KernelError) -> Bool {
        do {
            return try notifications.nextNotification(timeoutMilliseconds: milliseconds) != nil
        } catch {
            if error.codeName == "ENOBUFS" { return true }
            throw error
        }
    }

    private static func record(_ pool: PagePool) -> PoolRecord {
        PoolRecord(
            id: pool.id, ifindex: pool.ifindex,
            provider: pool.dmabufID != nil ? .devmem : pool.ioUring ? .zcrx : .pages,
            inflight: pool.inflight, detached: pool.detachTime != nil)
    }
}
