// SPDX-License-Identifier: GPL-2.0

/// The running state of `PoolLedger.examine`: every pool seen, by address and generation.
struct PoolBooks {
    /// One pool. An address can serve several, one after the other.
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
        /// Another pool began at the same address before this one was seen freed.
        var overtakenBy: Int?

        init(address: UInt64, generation: Int) {
            account = PoolLedger.Account(pool: address, generation: generation)
        }
    }

    struct Found {
        var invariant: Violation.Invariant
        var message: String
        var pool: UInt64
        var netmem: UInt64?
        var event: Int
    }

    private let tolerance: PoolLedger.Tolerance
    private let begin: PoolLedger.Begin
    private let end: PoolLedger.End
    private(set) var pools: [Pool] = []
    private(set) var found: [Found] = []
    /// All that were found, kept or not.
    private(set) var foundCount = 0
    private var generations: [UInt64: [Int]] = [:]
    private var netmems: NetmemLedger
    private var users: UserHoldings
    private var latest: (address: UInt64, pool: Int)?
    /// More than this help nobody, and come from no kernel.
    private static let keptFindings = 4096
    static let poolLimit = 100_000
    /// The trace named more pools than `poolLimit`; what came after is not examined.
    private(set) var isOverwhelmed = false

    init(tolerance: PoolLedger.Tolerance, begin: PoolLedger.Begin, end: PoolLedger.End) {
        self.tolerance = tolerance
        self.begin = begin
        self.end = end
        netmems = NetmemLedger(tolerance: tolerance)
        users = UserHoldings(skew: tolerance.clockSkew)
    }

    mutating func record(_ event: TraceEvent, at index: Int, silentSince: UInt64?) {
        if pools.count > Self.poolLimit || netmems.isFull {
            isOverwhelmed = true
            return
        }
        if let early = users.look(at: event.time) { reportUserHeld(early) }
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
            netmems.release(netmem, mark, silentSince: silentSince)
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
                    "pool \(hex(event.pool)): \(inflight) in flight by its own count, and hold=\(hold) release=\(release)", event.pool, nil,
                    index)
            }
            if inflight < 0 {
                report(
                    .neverNegative, "pool \(hex(event.pool)): \(inflight) in flight (hold=\(hold) release=\(release))",
                    event.pool, nil, index)
            }
        }
    }

    /// Holds are counted and recorded by whoever polls the pool's NAPI, one at a time: a later one has a higher counter. Releases are
    /// anybody's, and recorded in any order.
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

    mutating func finish() {
        if let early = users.look(at: .max) { reportUserHeld(early) }
        netmems.finish()
        for index in pools.indices { close(index) }
        var budget = pools.map { $0.account.carriedIn ?? UInt64.max }
        for unmatched in netmems.unmatched {
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

    /// When user space last said that it closed or was killed.
    private(set) var closed: UInt64?

    private mutating func reportUserHeld(_ early: UserHoldings.Early) {
        report(
            .userHeldIsInflight,
            "user space has \(early.has) net_iovs, and only \(early.inflight) are in flight: one was given back under it",
            early.pool, early.netmem, early.event)
    }

    // MARK: - Which pool an event belongs to

    private mutating func poolForHold(_ event: TraceEvent, _ counter: UInt32, at index: Int) -> Int {
        guard let current = current(event.pool) else { return open(event.pool) }
        if pools[current].account.freed {
            let pool = pools[current]
            // The last holds of a pool can carry a time stamp after its end only by the CPUs' clocks.
            if isLate(counter, in: pool.holds, upTo: pool.account.lastRelease?.hold),
                event.time &- pool.lastTime <= tolerance.clockSkew
            {
                return current
            }
            if counter != 1 { reportNamedAgain(event, current, index) }
            return open(event.pool)
        }
        // A counter that has wrapped to 0 goes on with 1.
        if counter == 1, pools[current].holds.highest != 0, pools[current].holds.contains(1) || (pools[current].holds.lowest ?? 2) != 2 {
            let next = open(event.pool)
            pools[current].overtakenBy = index
            return next
        }
        return current
    }

    private mutating func poolForRelease(_ event: TraceEvent, _ netmem: UInt64, _ counter: UInt32, at index: Int) -> Int {
        guard let current = current(event.pool) else { return open(event.pool) }
        // A context counts before it records: its release can be the one that let the pool go, and be recorded after its end,
        // even after a new pool's beginning at the same address.
        guard pools[current].account.freed || pools[current].account.generation > 0 else { return current }
        for older in (generations[event.pool] ?? []).suffix(2).reversed() {
            guard pools[older].account.freed else { continue }
            let pool = pools[older]
            guard event.time &- (pool.account.lastRelease?.time ?? 0) <= tolerance.recordingDelay,
                isLate(counter, in: pool.releases, upTo: pool.account.lastRelease?.release)
            else { continue }
            if older == current || netmems.holder(of: netmem).map(Int.init) == older { return older }
        }
        if pools[current].account.freed {
            reportNamedAgain(event, current, index)
            return open(event.pool)
        }
        return current
    }

    private mutating func poolForPoolRelease(_ event: TraceEvent, _ hold: UInt32, _ release: UInt32, at index: Int) -> Int {
        guard let current = current(event.pool) else { return open(event.pool) }
        if !pools[current].account.freed {
            // The end of the pool before, recorded after the beginning of the next.
            let known = generations[event.pool] ?? []
            if known.count > 1, case let older = known[known.count - 2], !pools[older].account.freed,
                pools[older].holds.highest == hold, pools[current].holds.highest != hold
            {
                return older
            }
            return current
        }
        // A pool that never held anything ends like this, too.
        if hold != 0 || release != 0 { reportNamedAgain(event, current, index) }
        return open(event.pool)
    }

    private mutating func current(_ address: UInt64) -> Int? {
        if let latest, latest.address == address { return latest.pool }
        guard let pool = generations[address]?.last else { return nil }
        latest = (address, pool)
        return pool
    }

    private mutating func open(_ address: UInt64) -> Int {
        let pool = pools.count
        pools.append(Pool(address: address, generation: generations[address]?.count ?? 0))
        generations[address, default: []].append(pool)
        latest = (address, pool)
        return pool
    }

    /// A value that the kernel's last count includes and that no event has shown yet.
    private func isLate(_ counter: UInt32, in seen: CounterSet, upTo last: UInt32?) -> Bool {
        guard let last, Int32(bitPattern: last &- counter) >= 0, !seen.contains(counter) else { return false }
        guard let lowest = seen.lowest else { return true }
        return Int32(bitPattern: counter &- lowest) >= -1
    }

    private mutating func touch(_ pool: Int, _ event: TraceEvent, _ index: Int) {
        if pools[pool].account.began == 0 { pools[pool].account.began = event.time }
        pools[pool].lastEvent = index
        pools[pool].lastTime = event.time
    }

    // MARK: - The end of a pool's books

    private mutating func close(_ index: Int) {
        var pool = pools[index]
        let address = pool.account.pool
        let at = pool.lastEvent
        // What lies before the recording: the values below the first one seen. With no event to tell, ask the kernel's last count.
        let holdsBefore = pool.holds.lowest.map { $0 &- 1 } ?? pool.account.lastRelease?.hold
        let releasesBefore = pool.releases.lowest.map { $0 &- 1 } ?? pool.account.lastRelease?.release
        let hasNetIovs = pool.account.netIovHolds + pool.account.netIovReleases > 0
        let isNew = pool.account.generation > 0 || holdsBefore == 0 || begin == .noPools || (begin == .noNetIovs && hasNetIovs)
        pool.account.isOlderThanRecording = !isNew
        if isNew {
            pool.account.carriedIn = 0
        } else if let holdsBefore, let releasesBefore {
            pool.account.carriedIn = UInt64(max(0, Int32(bitPattern: holdsBefore &- releasesBefore)))
        }
        pool.account.mostHoldsOfOne = UInt64(pool.mostHolds)
        pool.account.distinct = pool.distinct
        pool.account.peakInflight = UInt64(max(0, pool.peak)) + (pool.account.carriedIn ?? 0)
        pools[index] = pool

        for (name, counter, last) in [
            ("hold", pool.holds, pool.account.lastRelease?.hold), ("release", pool.releases, pool.account.lastRelease?.release),
        ] {
            if counter.senseless {
                report(.contiguousCounters, "pool \(hex(address)): the \(name) counter jumps about", address, nil, at)
                continue
            }
            for value in counter.duplicates {
                report(.contiguousCounters, "pool \(hex(address)): two events with \(name)=\(value)", address, nil, at)
            }
            for gap in counter.gaps {
                report(
                    .contiguousCounters,
                    "pool \(hex(address)): no event for \(name)=\(gap.first)" + (gap.first == gap.last ? "" : "...\(gap.last)"),
                    address, nil, at)
            }
            if isNew, let lowest = counter.lowest, lowest != 1 {
                report(
                    .contiguousCounters, "pool \(hex(address)): its first event has \(name)=\(lowest), not 1", address, nil, at)
            }
            if isNew, pool.account.freed, let last, last != 0, counter.isEmpty {
                report(
                    .contiguousCounters, "pool \(hex(address)): freed at \(name)=\(last), and no event has shown any of them", address,
                    nil, at)
            }
            if pool.account.freed, let last, let highest = counter.highest, highest != last {
                report(
                    .contiguousCounters,
                    "pool \(hex(address)): freed at \(name)=\(last), but its last event has \(name)=\(highest)", address, nil, at)
            }
        }
        let mustEnd = end == .allPools || (end == .destroyedPools && pool.account.destroyed != nil)
        if mustEnd && !pool.account.freed && pool.overtakenBy == nil {
            let left = pool.account.inflight
            report(
                .everythingComesHome,
                "pool \(hex(address)) was \(pool.account.destroyed == nil ? "never destroyed" : "destroyed and never freed"): "
                    + "\(left) in flight at the end\(counts(index))", address, nil, at)
        }
        if pool.account.freed, pool.account.carriedIn != nil, pool.account.inflight != 0 {
            let left = pool.account.inflight
            report(
                .freedStaysFreed,
                "pool \(hex(address)) was freed with \(left > 0 ? "\(left) in flight" : "\(-left) too many home")\(counts(index))",
                address, nil, at)
        }
        if let overtaken = pool.overtakenBy, !pool.account.freed {
            report(
                .freedStaysFreed, "pool \(hex(address)): a new pool began at its address, but it was never freed\(counts(index))",
                address, nil, overtaken)
        }
    }

    private mutating func reportNamedAgain(_ event: TraceEvent, _ pool: Int, _ index: Int) {
        report(
            .freedStaysFreed, "pool \(hex(event.pool)) was freed and is named again\(counts(pool))", event.pool, event.netmem, index)
    }

    private func counts(_ pool: Int) -> String {
        let account = pools[pool].account
        return " (held \(account.holds), released \(account.releases))"
    }

    private mutating func report(
        _ invariant: Violation.Invariant, _ message: String, _ pool: UInt64, _ netmem: UInt64?, _ event: Int
    ) {
        foundCount += 1
        guard found.count < Self.keptFindings else { return }
        found.append(Found(invariant: invariant, message: message, pool: pool, netmem: netmem, event: event))
    }
}

/// Holds what user space says it has against what is in flight (I5): a net_iov that the user has is held by a pool.
struct UserHoldings {
    /// A release after which less was in flight than the user had.
    struct Early {
        var event: Int
        var time: UInt64
        var pool: UInt64
        var netmem: UInt64
        var has: Int64
        var inflight: Int64
    }

    private let skew: UInt64
    private var has: Int64 = 0
    private var inflight: Int64 = 0
    /// A pool was older than the recording: what is in flight is not known.
    private var isBlind = false
    private var early: Early?

    init(skew: UInt64) { self.skew = skew }

    @inline(__always)
    mutating func hold(isOld: Bool) {
        inflight += 1
        if isOld { isBlind = true }
    }

    @inline(__always)
    mutating func release(_ event: TraceEvent, _ netmem: UInt64, at index: Int) {
        // What comes home without having gone out was out before the recording began.
        if inflight == 0 { isBlind = true }
        inflight -= 1
        if inflight < has && has > 0 && early == nil && !isBlind {
            early = Early(event: index, time: event.time, pool: event.pool, netmem: netmem, has: has, inflight: inflight)
        }
    }

    mutating func mark(_ mark: TraceEvent.Mark, _ count: UInt32) {
        has = mark == .userHeld ? Int64(count) : 0
    }

    /// The early release, once no clock can explain it any more; a mark or a hold just after it takes it back.
    @inline(__always)
    mutating func look(at time: UInt64) -> Early? {
        guard let found = early, time == .max || time > found.time &+ skew else { return nil }
        early = nil
        return inflight < has && has > 0 && !isBlind ? found : nil
    }
}
