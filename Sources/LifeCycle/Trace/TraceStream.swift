// SPDX-License-Identifier: GPL-2.0

/// Why a trace could not be read to its end.
public enum TraceReadError: Error, Equatable, Sendable, CustomStringConvertible {
    case cpu(UInt32, TraceDecodeError)
    /// A line of a text trace, counted from 1.
    case line(Int, String)
    /// What whoever gives the bytes says.
    case source(String)

    public var description: String {
        switch self {
        case .cpu(let cpu, let error): "CPU \(cpu): \(error)"
        case .line(let line, let message): "line \(line): \(message)"
        case .source(let message): message
        }
    }
}

/// Events that the kernel dropped before a reader came. A trace with losses proves nothing.
public struct TraceLosses: Equatable, Sendable {
    /// The first of them, a line each.
    public private(set) var lines: [String] = []
    /// Places where events are missing.
    public private(set) var places = 0
    private static let limit = 16

    public init() {}

    public var isEmpty: Bool { places == 0 }

    mutating func add(_ line: String) {
        places += 1
        if lines.count < Self.limit { lines.append(line) }
    }

    mutating func add(cpu: UInt32, _ missed: [MissedEvents]) {
        for gap in missed {
            let count = gap.count.map { "\($0) events" } ?? "an unknown number of events"
            add("CPU \(cpu): \(count) missing before page \(gap.page) of the trace")
        }
    }
}

/// Gives the bytes of a file or a buffer, piece by piece; an empty piece is the end. `open` begins anew, for what explains a violation is
/// read a second time instead of kept.
public struct ByteSource: Sendable {
    /// Messages for the reader are thrown as `TraceReadError.source`.
    public typealias Reader = () throws(TraceReadError) -> [UInt8]

    let open: @Sendable () throws(TraceReadError) -> Reader

    public init(_ open: @escaping @Sendable () throws(TraceReadError) -> Reader) { self.open = open }

    /// Bytes that are there already.
    public init(_ bytes: [UInt8]) {
        self.init { () throws(TraceReadError) -> Reader in
            var at = 0
            return { () throws(TraceReadError) -> [UInt8] in
                let end = min(at + 1 << 16, bytes.count)
                defer { at = end }
                return Array(bytes[at..<end])
            }
        }
    }
}

/// A trace, wherever it comes from.
public enum TraceInput: Sendable {
    /// Raw ring-buffer pages, by CPU.
    case pages([UInt32: ByteSource], TraceDecoder)
    /// tracefs `trace` or `trace_pipe`, or what `trace-cmd report` prints.
    case text(ByteSource)
    case events([TraceEvent])
}

/// Events in the order of their time.
protocol TraceStream {
    var losses: TraceLosses { get }
    mutating func next() throws(TraceReadError) -> TraceEvent?
}

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

/// Merges the pages of all CPUs in time order; keeps a piece of each and no more.
///
/// Equal times go by CPU. The order within one CPU is never changed, not even where a time stamp goes backwards.
struct PageStream: TraceStream {
    private struct Cursor {
        var feed: TraceDecoder.Feed
        let read: ByteSource.Reader
        var events: [TraceEvent] = []
        var at = 0
        var ended = false
    }

    private let decoder: TraceDecoder
    private var cursors: [Cursor] = []
    /// Of each cursor that has one, the time of its next event; in the order of the CPUs.
    private var order: [(time: UInt64, cursor: Int)] = []
    private(set) var losses = TraceLosses()

    init(_ sources: [UInt32: ByteSource], _ decoder: TraceDecoder) throws(TraceReadError) {
        self.decoder = decoder
        for (cpu, source) in sources.sorted(by: { $0.key < $1.key }) {
            cursors.append(Cursor(feed: decoder.feed(cpu: cpu), read: try source.open()))
        }
        for index in cursors.indices {
            if let time = try refill(index) { order.append((time, index)) }
        }
    }

    mutating func next() throws(TraceReadError) -> TraceEvent? {
        // CPUs are few: the earliest is looked for, and mostly the same one stays it.
        guard var best = order.indices.first else { return nil }
        for candidate in order.indices.dropFirst() where order[candidate].time < order[best].time { best = candidate }
        let cursor = order[best].cursor
        let event = cursors[cursor].events[cursors[cursor].at]
        cursors[cursor].at += 1
        if cursors[cursor].at < cursors[cursor].events.count {
            order[best].time = cursors[cursor].events[cursors[cursor].at].time
        } else if let time = try refill(cursor) {
            order[best].time = time
        } else {
            order.remove(at: best)
        }
        return event
    }

    /// Reads on until the CPU has an event: its time, or nil at the end.
    private mutating func refill(_ index: Int) throws(TraceReadError) -> UInt64? {
        cursors[index].events.removeAll(keepingCapacity: true)
        cursors[index].at = 0
        while cursors[index].events.isEmpty && !cursors[index].ended {
            let bytes = try cursors[index].read()
            let cpu = cursors[index].feed.cpu
            do throws(TraceDecodeError) {
                if bytes.isEmpty {
                    cursors[index].ended = true
                    try decoder.finish(&cursors[index].feed)
                    losses.add(cpu: cpu, cursors[index].feed.missed)
                } else {
                    try push(bytes, index)
                }
            } catch {
                throw .cpu(cpu, error)
            }
        }
        return cursors[index].events.first?.time
    }

    private mutating func push(_ bytes: [UInt8], _ index: Int) throws(TraceDecodeError) {
        // Taken out, so that the array is not shared while it grows.
        var feed = cursors[index].feed
        var events: [TraceEvent] = []
        swap(&events, &cursors[index].events)
        defer {
            swap(&events, &cursors[index].events)
            cursors[index].feed = feed
        }
        // Typed throws do not cross withUnsafeBytes; the result does.
        try bytes.withUnsafeBytes { bytes -> Result<Void, TraceDecodeError> in
            do throws(TraceDecodeError) {
                return .success(try decoder.push(bytes, &feed, into: &events))
            } catch {
                return .failure(error)
            }
        }.get()
    }
}
