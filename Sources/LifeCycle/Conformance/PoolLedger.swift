// SPDX-License-Identifier: GPL-2.0

/// Checks a trace: accounts the holds and releases of every page pool, and reports which invariants of the life cycle are broken.
///
/// Follows `page_pool_inflight()`, `page_pool_return_netmem()` and `page_pool_release()` of net/core/page_pool.c and
/// `mp_dmabuf_devmem_alloc_netmems()` of net/core/devmem.c: both counters start at zero and go up by one per event, and the pool is
/// freed as soon as its `page_pool_release` event has 0 in flight.
public struct PoolLedger: Sendable {
    /// How much the order of the events in a trace may differ from the order in the kernel. Nanoseconds of the trace clock.
    public struct Tolerance: Equatable, Sendable {
        /// How much the clocks of two CPUs may differ.
        public var clockSkew: UInt64
        /// How long a context may take from the return of a netmem to the record of its release: a softirq interrupts it, or the
        /// host does not run its vCPU.
        public var recordingDelay: UInt64

        public init(clockSkew: UInt64 = 100_000, recordingDelay: UInt64 = 1_000_000_000) {
            self.clockSkew = clockSkew
            self.recordingDelay = recordingDelay
        }
    }

    /// The result of a check.
    public struct Outcome: Equatable, Sendable {
        /// In the order in which the pools appeared.
        public var accounts: [Account]
        /// At most `PoolLedger.violationLimit`; `violationCount` counts all.
        public var violations: [Violation]
        /// Number of violations, those that are not reported included.
        public var violationCount: Int
        /// Events that are missing in the trace. A trace with losses proves nothing.
        public var losses: TraceLosses
        /// Events examined, marks included.
        public var events: Int
        /// When user space last marked that it closed or was killed; trace clock.
        public var closed: UInt64?
    }

    /// Violations that are reported at the most.
    public static let violationLimit = 32

    /// What can have existed when the recording began. The counters of an older pool do not start at 1, as those of a new pool whose
    /// first events are missing.
    public enum Begin: Sendable {
        /// Any pool can be older than the recording.
        case unknown
        /// No provider was bound: the counters of a pool of net_iovs begin at 1.
        case noNetIovs
        /// No pool existed.
        case noPools
    }

    /// Which pools must be freed when the recording ends (I7).
    public enum End: Sendable {
        /// None: the caller checks the accounts.
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

    /// Checks a trace. Memory grows with the number of pools, netmems and tasks in the trace, not with its length. If something is
    /// broken, the trace is read a second time, for the events around it.
    ///
    /// - Throws: `TraceReadError` if the trace cannot be read to its end.
    public func examine(_ input: TraceInput) throws(TraceReadError) -> Outcome {
        switch input {
        case .pages(let sources, let decoder):
            try examine { () throws(TraceReadError) -> PageStream in try PageStream(sources, decoder) }.outcome
        case .text(let source):
            try examine(text: source)
        case .events(let events):
            try examine { () throws(TraceReadError) -> ArrayStream in ArrayStream(events) }.outcome
        }
    }

    /// A last line without a newline can be truncated: `release=12` of `release=123`. Where the trace conforms with it, nothing is missing; where it
    /// conforms without it only, the line counts as a loss.
    private func examine(text source: ByteSource) throws(TraceReadError) -> Outcome {
        let (outcome, stream) = try examine { () throws(TraceReadError) -> TextStream in try TextStream(source) }
        guard let line = stream.unterminated, outcome.violationCount > 0 else { return outcome }
        var before = try examine { () throws(TraceReadError) -> TextStream in try TextStream(source, skipsUnterminated: true) }.outcome
        guard before.violationCount == 0 else { return outcome }
        before.losses.add("line \(line) is the last one, does not end with a newline and does not conform: the text is truncated")
        return before
    }

    /// Checks events in the order of their time.
    ///
    /// - Returns: the outcome. Its `losses` report where there are more pools or netmems than can be checked.
    public func examine(_ events: [TraceEvent]) -> Outcome {
        do throws(TraceReadError) {
            return try examine { () throws(TraceReadError) -> ArrayStream in ArrayStream(events) }.outcome
        } catch {
            var losses = TraceLosses()
            losses.add("\(error)")
            return Outcome(accounts: [], violations: [], violationCount: 0, losses: losses, events: 0)
        }
    }

    private func examine<Stream: TraceStream>(
        _ open: () throws(TraceReadError) -> Stream
    ) throws(TraceReadError) -> (outcome: Outcome, stream: Stream) {
        var stream = try open()
        var accounting = PoolAccounting(tolerance: tolerance, begin: begin, end: end)
        var contexts = ContextTimes()
        var index = 0
        while let event = try stream.next() {
            let noEventSince = event.hasContext ? contexts.exchange(event.context, event.time) : nil
            accounting.record(event, at: index, noEventSince: noEventSince)
            index += 1
        }
        accounting.finish()
        if accounting.isTooLarge { throw .source("the trace has more page pools or netmems than ppiov can check") }
        let shown = accounting.found.prefix(Self.violationLimit)
        var evidence = EvidenceCollector(shown)
        if !shown.isEmpty {
            var again = try open()
            var at = 0
            while !evidence.isComplete, let event = try again.next() {
                evidence.add(event, at: at)
                at += 1
            }
        }
        let violations = shown.enumerated().map { index, found in
            Violation(
                invariant: found.invariant, message: found.message, pool: found.pool, netmem: found.netmem,
                evidence: evidence.lines(index))
        }
        let outcome = Outcome(
            accounts: accounting.pools.map(\.account), violations: violations, violationCount: accounting.foundCount, losses: stream.losses,
            events: index, closed: accounting.closed)
        return (outcome, stream)
    }
}
