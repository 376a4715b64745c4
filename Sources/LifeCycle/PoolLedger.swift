// SPDX-License-Identifier: GPL-2.0

/// Keeps the books of every page pool in a trace, and says which invariants of the life cycle it breaks.
///
/// Mirrors `page_pool_inflight()`, `page_pool_return_netmem()` and `page_pool_release()` of net/core/page_pool.c and
/// `mp_dmabuf_devmem_alloc_netmems()` of net/core/devmem.c: both counters start at zero, go up by one per event, and the pool is
/// freed as soon as its `page_pool_release` event says that nothing is in flight.
public struct PoolLedger: Sendable {
    /// How far the record may stray from the order in which things happened. Nanoseconds of the trace clock.
    public struct Tolerance: Equatable, Sendable {
        /// By how much the clocks of two CPUs may differ.
        public var clockSkew: UInt64
        /// How long a context may take from giving a netmem back to recording it: a softirq on top of it, or a vCPU that its
        /// host does not run.
        public var recordingDelay: UInt64

        public init(clockSkew: UInt64 = 100_000, recordingDelay: UInt64 = 1_000_000_000) {
            self.clockSkew = clockSkew
            self.recordingDelay = recordingDelay
        }
    }

    /// The books of one pool.
    public struct Account: Equatable, Sendable {
        /// Kernel address of the `struct page_pool`.
        public var pool: UInt64
        /// 0 for the first pool seen at this address, 1 for the next.
        public var generation: Int
        /// Events seen.
        public var holds: UInt64 = 0
        public var releases: UInt64 = 0
        /// Of these, of net_iovs.
        public var netIovHolds: UInt64 = 0
        public var netIovReleases: UInt64 = 0
        /// In flight when the recording began; nil where the trace cannot tell.
        public var carriedIn: UInt64?
        public var peakInflight: UInt64 = 0
        /// The last `page_pool_release`: what the kernel itself counted. nil where destroy was never asked for.
        public var lastRelease: LastRelease?
        /// The pool was freed.
        public var freed: Bool = false
        /// The pool was there before the recording began: its counters do not start at 1.
        public var isOlderThanRecording: Bool = false

        public struct LastRelease: Equatable, Sendable {
            public var time: UInt64
            public var inflight: Int32
            public var hold: UInt32
            public var release: UInt32
        }

        /// Netmems out at the end of the recording, negative where more came home than went out.
        public var inflight: Int64 { Int64(carriedIn ?? 0) + Int64(holds) - Int64(releases) }
    }

    public struct Outcome: Equatable, Sendable {
        /// In the order in which the pools appeared.
        public var accounts: [Account]
        /// At most `PoolLedger.violationLimit`; `violationCount` counts all.
        public var violations: [Violation]
        public var violationCount: Int
    }

    /// More violations than this help nobody.
    public static let violationLimit = 32

    private let tolerance: Tolerance

    public init(tolerance: Tolerance = Tolerance()) {
        self.tolerance = tolerance
    }

    /// Examines the events of all CPUs, merged in time order (`TraceMerge.merge`).
    public func examine(_ events: [TraceEvent]) -> Outcome {
        var books = PoolBooks(tolerance: tolerance)
        var contexts = ContextTimes()
        for (index, event) in events.enumerated() {
            books.record(event, at: index, silentSince: contexts.exchange(event.context, event.time))
        }
        books.finish()
        let window = EvidenceWindow(events: events)
        let violations = books.found.prefix(Self.violationLimit).map { found in
            Violation(
                invariant: found.invariant, message: found.message, pool: found.pool, netmem: found.netmem,
                evidence: window.lines(at: found.event, pool: found.pool, netmem: found.netmem))
        }
        return Outcome(accounts: books.pools.map(\.account), violations: violations, violationCount: books.found.count)
    }
}

/// When each context recorded its latest event. Contexts are few and come in runs.
private struct ContextTimes {
    private var times: [UInt64: UInt64] = [:]
    private var current: UInt64 = 0
    private var currentTime: UInt64?

    /// Notes an event and returns the time of the context's event before.
    mutating func exchange(_ context: UInt64, _ time: UInt64) -> UInt64? {
        if context != current || currentTime == nil {
            if let currentTime { times[current] = currentTime }
            current = context
            currentTime = times[context]
        }
        defer { currentTime = time }
        return currentTime
    }
}
