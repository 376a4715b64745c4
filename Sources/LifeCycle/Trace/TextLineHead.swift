// SPDX-License-Identifier: GPL-2.0

/// The part of a line before the fields: `TASK-PID [CPU] FLAGS TIME: EVENT: FIELDS`, where the flags can be missing, or
/// `TASK-PID CPUFLAGS TIME: EVENT: FIELDS` (`trace-cmd report -l`).
struct TextLineHead {
    var pid: Int32 = 0
    var cpu: UInt32 = 0
    /// nil if they are missing: tracefs without `irq-info`, `trace-cmd report` without `-l`.
    var flags: UInt8?
    var time: UInt64 = 0
    /// Where the event's name is in the line.
    var event = 0..<0
    /// Where the fields are in the line.
    var fields = 0..<0

    init?(_ line: Span<UInt8>) {
        guard let end = readBracketed(line) ?? readLatency(line) else { return nil }
        let start = line.skipBlanks(end)
        guard let colon = line.first(Ascii.colon, in: start..<line.count) else { return nil }
        event = start..<colon
        fields = colon + 1..<line.count
    }

    /// Reads a line with the CPU in brackets.
    ///
    /// - Returns: the end of the time stamp.
    private mutating func readBracketed(_ line: Span<UInt8>) -> Int? {
        // The CPU is the first [N]. The name of a task can have brackets, but not with only a number in them.
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

    /// Reads a line with CPU and flags in one word.
    ///
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

    /// The event of the line.
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

    /// "12.345678" in seconds, with up to nine decimals. A number without a point (of a counter clock) is used as it is.
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

    /// `trace_print_lat_fmt()`, kernel/trace/trace_output.c: the third letter is that of a hard or soft interrupt.
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
