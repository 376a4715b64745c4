// SPDX-License-Identifier: GPL-2.0

/// Reads the page-pool events of a text trace: tracefs `trace` and `trace_pipe`, the output of `trace-cmd report`, or a console with the output
/// of `ftrace_dump`.
///
/// The lines are in order already (the kernel and trace-cmd merge the CPUs), and keep that order. Lines of other events
/// are skipped. A page-pool event that cannot be read is an error, and so are the events of a second buffer. Lines about lost events are counted
/// as losses.
struct TextStream: TraceStream {
    private var lines: TextLines
    private var reader = TextReader()
    private let skipsUnterminated: Bool

    var losses: TraceLosses { reader.losses }
    /// The number of the last line if it has an event and no newline: it can be truncated.
    var unterminated: Int? { reader.unterminated }

    /// - Parameter skipsUnterminated: the last line is not read if it has no newline.
    init(_ source: ByteSource, skipsUnterminated: Bool = false) throws(TraceReadError) {
        lines = TextLines(read: try source.open())
        self.skipsUnterminated = skipsUnterminated
    }

    mutating func next() throws(TraceReadError) -> TraceEvent? {
        while let range = try lines.next() {
            if lines.isUnterminated && skipsUnterminated { break }
            // A span of `lines.buffer` itself would exclude the change of the reader.
            let buffer = lines.buffer
            let event = try reader.read(buffer.span.extracting(range), number: lines.number, isUnterminated: lines.isUnterminated)
            if let event { return event }
        }
        reader.finish(at: lines.number)
        return nil
    }
}

/// What the lines so far say about the next one.
private struct TextReader {
    private var buffers = TextBuffers()
    private var dumps = TextDumps()
    private var order = TextOrder()
    private(set) var losses = TraceLosses()
    private(set) var unterminated: Int?

    @inline(__always)
    mutating func read(_ line: Span<UInt8>, number: Int, isUnterminated: Bool) throws(TraceReadError) -> TraceEvent? {
        guard let head = TextLineHead(line) else {
            try note(line, number)
            return nil
        }
        guard case .event(let event) = try TextLine(line, head, number: number) else {
            buffers.forgetNext()
            return nil
        }
        try buffers.check(line, head, dump: dumps.buffer, number: number)
        try order.check(event, number: number)
        if !dumps.isOpen, let dropped = dumps.eventOutside() { losses.add(dropped) }
        if isUnterminated { unterminated = number }
        return event
    }

    private mutating func note(_ line: Span<UInt8>, _ number: Int) throws(TraceReadError) {
        switch try TextNote(line, number: number) {
        case .lost(let what, let buffer):
            losses.add(what)
            if let buffer { buffers.expect(buffer) }
        case .dropped(let what): if dumps.isDropped(what) { losses.add(what) }
        case .dump(let buffer): if let open = dumps.begin(buffer, at: number) { losses.add(open) }
        case .rule: dumps.rule()
        case .emptyDump: dumps.end()
        case .other: break
        }
    }

    mutating func finish(at line: Int) {
        if let open = dumps.finish(at: line) { losses.add(open) }
    }
}

/// The buffer of each event: one text has the events of one.
private struct TextBuffers {
    /// The buffer of the first event.
    private var only: [UInt8]?
    /// Printed before a loss, in front of the line that follows (trace-cmd).
    private var next: [UInt8]?

    mutating func expect(_ buffer: [UInt8]) { next = buffer }

    mutating func forgetNext() { next = nil }

    @inline(__always)
    mutating func check(_ line: Span<UInt8>, _ head: TextLineHead, dump: [UInt8]?, number: Int) throws(TraceReadError) {
        if head.prefix.isEmpty && next == nil && dump == nil, let only, only.isEmpty { return }
        try compare(line, head, dump, number)
    }

    private mutating func compare(_ line: Span<UInt8>, _ head: TextLineHead, _ dump: [UInt8]?, _ number: Int) throws(TraceReadError) {
        var name = next ?? []
        next = nil
        if let dump {
            name = dump
        } else if let last = head.prefix.last, line[last] == Ascii.colon, !head.isLatencyTime {
            name = TextNote.bufferName(line, head.prefix)
        }
        guard let only else {
            self.only = name
            return
        }
        guard name != only else { return }
        throw .line(
            number,
            "an event of \(Self.named(name)), after events of \(Self.named(only)): counters of two buffers are not those of one; give ppiov "
                + "the trace.dat itself, of which it checks each buffer, or a text of one buffer")
    }

    private static func named(_ buffer: [UInt8]) -> String {
        buffer.isEmpty ? "the top instance" : "the buffer \"\(buffer.span.excerpt)\""
    }
}

/// `ftrace_dump()` prints a title, a rule, the events, a rule. What ends before the second rule was cut.
private struct TextDumps {
    /// The buffer of the present dump; nil before the first one.
    private(set) var buffer: [UInt8]?
    private(set) var isOpen = false
    private var hasRule = false
    private var hasEventOutside = false
    /// Lines of the console that were dropped where there is no dump; it matters only if the title of a dump was among them.
    private var droppedOutside: String?

    /// - Returns: whether lines of a dump can be among those that the console dropped.
    mutating func isDropped(_ line: String) -> Bool {
        if isOpen || hasEventOutside { return true }
        droppedOutside = line
        return false
    }

    /// An event is outside of a dump, as all are in a text that is no console.
    ///
    /// - Returns: the loss, where the title of the dump can be lost.
    mutating func eventOutside() -> String? {
        hasEventOutside = true
        defer { droppedOutside = nil }
        return droppedOutside
    }

    /// - Returns: the loss, where the dump before it has no end.
    mutating func begin(_ buffer: [UInt8], at line: Int) -> String? {
        let before = finish(at: line)
        self.buffer = buffer
        isOpen = true
        hasRule = false
        return before
    }

    mutating func rule() {
        if isOpen && hasRule { isOpen = false } else { hasRule = true }
    }

    mutating func end() { isOpen = false }

    /// - Returns: the loss, where the dump has no end.
    mutating func finish(at line: Int) -> String? {
        guard isOpen else { return nil }
        isOpen = false
        return "line \(line): the output of ftrace_dump has no end: the console stopped before it"
    }
}

/// The times of the lines. The kernel never records an earlier time after a later one on one CPU, and prints the events of all CPUs by their time:
/// lines that are not so are not in the order of the trace.
private struct TextOrder {
    private var latest: [UInt64] = []
    private var latestOfAll: UInt64 = 0
    private static let cpuLimit: UInt32 = 1 << 16
    /// `trace_pipe` prints an event late where its CPU did not run. Nanoseconds.
    private static let delay: UInt64 = 1_000_000_000

    @inline(__always)
    mutating func check(_ event: TraceEvent, number: Int) throws(TraceReadError) {
        let cpu = Int(event.cpu)
        if event.time > latestOfAll {
            latestOfAll = event.time
        } else if latestOfAll - event.time > Self.delay {
            throw .line(
                number,
                "this line is \((latestOfAll - event.time) / 1_000_000) ms before a line above it: the CPUs are not merged by time; "
                    + "save `trace`, not the files of per_cpu one after the other")
        }
        if cpu < latest.count {
            if event.time >= latest[cpu] {
                latest[cpu] = event.time
                return
            }
            throw .line(
                number,
                "CPU \(event.cpu) goes back in time: the lines are not in the order in which they were recorded; give one recording in a file, "
                    + "as tracefs or trace-cmd printed it")
        }
        guard event.cpu < Self.cpuLimit else { throw .line(number, "a CPU with the number \(event.cpu)") }
        latest += [UInt64](repeating: 0, count: cpu + 1 - latest.count)
        latest[cpu] = event.time
    }
}
