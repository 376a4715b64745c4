// SPDX-License-Identifier: GPL-2.0

/// The events of a trace, in the order of their time.
protocol TraceStream {
    /// Complete after the last event.
    var losses: TraceLosses { get }
    /// The next event; nil at the end.
    mutating func next() throws(TraceReadError) -> TraceEvent?
}

/// Events in memory.
struct ArrayStream: TraceStream {
    let losses = TraceLosses()
    private let events: [TraceEvent]
    private var at = 0

    init(_ events: [TraceEvent]) { self.events = events }

    mutating func next() -> TraceEvent? {
        guard at < events.count else { return nil }
        defer { at += 1 }
        return events[at]
    }
}
