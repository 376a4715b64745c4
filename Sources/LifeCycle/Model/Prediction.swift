// SPDX-License-Identifier: GPL-2.0

/// What the model lets a trace show of one provider, bound to one queue: the multiset of holds and releases of each pool.
///
/// A pool gives a net_iov back to its provider only when it is destroyed or its ring is full (`page_pool_recycle_in_ring()`). Where
/// the ring takes all there are, no pool holds a net_iov twice, so the multiset of its holds is a set; its releases are the same
/// set, by I2 and I7. What the set can be follows from what is posted: a driver fills its receive ring when it gets its pool, and
/// takes another buffer only for one that went up the stack. With more net_iovs than the ring takes, only the lower bound and
/// the number of different ones hold.
public struct Prediction: Equatable, Sendable {
    /// Pools of net_iovs, one after the other: the first at bind, one for each restart.
    public var pools: Int
    /// How many of them must have held a net_iov: all, unless restarts follow each other faster than buffers come home.
    public var fewest: Int
    /// net_iovs of the area or dma-buf.
    public var buffers: UInt64
    /// net_iovs that the driver posts.
    public var posted: UInt64
    /// net_iovs that the pool's ring takes (`pool_size`).
    public var ring: UInt64
    /// net_iovs that the provider gives at once: 64 of zcrx (`PP_ALLOC_CACHE_REFILL`), one of devmem.
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

    /// net_iovs that the ring takes in any case: consumed slots are cleared sixteen at a time (`__ptr_ring_discard_one()`), so as many
    /// but one may stand in a producer's way.
    public var certainRoom: UInt64 { ring >= 32 ? ring - 15 : ring }

    /// Net_iovs that the first pool can have held. Later ones take what has come home by then.
    public var firstHolds: ClosedRange<UInt64> {
        let least = min(posted, buffers)
        let whole = min((posted + bulk - 1) / bulk * bulk, buffers)
        return least...(traffic ? buffers : max(least, whole))
    }

    /// What of this a trace breaks, in words.
    public func broken(by accounts: [PoolLedger.Account]) -> [String] {
        let own = accounts.filter { $0.netIovHolds + $0.netIovReleases > 0 }
        var broken: [String] = []
        if !(min(fewest, pools)...pools).contains(own.count) {
            let wanted = fewest < pools ? "\(fewest) to \(pools)" : "\(pools)"
            broken.append("\(own.count) \(own.count == 1 ? "pool" : "pools") of net_iovs, a legal run has \(wanted)")
        }
        for (index, account) in own.enumerated() {
            let pool = "pool \(hex(account.pool))"
            var legal = index == 0 ? firstHolds : 0...buffers
            // Where the ring can be full, a net_iov may come and go as often as it likes.
            if traffic && buffers > certainRoom { legal = legal.lowerBound...UInt64.max }
            if !traffic, let late = account.inflightAtDestroy, late > 0 {
                broken.append(
                    "\(pool) had \(late) in flight when it was destroyed: without traffic its driver has given all back by then, and the pool "
                        + "empties cache and ring before it counts")
            } else if buffers <= certainRoom && account.mostHoldsOfOne > 1 {
                broken.append(
                    "\(pool) held one net_iov \(account.mostHoldsOfOne) times, a legal run holds each once: "
                        + "\(buffers) net_iovs, room for \(certainRoom) in the ring")
            } else if account.distinct > buffers {
                broken.append("\(pool) held \(account.distinct) different net_iovs, there are \(buffers)")
            } else if !legal.contains(account.netIovHolds) {
                let wanted =
                    legal.lowerBound == legal.upperBound
                    ? "\(legal.lowerBound)"
                    : legal.upperBound == .max ? "at least \(legal.lowerBound)" : "\(legal.lowerBound) to \(legal.upperBound)"
                broken.append("\(pool) held \(account.netIovHolds) net_iovs, a legal run holds \(wanted)")
            }
        }
        return broken
    }
}
