// SPDX-License-Identifier: GPL-2.0

/// Reads the page-pool events of a text trace: tracefs `trace` and `trace_pipe`, or the output of `trace-cmd report`.
///
/// The lines are in order already (the kernel and trace-cmd merge the CPUs), and keep that order. Lines of other events
/// are skipped. A page-pool event that cannot be read is an error. Lines about lost events are counted as losses.
struct TextStream: TraceStream {
    private let read: ByteSource.Reader
    private var buffer: [UInt8] = []
    private var at = 0
    private var ended = false
    private var number = 0
    private(set) var losses = TraceLosses()
    /// Bytes of a line at the most.
    private static let maximumLine = 1 << 16

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

    /// The next line, as a range of the buffer.
    private mutating func nextLine() throws(TraceReadError) -> Range<Int>? {
        // The bytes before it have no newline.
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
            guard buffer.count - at <= Self.maximumLine else {
                throw .line(number + 1, "longer than \(Self.maximumLine) bytes, which no line of a trace is")
            }
            let more = try read()
            if more.isEmpty { ended = true }
            buffer.removeSubrange(..<at)
            at = 0
            searched = buffer.count
            buffer += more
        }
    }
}
