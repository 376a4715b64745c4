// SPDX-License-Identifier: GPL-2.0

/// The holds and releases of each pool that a legal run can show, for one provider that is bound to one queue.
///
/// A pool returns a net_iov to its provider only when the pool is destroyed or its ring is full (`page_pool_recycle_in_ring()`). If
/// all net_iovs fit into the ring, a pool holds each of them at most once. By I2 and I7 its releases are those of the same
/// net_iovs. Their number follows from what the driver posts: it fills its receive ring when it gets its pool, and allocates
/// another buffer only for one that it passed to the stack. If there are more net_iovs than fit into the ring, only the lower
/// bound and the number of different net_iovs are known.
public struct Prediction: Equatable, Sendable {
    /// Pools of net_iovs, one after the other: the first at bind, one for each restart.
    public var pools: Int
    /// How many of them must have held a net_iov: all, unless restarts follow each other faster than buffers are released.
    public var fewest: Int
    /// net_iovs of the area or dma-buf.
    public var buffers: UInt64
    /// net_iovs that the driver posts.
    public var posted: UInt64
    /// net_iovs that fit into the pool's ring (`pool_size`).
    public var ring: UInt64
    /// net_iovs that the provider allocates at once: 64 for zcrx (`PP_ALLOC_CACHE_REFILL`), one for devmem.
    public var bulk: UInt64
    /// Packets arrived.
    public var traffic: Bool

    public init(pools: Int, fewest: Int? = nil, buffers: UInt64, posted: UInt64, ring: UInt64, bulk: UInt64, traffic: Bool) {
        self.pools = pools
        self.fewest = fewest ?? pools
        self.buffers = buffers
        self.posted = posted
        self.ring = ring
        self.bulk = max(bulk, 1)
        self.traffic = traffic
    }

    /// net_iovs that always fit into the ring: consumed slots are cleared sixteen at a time (`__ptr_ring_discard_one()`), so up to
    /// fifteen of them can still be occupied.
    public var certainCapacity: UInt64 { ring >= 32 ? ring - 15 : ring }

    /// net_iovs that the first pool can have held. A later pool holds those that are released by then.
    public var firstHolds: ClosedRange<UInt64> {
        let least = min(posted, buffers)
        let whole = min((posted + bulk - 1) / bulk * bulk, buffers)
        return least...(traffic ? buffers : max(least, whole))
    }

    /// How the accounts of a trace differ from the prediction, a line each; none if they conform.
    public func broken(by accounts: [PoolLedger.Account]) -> [String] {
        let own = accounts.filter { $0.netIovHolds + $0.netIovReleases > 0 }
        var broken: [String] = []
        if !(min(fewest, pools)...pools).contains(own.count) {
            let legal = fewest < pools ? "\(fewest) to \(pools)" : "\(pools)"
            broken.append("\(own.count) \(own.count == 1 ? "pool" : "pools") of net_iovs, a legal run has \(legal)")
        }
        for (index, account) in own.enumerated() {
            let pool = "pool \(hex(account.pool))"
            var legal = index == 0 ? firstHolds : 0...buffers
            // If the ring can be full, a net_iov can be held and released any number of times.
            if traffic && buffers > certainCapacity { legal = legal.lowerBound...UInt64.max }
            if !traffic, let late = account.inflightAtDestroy, late > 0 {
                broken.append(
                    "\(pool) had \(late) in flight when it was destroyed: without traffic its driver has returned all buffers by then, and the "
                        + "pool empties cache and ring before it counts")
            } else if buffers <= certainCapacity && account.mostHoldsOfOne > 1 {
                broken.append(
                    "\(pool) held one net_iov \(account.mostHoldsOfOne) times, a legal run holds each once: "
                        + "\(buffers) net_iovs, and the ring has capacity for \(certainCapacity)")
            } else if account.distinct > buffers {
                broken.append("\(pool) held \(account.distinct) different net_iovs, there are \(buffers)")
            } else if !legal.contains(account.netIovHolds) {
                let expected =
                    legal.lowerBound == legal.upperBound
                    ? "\(legal.lowerBound)"
                    : legal.upperBound == .max ? "at least \(legal.lowerBound)" : "\(legal.lowerBound) to \(legal.upperBound)"
                broken.append("\(pool) held \(account.netIovHolds) net_iovs, a legal run holds \(expected)")
            }
        }
        return broken
    }
}
