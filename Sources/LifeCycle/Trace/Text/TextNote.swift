// SPDX-License-Identifier: GPL-2.0

/// A line of a text trace that has no head: a header, a loss, a mark of `ftrace_dump`, a line of a stack, or another text.
enum TextNote: Equatable {
    /// Events are missing. The buffer is that of the next line, where trace-cmd prints one before the loss.
    case lost(String, buffer: [UInt8]?)
    /// `** 45 printk messages dropped **`: the console does not have all that the kernel printed.
    case dropped(String)
    /// `Dumping ftrace buffer:`, `Dumping ftrace instance NAME buffer:`
    case dump(buffer: [UInt8])
    /// The line of dashes before the first event of a dump and after the last one.
    case rule
    /// `(ftrace buffer empty)`
    case emptyDump
    case other

    /// - Parameter number: of the line, from 1, for messages.
    /// - Throws: `TraceReadError.line` if the line shows events in a form that ppiov does not read.
    init(_ line: Span<UInt8>, number: Int) throws(TraceReadError) {
        let start = line.skipBlanks(0)
        if start == line.count || line.begins("=>", at: start) {
            // An entry of a stack (the options `stacktrace` and `userstacktrace`): any function can be in it, also one of the page pool.
            self = .other
        } else if line[start] == UInt8(ascii: "#") {
            self = try Self.header(line, number)
        } else if let lost = Self.lost(line, number) {
            self = lost
        } else if let dump = Self.dump(line) {
            self = dump
        } else {
            try Self.refuse(line, number)
            self = .other
        }
    }

    /// - `# entries-in-buffer/entries-written: 140080/250280   #P:4` (`print_event_info()`, kernel/trace/trace.c) and
    ///   `# latency: 0 us, #3/5, CPU#0 | ...` (`print_trace_header()`): what was written and is not in the buffer any more is lost.
    /// - `##### CPU 2 buffer started ####` (`test_cpu_buff_start()`) is printed only where events were overwritten.
    private static func header(_ line: Span<UInt8>, _ number: Int) throws(TraceReadError) -> TextNote {
        let counts: Range<Int>
        let name = "entries-in-buffer/entries-written:"
        if let start = line.first(name, in: line.indices) {
            counts = line.skipBlanks(start + name.utf8.count)..<line.count
        } else if line.begins("# latency: ", at: 0), let start = line.first(", #", in: line.indices) {
            counts = start + 3..<line.count
        } else if line.begins("##### CPU ", at: 0), line.has("buffer started") {
            return .lost("line \(number): events of this CPU were overwritten: \(line.excerpt)", buffer: nil)
        } else {
            return .other
        }
        let slash = line.skipDigits(counts.lowerBound)
        let end = slash < line.count ? line.skipDigits(slash + 1) : slash
        guard slash < line.count, line[slash] == UInt8(ascii: "/"), let inBuffer = line.unsigned(counts.lowerBound..<slash),
            let written = line.unsigned(slash + 1..<end)
        else { throw .line(number, "cannot read the header: \(line.excerpt)") }
        guard written > inBuffer else { return .other }
        return .lost("by the header, \(written - inBuffer) of \(written) events were overwritten", buffer: nil)
    }

    /// `CPU:1 [LOST 45 EVENTS]` in tracefs, `CPU:1 [45 EVENTS DROPPED]` in the output of trace-cmd report; and what a console lost.
    private static func lost(_ line: Span<UInt8>, _ number: Int) -> TextNote? {
        if line.has("EVENTS"), line.first(Ascii.bracket, in: line.indices) != nil, line.has("LOST") || line.has("DROPPED") {
            var buffer: [UInt8]?
            if let cpu = line.first("CPU", in: line.indices), cpu > 0 { buffer = bufferName(line, 0..<cpu) }
            return .lost("line \(number): \(line.excerpt)", buffer: buffer)
        }
        return line.has("printk messages dropped") ? .dropped("line \(number): \(line.excerpt)") : nil
    }

    /// The name in the text before a line of a report (`print_handle_file()`, trace-cmd's trace-read.c); empty for the top instance.
    static func bufferName(_ line: Span<UInt8>, _ prefix: Range<Int>) -> [UInt8] {
        var name = Ascii.trimmed(line.bytes(prefix)[...])
        if name.last == Ascii.colon { name.removeLast() }
        return Array(name)
    }

    /// `ftrace_dump_one()`, kernel/trace/trace.c.
    private static func dump(_ line: Span<UInt8>) -> TextNote? {
        if let start = line.first("Dumping ftrace ", in: line.indices) {
            let rest = start + 15
            if line.begins("buffer:", at: rest) { return .dump(buffer: []) }
            guard line.begins("instance ", at: rest) else { return nil }
            let end = line.first(" buffer:", in: rest..<line.count) ?? line.count
            return .dump(buffer: line.bytes(min(rest + 9, end)..<end))
        }
        if line.has("(ftrace buffer empty)") { return .emptyDump }
        return line.has("---------------------------------") ? .rule : nil
    }

    /// A text that shows page-pool events, but not as lines of a trace. If these lines were skipped, nothing would be checked.
    private static func refuse(_ line: Span<UInt8>, _ number: Int) throws(TraceReadError) {
        if isTypeOnly(line) {
            throw .line(
                number,
                "the events as numbers (tracefs' options raw, hex or bin): \(line.excerpt); "
                    + "clear them (echo 0 > options/raw) and save `trace` again")
        }
        guard let event = eventName(line) else { return }
        if line.has("/* page_pool_") {
            throw .line(
                number,
                "an event in the output of the function_graph tracer, which has no time and task: \(line.excerpt); "
                    + "record without a tracer (echo nop > current_tracer)")
        }
        if line.has(" (+") && (line.has("ms): ") || line.has("): ")) && line.first(Ascii.bracket, in: 0..<event) != nil {
            throw .line(
                number,
                "a line of tracefs with the options latency-format and verbose: \(line.excerpt); "
                    + "clear them (echo 0 > options/verbose) and save `trace` again")
        }
        if line.first("page_pool:page_pool_", in: line.indices) == event - 10 {
            throw .line(
                number,
                "an event as SYSTEM:EVENT, which perf script and others print: \(line.excerpt); "
                    + "record it with tracefs or trace-cmd (docs/trace.md)")
        }
        if line.skipBlanks(0) == event || line[event - 1] == UInt8(ascii: " ") && hasOnlyPrefix(line, event) {
            throw .line(
                number,
                "an event without task, CPU and time: \(line.excerpt); "
                    + "set tracefs' option context-info (echo 1 > options/context-info) and save `trace` again; "
                    + "of the boot option tp_printk, use the trace instead of the console")
        }
        throw .line(
            number,
            "not a line of tracefs or trace-cmd report, or a damaged one: \(line.excerpt); docs/trace.md has the forms that are read "
                + "(of `trace-cmd report -l --raw-ts`, leave out one of the two)")
    }

    /// What printk or a log daemon adds is all that is before the event: `[  101.000002][  T200] `, `host kernel: `, not a CPU and not a time.
    private static func hasOnlyPrefix(_ line: Span<UInt8>, _ event: Int) -> Bool {
        var end = event
        while end > 0 && Ascii.isBlank(line[end - 1]) { end -= 1 }
        guard end > 1 else { return false }
        if line[end - 1] == Ascii.colon { return !Ascii.isDigit(line[end - 2]) }
        guard line[end - 1] == UInt8(ascii: "]") else { return false }
        var at = end - 1
        while at > 0 && Ascii.isDigit(line[at - 1]) { at -= 1 }
        return at == 0 || line[at - 1] != Ascii.bracket
    }

    /// `318 0 694260454254 type: 372` of the option `raw`, the same in hexadecimal digits or in bytes of `hex` and `bin` (`trace_nop_print()`).
    private static func isTypeOnly(_ line: Span<UInt8>) -> Bool {
        var digits = line.count
        while digits > 0 && Ascii.isDigit(line[digits - 1]) { digits -= 1 }
        guard digits < line.count, digits >= 6, line.begins("type: ", at: digits - 6) else { return false }
        let before = 0..<digits - 6
        var (words, hexadecimal, bytes) = (0, true, false)
        for at in before {
            let byte = line[at]
            if byte == UInt8(ascii: " ") { words += 1 } else if !Ascii.isHexDigit(byte) { hexadecimal = false }
            if byte < 0x20 || byte >= 0x7f { bytes = true }
        }
        return bytes || hexadecimal && (words == 3 || words == 0)
    }

    /// Where the name of a page-pool event is: `page_pool_state_hold` or `page_pool_state_release` as a word, `page_pool_release` with a colon.
    private static func eventName(_ line: Span<UInt8>) -> Int? {
        var at = 0
        while let start = line.first("page_pool_", in: at..<line.count) {
            at = start + 10
            if start > 0, line[start - 1] == UInt8(ascii: "_") || Ascii.isLetterOrDigit(line[start - 1]) { continue }
            for name in ["page_pool_state_hold", "page_pool_state_release"] where line.begins(name, at: start) {
                let end = start + name.utf8.count
                if end == line.count || line[end] == Ascii.colon || Ascii.isBlank(line[end]) { return start }
            }
            if line.begins("page_pool_release:", at: start) { return start }
        }
        return nil
    }
}
