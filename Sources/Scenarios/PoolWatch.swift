// SPDX-License-Identifier: GPL-2.0

import Glibc
public import KernelABI
public import Results

/// Follows the page pools of this network namespace through the netdev family's dump and notifications, which know
/// nothing of the trace: an oracle of its own.
public final class PoolWatch {
    private var netdev: Netdev
    private var notifications: Netdev
    private let softirq: ReceiveSoftirq
    private var baseline: Set<UInt64> = []
    private var seen: [UInt64: PoolObservation] = [:]
    private var order: [UInt64] = []
    private var drainBegan: UInt64?
    /// What is left of the scenario's pools was found to have come to a standstill (``Stillness``), and not waited for to the end.
    public private(set) var stoodStill = false

    public init() throws(KernelError) {
        netdev = try Netdev()
        notifications = try Netdev()
        try notifications.subscribePagePools()
        softirq = try ReceiveSoftirq()
    }

    /// Pools there now are not the scenario's.
    public func begin() throws(KernelError) {
        baseline = Set(try netdev.pagePools().map { $0.id })
        seen = [:]
        order = []
        drainBegan = nil
        stoodStill = false
        while try heard(within: 0) {}
    }

    /// Dumps the pools and keeps what is new about the scenario's.
    ///
    /// - Returns: the scenario's pools that are there now.
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

    /// Waits until `condition` holds for the scenario's pools that are there.
    ///
    /// - Parameters:
    ///   - nudging: let CPUs that have nothing to receive free what was deferred to them.
    ///   - inVain: asked after each look at which the condition did not hold; where true, the wait ends.
    /// - Returns: whether it came true within `seconds`.
    public func wait(
        within seconds: Double, nudging: Bool = false, unless inVain: ([PoolRecord]) -> Bool = { _ in false },
        until condition: ([PoolRecord]) -> Bool
    ) throws(KernelError) -> Bool {
        let start = MonotonicClock.now
        let end = start + UInt64(seconds * 1e9)
        while true {
            let records = try observe()
            if condition(records) { return true }
            let now = MonotonicClock.now
            guard now < end, !inVain(records) else { return false }
            if nudging { try softirq.runEverywhere() }
            // A pool's end is notified, its count is not: look again on either occasion, the more seldom the longer it takes. A
            // detached pool looks at itself once a second, and each look of ours takes the processor from the other guests.
            let pause = min(max((now - start) / 4, 5_000_000), 100_000_000)
            _ = try heard(within: CInt(min(pause, end - now) / 1_000_000 + 1))
        }
    }

    /// Waits for the end of every pool of the scenario, and notes how long each took since the first such wait. The wait is over
    /// early where all that is left has come to a standstill (``Stillness``).
    ///
    /// Pools of ordinary pages that are not detached belong to an interface that lives on: they are the queue's own, made
    /// when the provider went, and are not waited for.
    @discardableResult
    public func drain(within seconds: Double) throws(KernelError) -> [PoolObservation] {
        let start = drainBegan ?? MonotonicClock.now
        drainBegan = start
        var left = Set(try observe().map { $0.id })
        for id in order where !left.contains(id) { seen[id]?.gone = true }
        try softirq.runEverywhere()
        var stillness = Stillness()
        let isWaitedFor = { (record: PoolRecord) in record.provider != .pages || record.detached }
        let still = { (records: [PoolRecord]) in
            self.stoodStill = stillness.isReached(records)
            return self.stoodStill
        }
        _ = try wait(within: seconds, nudging: true, unless: { still($0.filter(isWaitedFor)) }) { records in
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

    /// Waits until the thread's namespace has no page pool but those that interfaces which are up have of their own.
    ///
    /// - Throws: `ScenarioFailure` where one is left; without a watch, for a namespace that nobody watched.
    static func waitForNone(within seconds: Double) throws {
        let softirq = try ReceiveSoftirq()
        let end = MonotonicClock.now + UInt64(seconds * 1e9)
        while let left = try pools().first(where: { $0.provider != .pages || $0.detached }) {
            guard MonotonicClock.now < end else {
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

    /// Waits for a notification. That some were lost is no matter: they only say when to dump again.
    private func heard(within milliseconds: CInt) throws(KernelError) -> Bool {
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
