// SPDX-License-Identifier: GPL-2.0

/// A line of a text trace that has a head. It is parsed as bytes, as a trace has millions of lines.
enum TextLine {
    /// A page-pool event or a mark.
    case event(TraceEvent)
    /// Another event.
    case other

    /// - Parameter number: of the line, from 1, for messages.
    /// - Throws: `TraceReadError.line` if the line is of a page-pool event and cannot be read.
    init(_ line: Span<UInt8>, _ head: TextLineHead, number: Int) throws(TraceReadError) {
        let fields = head.fields
        switch head.event.count {
        case 20 where line.equals("page_pool_state_hold", head.event):
            guard let (pool, netmem) = line.references(fields), let counter = line.counter("hold", fields)
            else { throw .line(number, "page_pool_state_hold without page_pool, netmem and its counter: \(line.excerpt)") }
            self = .event(head.event(pool, .hold(netmem: netmem, counter: counter)))
        case 23 where line.equals("page_pool_state_release", head.event):
            guard let (pool, netmem) = line.references(fields), let counter = line.counter("release", fields)
            else { throw .line(number, "page_pool_state_release without page_pool, netmem and its counter: \(line.excerpt)") }
            self = .event(head.event(pool, .release(netmem: netmem, counter: counter)))
        case 17 where line.equals("page_pool_release", head.event):
            guard let pool = line.pool(fields), let inflight = line.signed("inflight", fields),
                let hold = line.counter("hold", fields), let release = line.counter("release", fields)
            else { throw .line(number, "page_pool_release without page_pool, inflight, hold and release: \(line.excerpt)") }
            let attempts = line.number("cnt", fields).flatMap(UInt64.init(exactly:)) ?? 0
            self = .event(head.event(pool, .poolRelease(inflight: inflight, hold: hold, release: release, attempts: attempts)))
        case 18 where line.equals("tracing_mark_write", head.event):
            // tracefs prints a blank, then the text.
            self = Self.mark(line, head, fields.dropFirst())
        case 5 where line.equals("print", head.event):
            self = Self.mark(line, head, Self.markOfTraceCmd(line, fields))
        case 9 where line.equals("page_pool", head.event) && line.begins("page_pool_", at: fields.lowerBound):
            throw .line(
                number,
                "an event as SYSTEM:EVENT, which perf script and others print: \(line.excerpt); "
                    + "record it with tracefs or trace-cmd (docs/trace.md)")
        case 0 where line.begins("UNKNOWN TYPE 5", at: head.text):
            throw .line(
                number,
                "with the option `fields` tracefs does not print the text of a mark: \(line.excerpt); "
                    + "clear it (echo 0 > options/fields) and save `trace` again")
        default:
            self = .other
        }
    }

    private static func mark(_ line: Span<UInt8>, _ head: TextLineHead, _ text: Range<Int>) -> TextLine {
        var count: UInt32 = 0
        guard line.begins("ppiov: ", at: text.lowerBound), let mark = TraceEvent.Mark(text: line.bytes(text)[...], count: &count)
        else { return .other }
        return .event(head.event(0, .mark(mark, count: count)))
    }

    /// `SYMBOL: TEXT`, or with `-R` `ip=ADDRESS buf=TEXT`.
    private static func markOfTraceCmd(_ line: Span<UInt8>, _ fields: Range<Int>) -> Range<Int> {
        let start = line.skipBlanks(fields.lowerBound)
        var end = start
        while end < fields.upperBound && !Ascii.isBlank(line[end]) { end += 1 }
        guard end > start, end < fields.upperBound else { return fields.upperBound..<fields.upperBound }
        if line[end - 1] == Ascii.colon { return end + 1..<fields.upperBound }
        guard line.begins("ip=", at: start), line.begins("buf=", at: end + 1) else { return fields.upperBound..<fields.upperBound }
        return end + 5..<fields.upperBound
    }
}
