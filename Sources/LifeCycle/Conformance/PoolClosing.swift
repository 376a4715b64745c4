// SPDX-License-Identifier: GPL-2.0

/// The checks of a pool at the end of the trace.
extension PoolAccounting {
    mutating func close(_ index: Int) {
        let isNew = completeAccount(index)
        let pool = pools[index]
        checkCounter("hold", pool.holds, pool.account.lastRelease?.hold, of: pool, isNew: isNew)
        checkCounter("release", pool.releases, pool.account.lastRelease?.release, of: pool, isNew: isNew)
        checkEnd(index)
    }

    /// Fills in what is known at the end only.
    ///
    /// - Returns: the pool was made during the recording.
    private mutating func completeAccount(_ index: Int) -> Bool {
        var pool = pools[index]
        // Events before the recording: the values below the first one seen. Without an event, the kernel's last count.
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
        return isNew
    }

    /// - Parameters:
    ///   - name: hold or release, for messages.
    ///   - last: the kernel's last count.
    private mutating func checkCounter(_ name: String, _ counter: CounterSet, _ last: UInt32?, of pool: Pool, isNew: Bool) {
        let address = pool.account.pool
        let event = pool.lastEvent
        func broken(_ message: String) {
            report(.contiguousCounters, "pool \(hex(address)): \(message)", address, nil, event)
        }
        if counter.isImplausible { return broken("the \(name) counter has more than \(CounterSet.limit) gaps") }
        for value in counter.duplicates { broken("two events with \(name)=\(value)") }
        for gap in counter.gaps { broken("no event for \(name)=\(gap.first)" + (gap.first == gap.last ? "" : "...\(gap.last)")) }
        if isNew, let lowest = counter.lowest, lowest != 1 { broken("its first event has \(name)=\(lowest), not 1") }
        guard pool.account.freed, let last else { return }
        if isNew, last != 0, counter.isEmpty { broken("freed at \(name)=\(last), and no event shows any of these") }
        if let highest = counter.highest, highest != last { broken("freed at \(name)=\(last), but its last event has \(name)=\(highest)") }
    }

    private mutating func checkEnd(_ index: Int) {
        let pool = pools[index]
        let address = pool.account.pool
        let left = pool.account.inflight
        let mustEnd = end == .allPools || (end == .destroyedPools && pool.account.destroyed != nil)
        if mustEnd && !pool.account.freed && pool.replacedBy == nil {
            report(
                .allReleased,
                "pool \(hex(address)) was \(pool.account.destroyed == nil ? "never destroyed" : "destroyed and never freed"): "
                    + "\(left) in flight at the end\(counts(index))", address, nil, pool.lastEvent)
        }
        if pool.account.freed, pool.account.carriedIn != nil, left != 0 {
            report(
                .freedStaysFreed,
                "pool \(hex(address)) was freed with \(left > 0 ? "\(left) in flight" : "\(-left) releases too many")\(counts(index))",
                address, nil, pool.lastEvent)
        }
        if let replaced = pool.replacedBy, !pool.account.freed {
            report(
                .freedStaysFreed, "pool \(hex(address)): a new pool began at its address, but it was never freed\(counts(index))",
                address, nil, replaced)
        }
    }
}
