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
        /// When its first event was recorded; trace clock.
        public var began: UInt64 = 0
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
        /// In flight when destroy was first asked for and cache and ring had been emptied; nil where it never was.
        public var inflightAtDestroy: Int32?
        /// When destroy was first asked for; trace clock. nil where it never was.
        public var destroyed: UInt64?
        /// The pool was freed.
        public var freed: Bool = false
        /// From the first `page_pool_release` to the last, where the pool was freed. Nanoseconds.
        public var drain: UInt64? {
            guard freed, let destroyed, let last = lastRelease else { return nil }
            return last.time &- destroyed
        }
        /// Different netmems that it held.
        public var distinct: UInt64 = 0
        /// How often it held the netmem that it held most often.
        public var mostHoldsOfOne: UInt64 = 0
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
        /// Events that never reached the trace: what it shows proves nothing.
        public var losses: TraceLosses
        /// Events examined, marks included.
        public var events: Int
        /// When user space last said that it closed or was killed; trace clock.
        public var closed: UInt64?
    }

    /// More violations than this help nobody.
    public static let violationLimit = 32

    /// What can have been there when the recording began. A pool that was tells it by its counters, and cannot be told from one
    /// whose first events are missing.
    public enum Begin: Sendable {
        /// Whatever its counters say.
        case unknown
        /// No provider was bound: a pool of net_iovs begins at 1.
        case noNetIovs
        /// Nothing.
        case noPools
    }

    /// What must have come home when the recording ends (I7).
    public enum End: Sendable {
        /// Nothing: whoever asks judges the accounts.
        case open
        /// Every pool that was destroyed.
        case destroyedPools
        /// Every pool.
        case allPools
    }

    private let tolerance: Tolerance
    private let begin: Begin
    private let end: End

    public init(tolerance: Tolerance = Tolerance(), begin: Begin = .unknown, end: End = .open) {
        self.tolerance = tolerance
        self.begin = begin
        self.end = end
    }

    /// Examines a trace, in memory that grows with the pools, netmems and tasks that it names and not with its length. Where
    /// something is wrong it is read a second time, for the events around it.
    public func examine(_ input: TraceInput) throws(TraceReadError) -> Outcome {
        switch input {
        case .pages(let sources, let decoder):
            try examine { () throws(TraceReadError) -> PageStream in try PageStream(sources, decoder) }
        case .text(let source): try examine { () throws(TraceReadError) -> TextStream in try TextStream(source) }
        case .events(let events): examine(events)
        }
    }

    /// Examines events in the order of their time.
    public func examine(_ events: [TraceEvent]) -> Outcome {
        do throws(TraceReadError) {
            return try examine { () throws(TraceReadError) -> ArrayStream in ArrayStream(events) }
        } catch {
            // An array has nothing that could not be read.
            return Outcome(accounts: [], violations: [], violationCount: 0, losses: TraceLosses(), events: 0)
        }
    }

    private func examine<Stream: TraceStream>(_ open: () throws(TraceReadError) -> Stream) throws(TraceReadError) -> Outcome {
        var stream = try open()
        var books = PoolBooks(tolerance: tolerance, begin: begin, end: end)
        var contexts = ContextTimes()
        var index = 0
        while let event = try stream.next() {
            let silentSince = event.hasContext ? contexts.exchange(event.context, event.time) : nil
            books.record(event, at: index, silentSince: silentSince)
            index += 1
        }
        books.finish()
        if books.isOverwhelmed { throw .source("more page pools or netmems than any trace of a kernel has") }
        let shown = books.found.prefix(Self.violationLimit)
        var evidence = EvidenceCollector(shown)
        if !shown.isEmpty {
            var again = try open()
            var at = 0
            while !evidence.isComplete, let event = try again.next() {
                evidence.see(event, at: at)
                at += 1
            }
        }
        let violations = shown.enumerated().map { place, found in
            Violation(
                invariant: found.invariant, message: found.message, pool: found.pool, netmem: found.netmem,
                evidence: evidence.lines(place))
        }
        return Outcome(
            accounts: books.pools.map(\.account), violations: violations, violationCount: books.foundCount, losses: stream.losses,
            events: index, closed: books.closed)
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
