// SPDX-License-Identifier: GPL-2.0

/// Which pool an event belongs to.
extension PoolAccounting {
    mutating func poolForHold(_ event: TraceEvent, _ counter: UInt32, at index: Int) -> Int {
        guard let current = current(event.pool) else { return open(event.pool) }
        if pools[current].account.freed {
            let pool = pools[current]
            // A hold of this pool can have a time stamp after the pool's end only if the clocks of two CPUs differ.
            if isLate(counter, in: pool.holds, upTo: pool.account.lastRelease?.hold),
                event.time &- pool.lastTime <= tolerance.clockSkew
            {
                return current
            }
            if counter != 1 { reportUsedAfterFree(event, current, index) }
            return open(event.pool)
        }
        // A counter that has wrapped to 0 continues with 1.
        if counter == 1, pools[current].holds.highest != 0, pools[current].holds.contains(1) || (pools[current].holds.lowest ?? 2) != 2 {
            let next = open(event.pool)
            pools[current].replacedBy = index
            return next
        }
        return current
    }

    mutating func poolForRelease(_ event: TraceEvent, _ netmem: UInt64, _ counter: UInt32, at index: Int) -> Int {
        guard let current = current(event.pool) else { return open(event.pool) }
        // A context counts before it records. The last release of a pool can be recorded after the pool was freed, even after a new
        // pool began at the same address.
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
            reportUsedAfterFree(event, current, index)
            return open(event.pool)
        }
        return current
    }

    mutating func poolForPoolRelease(_ event: TraceEvent, _ hold: UInt32, _ release: UInt32, at index: Int) -> Int {
        guard let current = current(event.pool) else { return open(event.pool) }
        if !pools[current].account.freed {
            // The free of the previous pool, recorded after the next pool began.
            let known = generations[event.pool] ?? []
            if known.count > 1, case let older = known[known.count - 2], !pools[older].account.freed,
                pools[older].holds.highest == hold, pools[current].holds.highest != hold
            {
                return older
            }
            return current
        }
        // With both counters at 0 this is a new pool that held nothing.
        if hold != 0 || release != 0 { reportUsedAfterFree(event, current, index) }
        return open(event.pool)
    }

    /// The newest pool at the address.
    private mutating func current(_ address: UInt64) -> Int? {
        if let latest, latest.address == address { return latest.pool }
        guard let pool = generations[address]?.last else { return nil }
        latest = (address, pool)
        return pool
    }

    /// A new pool at the address.
    private mutating func open(_ address: UInt64) -> Int {
        let pool = pools.count
        pools.append(Pool(address: address, generation: generations[address]?.count ?? 0))
        generations[address, default: []].append(pool)
        latest = (address, pool)
        return pool
    }

    /// The kernel's last count includes the value, and no event has had it yet.
    private func isLate(_ counter: UInt32, in seen: CounterSet, upTo last: UInt32?) -> Bool {
        guard let last, Int32(bitPattern: last &- counter) >= 0, !seen.contains(counter) else { return false }
        guard let lowest = seen.lowest else { return true }
        return Int32(bitPattern: counter &- lowest) >= -1
    }

    /// Notes the pool's latest event.
    mutating func touch(_ pool: Int, _ event: TraceEvent, _ index: Int) {
        if pools[pool].account.began == 0 { pools[pool].account.began = event.time }
        pools[pool].lastEvent = index
        pools[pool].lastTime = event.time
    }
}
