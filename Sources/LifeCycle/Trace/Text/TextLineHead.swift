// SPDX-License-Identifier: GPL-2.0

/// The part of a line before the event: task, PID, CPU, flags and time.
///
///     [TASK]-PID [(TGID)] [CPU] [FLAGS] SECONDS.FRACTION: EVENT      tracefs, trace-cmd report
///     [TASK]-PID CPUFLAGS [SECONDS.FRACTION:|TICKSus :] EVENT        latency-format, ftrace_dump, trace-cmd report -l
///
/// A task can have any 15 bytes as its name (`TASK_COMM_LEN`): brackets, dashes, colons, blanks, text that looks like a head. So the dash
/// before the PID is the last one, within the bytes that a name can have, that is followed by all of a head. What follows the head, such as the
/// text of a mark, is never searched: the columns before it take more bytes than a name can have.
struct TextLineHead {
    var pid: Int32 = 0
    var cpu: UInt32 = 0
    /// nil if they are missing: tracefs without `irq-info`, trace-cmd 3.1 without `-l`.
    var flags: UInt8?
    var time: UInt64 = 0
    /// Where the event's name is in the line; empty if the line does not have one (such as a line of the function tracer).
    var event = 0..<0
    /// Where the text of the event begins.
    var text = 0
    /// Where the fields are in the line.
    var fields = 0..<0
    /// What is printed before the task's column, without blanks: a buffer's name with a colon, or what printk or a log daemon adds.
    var prefix = 0..<0
    /// The time is in microseconds (`123us :`), as in tracefs' latency-format and in `ftrace_dump`.
    var isLatencyTime = false

    /// Bytes of a task's name at the most.
    private static let longestName = 15
    /// Bytes of the column of the task: `%16s`, or `%8.8s` in the latency formats.
    private static let column = 16
    private static let latencyColumn = 8

    init?(_ line: Span<UInt8>) {
        var at = 0
        var last = line.count
        var found = false
        while at < last, let dash = line.first(Ascii.dash, in: at..<last) {
            at = dash + 1
            var candidate = TextLineHead()
            guard let column = candidate.read(line, after: dash) else { continue }
            if !found {
                found = true
                last = min(line.count, dash + 1 + Self.longestName)
            }
            candidate.prefix = Self.prefix(line, before: dash - column)
            self = candidate
        }
        guard found, isPlausible(line) else { return nil }
        readEvent(line)
    }

    private init() {}

    /// Reads the head that follows a dash.
    ///
    /// - Returns: the width of the task's column; nil if no head follows.
    private mutating func read(_ line: Span<UInt8>, after dash: Int) -> Int? {
        let digits = line.skipDigits(dash + 1)
        guard let pid = line.unsigned(dash + 1..<digits).flatMap(Int32.init(exactly:)), digits < line.count, Ascii.isBlank(line[digits])
        else { return nil }
        self.pid = pid
        var at = line.skipBlanks(digits)
        guard at < line.count else { return nil }
        if line[at] == UInt8(ascii: "(") {
            guard let end = Self.skipTGID(line, at) else { return nil }
            at = line.skipBlanks(end)
            guard at < line.count else { return nil }
        }
        if line[at] == Ascii.bracket {
            let end = line.skipDigits(at + 1)
            guard let cpu = line.unsigned(at + 1..<end).flatMap(UInt32.init(exactly:)), end < line.count, line[end] == UInt8(ascii: "]")
            else { return nil }
            self.cpu = cpu
            return readFlagsAndTime(line, end + 1) ? Self.column : nil
        }
        let end = line.skipDigits(at)
        guard let cpu = line.unsigned(at..<end).flatMap(UInt32.init(exactly:)), end < line.count, !Ascii.isBlank(line[end]),
            let flagsEnd = readFlags(line, end)
        else { return nil }
        self.cpu = cpu
        return readTime(line, line.skipBlanks(flagsEnd), isLatency: true) ? Self.latencyColumn : nil
    }

    /// `(%7d)`, or `(-------)` where the thread group is not known.
    private static func skipTGID(_ line: Span<UInt8>, _ start: Int) -> Int? {
        var at = line.skipBlanks(start + 1)
        let first = at
        while at < line.count, line[at] == Ascii.dash || Ascii.isDigit(line[at]) { at += 1 }
        guard at > first, at < line.count, line[at] == UInt8(ascii: ")") else { return nil }
        return at + 1
    }

    /// Reads what follows the CPU in brackets: flags or not, then the time.
    private mutating func readFlagsAndTime(_ line: Span<UInt8>, _ start: Int) -> Bool {
        // `trace-cmd report --raw-ts` prints a large time directly behind the bracket, `-R` the flags as `-0x10`.
        let at = line.skipBlanks(start)
        if readTime(line, at, isLatency: false) { return true }
        guard let end = readFlags(line, at) else { return false }
        return readTime(line, line.skipBlanks(end), isLatency: false)
    }

    /// Reads a word of letters, digits and dots (`trace_print_lat_fmt()`, kernel/trace/trace_output.c), or `-0x10` (`trace-cmd report -R`).
    ///
    /// - Returns: its end, where a blank is.
    private mutating func readFlags(_ line: Span<UInt8>, _ start: Int) -> Int? {
        var end = start
        while end < line.count && !Ascii.isBlank(line[end]) { end += 1 }
        guard end > start, end < line.count else { return nil }
        if line.begins("-0x", at: start) {
            guard let bits = line.hexadecimal(start + 3..<end).flatMap(UInt8.init(exactly:)) else { return nil }
            flags = bits
            return end
        }
        guard (2...10).contains(end - start) else { return nil }
        for at in start..<end where line[at] != UInt8(ascii: ".") && line[at] != UInt8(ascii: "#") && !Ascii.isLetterOrDigit(line[at]) { return nil }
        flags = Self.flags(line, start..<end)
        return end
    }

    /// The third letter is that of a hard or soft interrupt.
    private static func flags(_ line: Span<UInt8>, _ word: Range<Int>) -> UInt8 {
        guard word.count > 2 else { return 0 }
        switch line[word.lowerBound + 2] {
        case UInt8(ascii: "h"): return 0x08
        case UInt8(ascii: "s"): return 0x10
        case UInt8(ascii: "H"): return 0x18
        case UInt8(ascii: "z"), UInt8(ascii: "Z"): return 0x40
        default: return 0
        }
    }

    /// Reads `12.345678:` in seconds, with up to nine decimals, `12345:` of a clock that does not count nanoseconds, or `12us :` (latency only) in
    /// microseconds with a mark for the time to the next event (`trace_find_mark()`).
    private mutating func readTime(_ line: Span<UInt8>, _ start: Int, isLatency: Bool) -> Bool {
        let digits = line.skipDigits(start)
        guard digits > start, digits < line.count, let whole = line.unsigned(start..<digits) else { return false }
        var end = digits
        if line[end] == UInt8(ascii: ".") {
            end = line.skipDigits(digits + 1)
            let decimals = end - digits - 1
            guard (1...9).contains(decimals), let fraction = line.unsigned(digits + 1..<end) else { return false }
            var scaled = fraction
            for _ in decimals..<9 { scaled *= 10 }
            let (seconds, overflow) = whole.multipliedReportingOverflow(by: 1_000_000_000)
            guard !overflow else { return false }
            time = seconds &+ scaled
        } else if isLatency, line.begins("us", at: end) {
            end += 3
            guard end < line.count, Self.isMark(line[end - 1]) else { return false }
            let (nanoseconds, overflow) = whole.multipliedReportingOverflow(by: 1000)
            guard !overflow else { return false }
            time = nanoseconds
            isLatencyTime = true
        } else {
            time = whole
        }
        guard end < line.count, line[end] == Ascii.colon, end + 1 == line.count || Ascii.isBlank(line[end + 1]) else { return false }
        text = end + 1
        return true
    }

    private static func isMark(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "$"), UInt8(ascii: "@"), UInt8(ascii: "*"), UInt8(ascii: "#"), UInt8(ascii: "!"), UInt8(ascii: "+"):
            true
        default: false
        }
    }

    private static func prefix(_ line: Span<UInt8>, before end: Int) -> Range<Int> {
        guard end > 0 else { return 0..<0 }
        var (start, end) = (line.skipBlanks(0), end)
        while end > start && Ascii.isBlank(line[end - 1]) { end -= 1 }
        return start < end ? start..<end : 0..<0
    }

    /// What is before the task's column is the name of a buffer, or what printk adds. Anything else is another text, with a head in it.
    private func isPlausible(_ line: Span<UInt8>) -> Bool {
        guard let last = prefix.last else { return true }
        return line[last] == Ascii.colon || line[last] == UInt8(ascii: "]")
    }

    /// Finds the event's name and fields.
    private mutating func readEvent(_ line: Span<UInt8>) {
        var start = line.skipBlanks(text)
        if line.begins("(+", at: start) {
            // `trace-cmd report --ts-diff`
            var end = start + 2
            while end < line.count, line[end] == Ascii.dash || Ascii.isDigit(line[end]) { end += 1 }
            if end < line.count && line[end] == UInt8(ascii: ")") { start = line.skipBlanks(end + 1) }
        }
        text = start
        var end = start
        while end < line.count && line[end] != Ascii.colon && !Ascii.isBlank(line[end]) { end += 1 }
        guard end < line.count && line[end] == Ascii.colon else { return }
        event = start..<end
        fields = end + 1..<line.count
    }

    /// The event of the line.
    func event(_ pool: UInt64, _ action: TraceEvent.Action) -> TraceEvent {
        var event = TraceEvent(time: time, cpu: cpu, pid: pid, flags: flags ?? 0, pool: pool, action: action)
        event.hasContext = flags != nil
        return event
    }
}
