// SPDX-License-Identifier: GPL-2.0

/// One line of a text trace. It is parsed as bytes, as a trace has millions of lines.
enum TextLine {
    /// A page-pool event or a mark.
    case event(TraceEvent)
    /// Events are missing.
    case lost(String)
    /// Another event, or none.
    case other

    /// - Parameter number: of the line, from 1, for messages.
    /// - Throws: `TraceReadError.line` if the line is of a page-pool event and cannot be read.
    init(_ line: Span<UInt8>, number: Int) throws(TraceReadError) {
        if !line.isEmpty && line[0] == UInt8(ascii: "#") {
            self = try Self.header(line, number)
        } else if line.has("EVENTS"), line.first(Ascii.bracket, in: line.indices) != nil, line.has("LOST") || line.has("DROPPED") {
            // "CPU:1 [LOST 45 EVENTS]" in trace_pipe, "CPU:1 [45 EVENTS DROPPED]" in the output of trace-cmd report.
            self = .lost("line \(number): " + line.string(line.indices))
        } else if let head = TextLineHead(line) {
            self = try Self.event(line, head, number)
        } else if line.has("page_pool_") {
            // A line with the name of a page-pool event and without a head is damaged.
            throw .line(number, "not a line of a trace: \(line.excerpt)")
        } else {
            self = .other
        }
    }

    private static func event(_ line: Span<UInt8>, _ head: TextLineHead, _ number: Int) throws(TraceReadError) -> TextLine {
        let fields = head.fields
        if line.equals("page_pool_state_hold", head.event) {
            guard let (pool, netmem) = line.references(fields), let counter = line.counter("hold", fields)
            else { throw .line(number, "page_pool_state_hold without page_pool, netmem and its counter: \(line.excerpt)") }
            return .event(head.event(pool, .hold(netmem: netmem, counter: counter)))
        }
        if line.equals("page_pool_state_release", head.event) {
            guard let (pool, netmem) = line.references(fields), let counter = line.counter("release", fields)
            else { throw .line(number, "page_pool_state_release without page_pool, netmem and its counter: \(line.excerpt)") }
            return .event(head.event(pool, .release(netmem: netmem, counter: counter)))
        }
        if line.equals("page_pool_release", head.event) {
            guard let pool = line.hex("page_pool", fields),
                let inflight = line.number("inflight", fields).flatMap(Int32.init(exactly:)),
                let hold = line.counter("hold", fields), let release = line.counter("release", fields)
            else { throw .line(number, "page_pool_release without page_pool, inflight, hold and release: \(line.excerpt)") }
            let attempts = line.number("cnt", fields).flatMap(UInt64.init(exactly:)) ?? 0
            return .event(head.event(pool, .poolRelease(inflight: inflight, hold: hold, release: release, attempts: attempts)))
        }
        if line.equals("tracing_mark_write", head.event) || line.equals("print", head.event) {
            var count: UInt32 = 0
            guard let start = line.first("ppiov: ", in: fields),
                let mark = TraceEvent.Mark(line: Substring(line.string(start..<fields.upperBound)), count: &count)
            else { return .other }
            return .event(head.event(0, .mark(mark, count: count)))
        }
        // perf script and others write SYSTEM:EVENT. If these lines were skipped, nothing would be checked.
        if line.has("page_pool_state_") || line.has("page_pool_release") {
            throw .line(number, "a page-pool event in a form that is not tracefs' or trace-cmd's: \(line.excerpt)")
        }
        return .other
    }

    /// `# entries-in-buffer/entries-written: 140080/250280   #P:4` (`print_event_info()`, kernel/trace/trace.c): what was written
    /// and is not in the buffer any more is lost.
    private static func header(_ line: Span<UInt8>, _ number: Int) throws(TraceReadError) -> TextLine {
        let name = "entries-in-buffer/entries-written:"
        guard let start = line.first(name, in: line.indices) else { return .other }
        let text = line.string(start + name.utf8.count..<line.count)
        let counts = text.split(whereSeparator: \.isWhitespace).first?.split(separator: "/")
        guard let counts, counts.count == 2, let inBuffer = UInt64(counts[0]), let written = UInt64(counts[1]) else {
            throw .line(number, "cannot read the header: \(line.string(line.indices))")
        }
        guard written > inBuffer else { return .other }
        return .lost("by the header, \(written - inBuffer) of \(written) events were overwritten")
    }
}
