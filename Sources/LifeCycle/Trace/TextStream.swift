// SPDX-License-Identifier: GPL-2.0

/// Reads the page-pool events out of a text trace: tracefs `trace` and `trace_pipe`, or what `trace-cmd report` prints.
///
/// The lines are in order already (the kernel and trace-cmd merge the CPUs), and are taken in that order. Lines of other events
/// are passed over; a page-pool event that cannot be read is an error, and so are events that the trace says it lost.
struct TextStream: TraceStream {
    private let read: ByteSource.Reader
    private var buffer: [UInt8] = []
    private var at = 0
    private var ended = false
    private var number = 0
    private(set) var losses = TraceLosses()
    /// A line longer than this is no line of a trace.
    private static let longestLine = 1 << 16

    init(_ source: ByteSource) throws(TraceReadError) { read = try source.open() }

    mutating func next() throws(TraceReadError) -> TraceEvent? {
        while let line = try nextLine() {
            number += 1
            switch try TextLine(buffer.span.extracting(line), number: number) {
            case .event(let event): return event
            case .lost(let what): losses.add(what)
            case .other: continue
            }
        }
        return nil
    }

    /// Where the next line is in the buffer.
    private mutating func nextLine() throws(TraceReadError) -> Range<Int>? {
        // What is before it has been searched.
        var searched = at
        while true {
            if let end = buffer.span.first(Ascii.newline, in: searched..<buffer.count) {
                defer { at = end + 1 }
                return at..<end
            }
            if ended {
                guard at < buffer.count else { return nil }
                defer { at = buffer.count }
                return at..<buffer.count
            }
            guard buffer.count - at <= Self.longestLine else { throw .line(number + 1, "longer than any line of a trace") }
            let more = try read()
            if more.isEmpty { ended = true }
            buffer.removeSubrange(..<at)
            at = 0
            searched = buffer.count
            buffer += more
        }
    }
}
