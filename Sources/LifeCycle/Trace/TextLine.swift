// SPDX-License-Identifier: GPL-2.0

/// What a line of a text trace says. It is taken apart as bytes: a trace has millions of lines.
enum TextLine {
    case event(TraceEvent)
    /// Events are missing.
    case lost(String)
    /// Somebody else's event, or none.
    case other

    /// - Parameter number: the line's own, from 1, for messages.
    /// - Throws: `TraceReadError.line` where the line is of a page-pool event and cannot be read.
    init(_ line: Span<UInt8>, number: Int) throws(TraceReadError) {
        if !line.isEmpty && line[0] == UInt8(ascii: "#") {
            self = try Self.header(line, number)
        } else if line.has("EVENTS"), line.first(Ascii.bracket, in: line.indices) != nil, line.has("LOST") || line.has("DROPPED") {
            // "CPU:1 [LOST 45 EVENTS]" in trace_pipe, "CPU:1 [45 EVENTS DROPPED]" where trace-cmd reports.
            self = .lost("line \(number): " + line.string(line.indices))
        } else if let head = Head(line) {
            self = try Self.event(line, head, number)
        } else if line.has("page_pool_") {
            // Whatever says a page-pool event's name and has no head is damaged, not somebody else's.
            throw .line(number, "not a line of a trace: \(line.excerpt)")
        } else {
            self = .other
        }
    }

    private static func event(_ line: Span<UInt8>, _ head: Head, _ number: Int) throws(TraceReadError) -> TextLine {
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
        // perf script and others write SYSTEM:EVENT; passing over those would be to judge nothing.
        if line.has("page_pool_state_") || line.has("page_pool_release") {
            throw .line(number, "a page-pool event in a form that is not tracefs' or trace-cmd's: \(line.excerpt)")
        }
        return .other
    }

    /// `# entries-in-buffer/entries-written: 140080/250280   #P:4` (`print_event_info()`, kernel/trace/trace.c): what was written
    /// and is not in the buffer is lost.
    private static func header(_ line: Span<UInt8>, _ number: Int) throws(TraceReadError) -> TextLine {
        let name = "entries-in-buffer/entries-written:"
        guard let start = line.first(name, in: line.indices) else { return .other }
        let text = line.string(start + name.utf8.count..<line.count)
        let counts = text.split(whereSeparator: \.isWhitespace).first?.split(separator: "/")
        guard let counts, counts.count == 2, let inBuffer = UInt64(counts[0]), let written = UInt64(counts[1]) else {
            throw .line(number, "cannot read the header: \(line.string(line.indices))")
        }
        guard written > inBuffer else { return .other }
        return .lost("the header says that \(written - inBuffer) of \(written) events were overwritten")
    }
}

/// What stands before the fields: `TASK-PID [CPU] FLAGS TIME: EVENT: FIELDS`, where the flags may be left out, or
/// `TASK-PID CPUFLAGS TIME: EVENT: FIELDS` (`trace-cmd report -l`).
private struct Head {
    var pid: Int32 = 0
    var cpu: UInt32 = 0
    /// nil where they are left out: tracefs without `irq-info`, `trace-cmd report` without `-l`.
    var flags: UInt8?
    var time: UInt64 = 0
    /// Where the event's name stands in the line.
    var event = 0..<0
    var fields = 0..<0

    init?(_ line: Span<UInt8>) {
        guard let end = readBracketed(line) ?? readLatency(line) else { return nil }
        let start = line.skipBlanks(end)
        guard let colon = line.first(Ascii.colon, in: start..<line.count) else { return nil }
        event = start..<colon
        fields = colon + 1..<line.count
    }

    /// - Returns: the end of the time stamp.
    private mutating func readBracketed(_ line: Span<UInt8>) -> Int? {
        // The CPU is the first [N]; the name of a task may have brackets of its own, but no number alone in them.
        var at = 0
        while true {
            guard let open = line.first(Ascii.bracket, in: at..<line.count),
                let close = line.first(UInt8(ascii: "]"), in: open + 1..<line.count)
            else { return nil }
            if let number = line.unsigned(open + 1..<close).flatMap(UInt32.init(exactly:)) {
                cpu = number
                pid = Self.pid(line, 0..<open) ?? 0
                at = close + 1
                break
            }
            at = open + 1
        }
        while let word = line.word(at) {
            if readTime(line, word) { return word.upperBound }
            flags = Self.flags(line, word)
            at = word.upperBound
        }
        return nil
    }

    /// - Returns: the end of the time stamp.
    private mutating func readLatency(_ line: Span<UInt8>) -> Int? {
        var (task, place) = (0..<0, 0..<0)
        var at = 0
        while let word = line.word(at) {
            if readTime(line, word) {
                var letters = place.lowerBound
                while letters < place.upperBound && Ascii.isDigit(line[letters]) { letters += 1 }
                guard letters < place.upperBound, let pid = Self.pid(line, task),
                    let cpu = line.unsigned(place.lowerBound..<letters).flatMap(UInt32.init(exactly:))
                else { return nil }
                self.pid = pid
                self.cpu = cpu
                flags = Self.flags(line, letters..<place.upperBound)
                return word.upperBound
            }
            (task, place) = (place, word)
            at = word.upperBound
        }
        return nil
    }

    private mutating func readTime(_ line: Span<UInt8>, _ word: Range<Int>) -> Bool {
        guard line[word.upperBound - 1] == Ascii.colon, let time = Self.nanoseconds(line, word.lowerBound..<word.upperBound - 1)
        else { return false }
        self.time = time
        return true
    }

    func event(_ pool: UInt64, _ action: TraceEvent.Action) -> TraceEvent {
        var event = TraceEvent(time: time, cpu: cpu, pid: pid, flags: flags ?? 0, pool: pool, action: action)
        event.hasContext = flags != nil
        return event
    }

    /// The digits after the last dash.
    private static func pid(_ line: Span<UInt8>, _ task: Range<Int>) -> Int32? {
        var start = task.upperBound
        while start > task.lowerBound && line[start - 1] != UInt8(ascii: "-") { start -= 1 }
        guard start > task.lowerBound else { return nil }
        var end = start
        while end < task.upperBound && Ascii.isDigit(line[end]) { end += 1 }
        return line.unsigned(start..<end).flatMap(Int32.init(exactly:))
    }

    /// "12.345678", seconds; with as many digits as the clock gives. A counter clock's plain number is taken as it is.
    private static func nanoseconds(_ line: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
        guard let dot = line.first(UInt8(ascii: "."), in: range) else { return line.unsigned(range) }
        let digits = dot + 1..<range.upperBound
        guard let seconds = line.unsigned(range.lowerBound..<dot), (1...9).contains(digits.count),
            let fraction = line.unsigned(digits)
        else { return nil }
        var scaled = fraction
        for _ in digits.count..<9 { scaled *= 10 }
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? nil : whole &+ scaled
    }

    /// `trace_print_lat_fmt()`, kernel/trace/trace_output.c: the third letter says hard or soft interrupt.
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
}

enum Ascii {
    static let newline = UInt8(ascii: "\n")
    static let bracket = UInt8(ascii: "[")
    static let colon = UInt8(ascii: ":")

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}

extension Span<UInt8> {
    /// Where the byte stands first.
    @inline(__always)
    func first(_ byte: UInt8, in range: Range<Int>) -> Int? {
        var at = range.lowerBound
        while at < range.upperBound {
            if self[at] == byte { return at }
            at += 1
        }
        return nil
    }

    /// Where the text begins first; it must not be empty.
    fileprivate func first(_ text: String, in range: Range<Int>) -> Int? {
        let count = text.utf8.count
        guard let initial = text.utf8.first else { return nil }
        var at = range.lowerBound
        while let start = first(initial, in: at..<range.upperBound), range.upperBound - start >= count {
            if equals(text, start..<start + count) { return start }
            at = start + 1
        }
        return nil
    }

    fileprivate func has(_ text: String) -> Bool { first(text, in: indices) != nil }

    @inline(__always)
    fileprivate func equals(_ text: String, _ range: Range<Int>) -> Bool {
        guard text.utf8.count == range.count else { return false }
        var at = range.lowerBound
        for byte in text.utf8 {
            guard self[at] == byte else { return false }
            at += 1
        }
        return true
    }

    fileprivate func skipBlanks(_ start: Int) -> Int {
        var at = start
        while at < count && Ascii.isBlank(self[at]) { at += 1 }
        return at
    }

    /// The next word, if a blank ends it.
    fileprivate func word(_ start: Int) -> Range<Int>? {
        let start = skipBlanks(start)
        var end = start
        while end < count && !Ascii.isBlank(self[end]) { end += 1 }
        return end < count ? start..<end : nil
    }

    /// Digits and nothing else; nil where there is none, or too many.
    fileprivate func unsigned(_ range: Range<Int>) -> UInt64? {
        guard !range.isEmpty else { return nil }
        var value: UInt64 = 0
        for at in range {
            guard Ascii.isDigit(self[at]) else { return nil }
            let (tens, tooMany) = value.multipliedReportingOverflow(by: 10)
            let (next, tooMuch) = tens.addingReportingOverflow(UInt64(self[at] - UInt8(ascii: "0")))
            guard !tooMany && !tooMuch else { return nil }
            value = next
        }
        return value
    }

    // MARK: - Fields: NAME=VALUE, with or without a comma

    /// The value of the first field of that name.
    private func value(_ name: String, _ fields: Range<Int>) -> Range<Int>? {
        var at = fields.lowerBound
        while at < fields.upperBound {
            let end = first(UInt8(ascii: " "), in: at..<fields.upperBound) ?? fields.upperBound
            let equals = at + name.utf8.count
            if equals < end, self[equals] == UInt8(ascii: "="), self.equals(name, at..<equals) {
                var last = end
                while last > equals + 1 && self[last - 1] == UInt8(ascii: ",") { last -= 1 }
                return equals + 1..<last
            }
            at = end + 1
        }
        return nil
    }

    /// `%p` prints digits alone, `trace-cmd` may put 0x before them.
    fileprivate func hex(_ name: String, _ fields: Range<Int>) -> UInt64? {
        guard var digits = value(name, fields) else { return nil }
        if digits.count > 2, self[digits.lowerBound] == UInt8(ascii: "0"), self[digits.lowerBound + 1] == UInt8(ascii: "x") {
            digits = digits.lowerBound + 2..<digits.upperBound
        }
        guard !digits.isEmpty else { return nil }
        var value: UInt64 = 0
        for at in digits {
            let digit: UInt8
            switch self[at] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = self[at] - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = self[at] - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = self[at] - UInt8(ascii: "A") + 10
            default: return nil
            }
            guard value >> 60 == 0 else { return nil }
            value = value << 4 | UInt64(digit)
        }
        return value
    }

    fileprivate func number(_ name: String, _ fields: Range<Int>) -> Int64? {
        guard let digits = value(name, fields), !digits.isEmpty else { return nil }
        guard self[digits.lowerBound] == UInt8(ascii: "-") else { return unsigned(digits).flatMap(Int64.init(exactly:)) }
        return unsigned(digits.lowerBound + 1..<digits.upperBound).flatMap(Int64.init(exactly:)).map { -$0 }
    }

    fileprivate func counter(_ name: String, _ fields: Range<Int>) -> UInt32? {
        number(name, fields).flatMap(UInt32.init(exactly:))
    }

    /// The pool and the `netmem_ref`. A hashed pointer (32 bits, lib/vsprintf.c) does not have the bit that says that it is a
    /// net_iov: a bit of the hash stands there, and is kept above the others where that one takes its place.
    fileprivate func references(_ fields: Range<Int>) -> (pool: UInt64, netmem: UInt64)? {
        guard let pool = hex("page_pool", fields), let netmem = hex("netmem", fields) else { return nil }
        guard let iov = number("is_net_iov", fields), (iov != 0) != (netmem & 1 != 0) else { return (pool, netmem) }
        return (pool, netmem ^ 1 | (netmem <= UInt32.max ? 1 << 32 : 0))
    }

    // MARK: - For messages

    fileprivate func string(_ range: Range<Int>) -> String {
        var bytes: [UInt8] = []
        for at in range { bytes.append(self[at]) }
        return String(decoding: bytes, as: UTF8.self)
    }

    fileprivate var excerpt: String { string(0..<Swift.min(count, 160)) }
}
