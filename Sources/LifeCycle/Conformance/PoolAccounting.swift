// SPDX-License-Identifier: GPL-2.0

/// The running state of `PoolLedger.examine`: an account of each pool, by address and generation.
///
/// `PoolAttribution.swift` finds the pool of an event, `PoolClosing.swift` checks each pool at the end of the trace.
struct PoolAccounting {
    /// One pool. Several pools can have the same address, one after the other.
    struct Pool {
        var account: PoolLedger.Account
        var holds = CounterSet()
        var releases = CounterSet()
        /// Index of the pool's latest event.
        var lastEvent = 0
        var lastTime: UInt64 = 0
        var running: Int64 = 0
        var peak: Int64 = 0
        /// The hold with the highest counter so far.
        var newestHold: (counter: UInt32, time: UInt64, cpu: UInt32)?
        var mostHolds: UInt32 = 0
        var distinct: UInt64 = 0
        /// Index of the event that began another pool at the same address before this one was freed.
        var replacedBy: Int?

        init(address: UInt64, generation: Int) {
            account = PoolLedger.Account(pool: address, generation: generation)
        }
    }

    /// A violation, and the event that shows it.
    struct Found {
        var invariant: Violation.Invariant
        var message: String
        var pool: UInt64
        var netmem: UInt64?
        var event: Int
    }

    let tolerance: PoolLedger.Tolerance
    let begin: PoolLedger.Begin
    let end: PoolLedger.End
    /// In the order in which they appeared.
    var pools: [Pool] = []
    private(set) var found: [Found] = []
    /// Number of violations, including those that exceed `foundLimit`.
    private(set) var foundCount = 0
    /// The pools at each address, as indices of `pools`.
    var generations: [UInt64: [Int]] = [:]
    var netmems: NetmemLedger
    private var users: UserHoldings
    /// The pool of the latest lookup.
    var latest: (address: UInt64, pool: Int)?
    /// The most violations that are stored.
    private static let foundLimit = 4096
    private static let poolLimit = 100_000
    /// The trace has more pools or netmems than the limit; the events after that are not examined.
    private(set) var isTooLarge = false

    init(tolerance: PoolLedger.Tolerance, begin: PoolLedger.Begin, end: PoolLedger.End) {
        self.tolerance = tolerance
        self.begin = begin
        self.end = end
        netmems = NetmemLedger(tolerance: tolerance)
        users = UserHoldings(skew: tolerance.clockSkew)
    }

    /// When user space last marked that it closed or was killed; trace clock.
    private(set) var closed: UInt64?

    /// - Parameters:
    ///   - index: of the event in the trace.
    ///   - noEventSince: see `NetmemLedger.release`.
    mutating func record(_ event: TraceEvent, at index: Int, noEventSince: UInt64?) {
        if pools.count > Self.poolLimit || netmems.isFull {
            isTooLarge = true
            return
        }
        if let early = users.confirmed(at: event.time) { reportUserHeld(early) }
        switch event.action {
        case .hold(let netmem, let counter):
            let pool = poolForHold(event, counter, at: index)
            pools[pool].holds.insert(counter)
            checkOrder(event, counter, pool, at: index)
            pools[pool].account.holds += 1
            pools[pool].account.netIovHolds += netmem & 1
            pools[pool].running += 1
            pools[pool].peak = max(pools[pool].peak, pools[pool].running)
            touch(pool, event, index)
            let mark = NetmemLedger.Mark(pool: Int32(truncatingIfNeeded: pool), cpu: event.cpu, event: index, time: event.time)
            let times = netmems.hold(netmem, mark)
            if times == 1 { pools[pool].distinct += 1 }
            pools[pool].mostHolds = max(pools[pool].mostHolds, times)
            if netmem & 1 != 0 { users.hold(isOld: counter != 1 && pools[pool].account.holds == 1) }
        case .release(let netmem, let counter):
            let pool = poolForRelease(event, netmem, counter, at: index)
            pools[pool].releases.insert(counter)
            pools[pool].account.releases += 1
            pools[pool].account.netIovReleases += netmem & 1
            pools[pool].running -= 1
            touch(pool, event, index)
            let mark = NetmemLedger.Mark(pool: Int32(truncatingIfNeeded: pool), cpu: event.cpu, event: index, time: event.time)
            netmems.release(netmem, mark, noEventSince: noEventSince)
            if netmem & 1 != 0 { users.release(event, netmem, at: index) }
        case .mark(let mark, let count):
            users.mark(mark, count)
            if mark == .closed || mark == .killed { closed = event.time }
        case .poolRelease(let inflight, let hold, let release, _):
            let pool = poolForPoolRelease(event, hold, release, at: index)
            pools[pool].account.lastRelease = PoolLedger.Account.LastRelease(
                time: event.time, inflight: inflight, hold: hold, release: release)
            pools[pool].account.freed = inflight == 0
            pools[pool].account.destroyed = pools[pool].account.destroyed ?? event.time
            pools[pool].account.inflightAtDestroy = pools[pool].account.inflightAtDestroy ?? inflight
            touch(pool, event, index)
            if inflight != Int32(bitPattern: hold &- release) {
                report(
                    .contiguousCounters,
                    "pool \(hex(event.pool)): \(inflight) in flight by the kernel's count, but hold=\(hold) release=\(release)", event.pool, nil,
                    index)
            }
            if inflight < 0 {
                report(
                    .neverNegative, "pool \(hex(event.pool)): \(inflight) in flight (hold=\(hold) release=\(release))",
                    event.pool, nil, index)
            }
        }
    }

    /// Holds are counted and recorded in the pool's NAPI context, one at a time: a later hold has a higher counter. Releases come from any
    /// context and are recorded in any order.
    @inline(__always)
    private mutating func checkOrder(_ event: TraceEvent, _ counter: UInt32, _ pool: Int, at index: Int) {
        if let newest = pools[pool].newestHold, Int32(bitPattern: counter &- newest.counter) < 0 {
            if event.cpu == newest.cpu || event.time > newest.time &+ tolerance.clockSkew {
                report(
                    .contiguousCounters, "pool \(hex(event.pool)): hold=\(counter) after hold=\(newest.counter)", event.pool,
                    event.netmem, index)
            }
        } else {
            pools[pool].newestHold = (counter, event.time, event.cpu)
        }
    }

    /// The trace has ended: closes every pool.
    mutating func finish() {
        if let early = users.confirmed(at: .max) { reportUserHeld(early) }
        netmems.finish()
        for index in pools.indices { close(index) }
        var budget = pools.map { $0.account.carriedIn ?? UInt64.max }
        for unmatched in netmems.unmatchedReleases {
            let mark = unmatched.release
            let pool = Int(mark.pool)
            if unmatched.first && budget[pool] > 0 {
                budget[pool] -= 1
                continue
            }
            let address = pools[pool].account.pool
            report(
                .releaseOfHeld,
                "pool \(hex(address)) released \(hex(unmatched.netmem)) that it did not hold\(counts(pool))",
                address, unmatched.netmem, mark.event)
        }
        for second in netmems.secondHolds {
            let address = pools[Int(second.hold.pool)].account.pool
            let holder = pools[Int(second.holder)].account.pool
            report(
                .noSecondHold,
                "pool \(hex(address)) held \(hex(second.netmem)) again while pool \(hex(holder)) had not released it"
                    + counts(Int(second.hold.pool)),
                address, second.netmem, second.hold.event)
        }
        found.sort { $0.event < $1.event }
        foundCount += netmems.dropped
    }

    private mutating func reportUserHeld(_ early: UserHoldings.Early) {
        report(
            .userHeldIsInflight,
            "user space holds \(early.held) net_iovs, and only \(early.inflight) are in flight: one was released while user space held it",
            early.pool, early.netmem, early.event)
    }

    mutating func reportUsedAfterFree(_ event: TraceEvent, _ pool: Int, _ index: Int) {
        report(
            .freedStaysFreed, "pool \(hex(event.pool)) was freed and is used again\(counts(pool))", event.pool, event.netmem, index)
    }

    /// " (held 3, released 1)"
    func counts(_ pool: Int) -> String {
        let account = pools[pool].account
        return " (held \(account.holds), released \(account.releases))"
    }

    mutating func report(
        _ invariant: Violation.Invariant, _ message: String, _ pool: UInt64, _ netmem: UInt64?, _ event: Int
    ) {
        foundCount += 1
        guard found.count < Self.foundLimit else { return }
        found.append(Found(invariant: invariant, message: message, pool: pool, netmem: netmem, event: event))
    }
}
