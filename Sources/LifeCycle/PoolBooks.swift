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
    private(set) var pools: [Pool] = []
    private(set) var found: [Found] = []
    private var generations: [UInt64: [Int]] = [:]
    private var netmems: NetmemLedger
    private var latest: (address: UInt64, pool: Int)?

    init(tolerance: PoolLedger.Tolerance) {
        self.tolerance = tolerance
        netmems = NetmemLedger(tolerance: tolerance)
    }

    mutating func record(_ event: TraceEvent, at index: Int, silentSince: UInt64?) {
        switch event.action {
        case .hold(let netmem, let counter):
            let pool = poolForHold(event, counter, at: index)
            pools[pool].holds.insert(counter)
            pools[pool].account.holds += 1
            pools[pool].account.netIovHolds += netmem & 1
            pools[pool].running += 1
            pools[pool].peak = max(pools[pool].peak, pools[pool].running)
            touch(pool, event, index)
            netmems.hold(netmem, NetmemLedger.Mark(pool: pool, event: index, time: event.time, cpu: event.cpu))
        case .release(let netmem, let counter):
            let pool = poolForRelease(event, netmem, counter, at: index)
            pools[pool].releases.insert(counter)
            pools[pool].account.releases += 1
            pools[pool].account.netIovReleases += netmem & 1
            pools[pool].running -= 1
            touch(pool, event, index)
            let mark = NetmemLedger.Mark(pool: pool, event: index, time: event.time, cpu: event.cpu)
            netmems.release(netmem, mark, silentSince: silentSince)
        case .poolRelease(let inflight, let hold, let release, _):
            let pool = poolForPoolRelease(event, hold, release, at: index)
            pools[pool].account.lastRelease = PoolLedger.Account.LastRelease(
                time: event.time, inflight: inflight, hold: hold, release: release)
            pools[pool].account.freed = inflight == 0
            touch(pool, event, index)
            if inflight < 0 {
                report(
                    .neverNegative, "pool \(hex(event.pool)): \(inflight) in flight (hold=\(hold) release=\(release))",
                    event.pool, nil, index)
            }
        }
    }

    mutating func finish() {
        netmems.finish()
        for index in pools.indices { close(index) }
        var budget = pools.map { $0.account.carriedIn ?? UInt64.max }
        for unmatched in netmems.unmatched {
            let mark = unmatched.release
            if unmatched.first && budget[mark.pool] > 0 {
                budget[mark.pool] -= 1
                continue
            }
            let address = pools[mark.pool].account.pool
            report(
                .releaseOfHeld,
                "pool \(hex(address)) released \(hex(unmatched.netmem)) that it did not hold\(counts(mark.pool))",
                address, unmatched.netmem, mark.event)
        }
        for second in netmems.secondHolds {
            let address = pools[second.hold.pool].account.pool
            let holder = pools[second.holder].account.pool
            report(
                .noSecondHold,
                "pool \(hex(address)) held \(hex(second.netmem)) again while pool \(hex(holder)) had not released it"
                    + counts(second.hold.pool),
                address, second.netmem, second.hold.event)
        }
        found.sort { $0.event < $1.event }
    }

    // MARK: - Which pool an event belongs to

    private mutating func poolForHold(_ event: TraceEvent, _ counter: UInt32, at index: Int) -> Int {
        guard let current = current(event.pool) else { return open(event.pool) }
        let pool = pools[current]
        if pool.account.freed {
            // The last holds of a pool can carry a time stamp after its end only by the CPUs' clocks.
            if isLate(counter, in: pool.holds, upTo: pool.account.lastRelease?.hold),
                event.time &- pool.lastTime <= tolerance.clockSkew
            {
                return current
            }
            if counter != 1 { reportNamedAgain(event, current, index) }
            return open(event.pool)
        }
        if counter == 1, pool.holds.contains(1) || (pool.holds.lowest ?? 2) != 2 {
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
        for older in (generations[event.pool] ?? []).suffix(2).reversed() {
            let pool = pools[older]
            guard pool.account.freed, event.time &- (pool.account.lastRelease?.time ?? 0) <= tolerance.recordingDelay,
                isLate(counter, in: pool.releases, upTo: pool.account.lastRelease?.release)
            else { continue }
            if older == current || netmems.holder(of: netmem) == older { return older }
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
        let isNew = pool.account.generation > 0 || holdsBefore == 0
        pool.account.isOlderThanRecording = !isNew
        if isNew {
            pool.account.carriedIn = 0
        } else if let holdsBefore, let releasesBefore {
            pool.account.carriedIn = UInt64(max(0, Int32(bitPattern: holdsBefore &- releasesBefore)))
        }
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
            if pool.account.freed, let last, let highest = counter.highest, highest != last {
                report(
                    .contiguousCounters,
                    "pool \(hex(address)): freed at \(name)=\(last), but its last event has \(name)=\(highest)", address, nil, at)
            }
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
        found.append(Found(invariant: invariant, message: message, pool: pool, netmem: netmem, event: event))
    }
}
