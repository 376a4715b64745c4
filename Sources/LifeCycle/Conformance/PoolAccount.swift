// SPDX-License-Identifier: GPL-2.0

extension PoolLedger {
    /// What a trace shows of one pool.
    public struct Account: Equatable, Sendable {
        /// Kernel address of the `struct page_pool`.
        public var pool: UInt64
        /// 0 for the first pool seen at this address, 1 for the next.
        public var generation: Int
        /// When its first event was recorded; trace clock.
        public var began: UInt64 = 0
        /// Hold events seen.
        public var holds: UInt64 = 0
        /// Release events seen.
        public var releases: UInt64 = 0
        /// Hold events of net_iovs.
        public var netIovHolds: UInt64 = 0
        /// Release events of net_iovs.
        public var netIovReleases: UInt64 = 0
        /// In flight when the recording began; nil if the trace does not show it.
        public var carriedIn: UInt64?
        /// The most netmems in flight at once.
        public var peakInflight: UInt64 = 0
        /// The last `page_pool_release` event, with the kernel's own counts; nil if the pool was not destroyed.
        public var lastRelease: LastRelease?
        /// In flight at the first `page_pool_release` event, after cache and ring were emptied; nil if the pool was not destroyed.
        public var inflightAtDestroy: Int32?
        /// When the pool was destroyed: its first `page_pool_release` event; trace clock. nil if it was not.
        public var destroyed: UInt64?
        /// The pool was freed.
        public var freed: Bool = false
        /// From the first `page_pool_release` event to the last, if the pool was freed. Nanoseconds.
        public var drain: UInt64? {
            guard freed, let destroyed, let last = lastRelease else { return nil }
            return last.time &- destroyed
        }
        /// Different netmems that it held.
        public var distinct: UInt64 = 0
        /// How many times it held the netmem that it held most often.
        public var mostHoldsOfOne: UInt64 = 0
        /// The pool was made before the recording began: its counters do not start at 1.
        public var isOlderThanRecording: Bool = false

        /// A `page_pool_release` event.
        public struct LastRelease: Equatable, Sendable {
            /// Trace clock.
            public var time: UInt64
            /// The kernel's count of netmems in flight; at 0 the pool is freed.
            public var inflight: Int32
            /// `pages_state_hold_cnt`.
            public var hold: UInt32
            /// `pages_state_release_cnt`.
            public var release: UInt32
        }

        /// Netmems in flight at the end of the recording; negative if there are more releases than holds.
        public var inflight: Int64 { Int64(carriedIn ?? 0) + Int64(holds) - Int64(releases) }
    }
}
