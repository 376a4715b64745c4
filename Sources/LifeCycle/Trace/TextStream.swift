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
            if let event = try parse(line) { return event }
        }
        return nil
    }

    private mutating func nextLine() throws(TraceReadError) -> ArraySlice<UInt8>? {
        while true {
            if let end = buffer[at...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { at = end + 1 }
                return buffer[at..<end]
            }
            if ended {
                guard at < buffer.count else { return nil }
                defer { at = buffer.count }
                return buffer[at...]
            }
            guard buffer.count - at <= Self.longestLine else { throw .line(number + 1, "longer than any line of a trace") }
            let more = try read()
            if more.isEmpty { ended = true }
            buffer.removeSubrange(..<at)
            at = 0
            buffer += more
        }
    }

    // MARK: - One line

    private static let poolEvents = Array("page_pool_".utf8)

    /// `TASK-PID [CPU] FLAGS TIME: EVENT: FIELDS`, where the flags may be left out.
    private mutating func parse(_ line: ArraySlice<UInt8>) throws(TraceReadError) -> TraceEvent? {
        guard line.first != UInt8(ascii: "#") else {
            try noteHeader(line)
            return nil
        }
        if line.contains(UInt8(ascii: "[")), line.hasWord("LOST"), line.hasWord("EVENTS]") || line.hasWord("EVENTS") {
            losses.add("line \(number): " + String(decoding: line, as: UTF8.self))
            return nil
        }
        guard let head = Head(line) else {
            // Whatever says a page-pool event's name and has no head is damaged, not somebody else's.
            if line.firstRange(of: Self.poolEvents) != nil { throw .line(number, "not a line of a trace: \(excerpt(line))") }
            return nil
        }
        if head.event == "page_pool_state_hold" || head.event == "page_pool_state_release" {
            let isHold = head.event == "page_pool_state_hold"
            guard let pool = head.hex("page_pool"), let netmem = head.hex("netmem"),
                let counter = head.number(isHold ? "hold" : "release").flatMap(UInt32.init(exactly:))
            else { throw .line(number, "\(head.event) without page_pool, netmem and its counter: \(excerpt(line))") }
            // A hashed pointer has lost the bit that says so.
            let iov = head.number("is_net_iov").map { $0 != 0 } ?? (netmem & 1 != 0)
            let reference = netmem & ~1 | (iov ? 1 : 0)
            return head.event(pool, isHold ? .hold(netmem: reference, counter: counter) : .release(netmem: reference, counter: counter))
        }
        if head.event == "page_pool_release" {
            guard let pool = head.hex("page_pool"), let inflight = head.number("inflight").flatMap(Int32.init(exactly:)),
                let hold = head.number("hold").flatMap(UInt32.init(exactly:)),
                let release = head.number("release").flatMap(UInt32.init(exactly:))
            else { throw .line(number, "page_pool_release without page_pool, inflight, hold and release: \(excerpt(line))") }
            let attempts = head.number("cnt").flatMap(UInt64.init(exactly:)) ?? 0
            return head.event(pool, .poolRelease(inflight: inflight, hold: hold, release: release, attempts: attempts))
        }
        if head.event == "tracing_mark_write" || head.event == "print" {
            guard let start = head.fields.start(of: "ppiov: ") else { return nil }
            var count: UInt32 = 0
            guard let mark = TraceEvent.Mark(line: head.fields[start...], count: &count) else { return nil }
            return head.event(0, .mark(mark, count: count))
        }
        return nil
    }

    /// `# entries-in-buffer/entries-written: 140080/250280   #P:4` (`print_event_info()`, kernel/trace/trace.c): what was written
    /// and is not in the buffer is lost.
    private mutating func noteHeader(_ line: ArraySlice<UInt8>) throws(TraceReadError) {
        let text = String(decoding: line, as: UTF8.self)
        guard let start = text.start(of: "entries-in-buffer/entries-written:") else { return }
        let counts = text[start...].drop { $0 != ":" }.dropFirst().split(whereSeparator: \.isWhitespace).first?.split(separator: "/")
        guard let counts, counts.count == 2, let inBuffer = UInt64(counts[0]), let written = UInt64(counts[1]) else {
            throw .line(number, "cannot read the header: \(text)")
        }
        if written > inBuffer { losses.add("the header says that \(written - inBuffer) of \(written) events were overwritten") }
    }

    private func excerpt(_ line: ArraySlice<UInt8>) -> String {
        String(decoding: line.prefix(160), as: UTF8.self)
    }

    /// What stands before the fields.
    private struct Head {
        var pid: Int32 = 0
        var cpu: UInt32 = 0
        var flags: UInt8 = 0
        var time: UInt64 = 0
        var event: Substring
        var fields: Substring

        init?(_ bytes: ArraySlice<UInt8>) {
            let line = Substring(decoding: bytes, as: UTF8.self)
            // The CPU is the first [N]; the name of a task may have brackets of its own, but no number alone in them.
            var rest = line
            var found: (UInt32, Substring, Substring)?
            while let open = rest.firstIndex(of: "[") {
                let after = rest[rest.index(after: open)...]
                guard let close = after.firstIndex(of: "]") else { return nil }
                if let cpu = UInt32(after[..<close]) {
                    found = (cpu, line[..<open], after[after.index(after: close)...])
                    break
                }
                rest = after
            }
            guard let (cpu, task, tail) = found else { return nil }
            self.cpu = cpu
            let name = trimmed(task)
            if let dash = name.lastIndex(of: "-") { pid = Int32(name[name.index(after: dash)...].prefix { $0.isNumber }) ?? 0 }
            // Flags and time; then the event's name up to a colon.
            var words = tail
            var stamp: UInt64?
            while stamp == nil {
                words = words.drop { $0 == " " || $0 == "\t" }
                guard let end = words.firstIndex(where: { $0 == " " || $0 == "\t" }) else { return nil }
                let word = words[..<end]
                words = words[end...]
                if word.hasSuffix(":"), let time = Self.nanoseconds(word.dropLast()) {
                    stamp = time
                } else {
                    flags = Self.flags(word)
                }
            }
            time = stamp ?? 0
            words = words.drop { $0 == " " || $0 == "\t" }
            guard let colon = words.firstIndex(of: ":") else { return nil }
            event = words[..<colon]
            fields = words[words.index(after: colon)...]
        }

        /// "12.345678", seconds; with as many digits as the clock gives. A counter clock's plain number is taken as it is.
        private static func nanoseconds(_ text: Substring) -> UInt64? {
            guard let dot = text.firstIndex(of: ".") else { return UInt64(text) }
            let digits = text[text.index(after: dot)...]
            guard let seconds = UInt64(text[..<dot]), (1...9).contains(digits.count), let fraction = UInt64(digits) else { return nil }
            var scaled = fraction
            for _ in digits.count..<9 { scaled *= 10 }
            let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
            return overflow ? nil : whole &+ scaled
        }

        /// `trace_print_lat_fmt()`, kernel/trace/trace_output.c: the third letter says hard or soft interrupt.
        private static func flags(_ word: Substring) -> UInt8 {
            var flags: UInt8 = 0
            for letter in word.dropFirst(2).prefix(1) {
                switch letter {
                case "h": flags |= 0x08
                case "s": flags |= 0x10
                case "H": flags |= 0x18
                case "z", "Z": flags |= 0x40
                default: break
                }
            }
            return flags
        }

        private func value(_ name: String) -> Substring? {
            for word in fields.split(separator: " ") {
                guard let equals = word.firstIndex(of: "="), word[..<equals] == name else { continue }
                var value = word[word.index(after: equals)...]
                while value.last == "," { value = value.dropLast() }
                return value
            }
            return nil
        }

        /// `%p` prints digits alone, `trace-cmd` may put 0x before them.
        func hex(_ name: String) -> UInt64? {
            guard let value = value(name) else { return nil }
            return UInt64(value.hasPrefix("0x") ? value.dropFirst(2) : value, radix: 16)
        }

        func number(_ name: String) -> Int64? { value(name).flatMap { Int64($0) } }

        func event(_ pool: UInt64, _ action: TraceEvent.Action) -> TraceEvent {
            TraceEvent(time: time, cpu: cpu, pid: pid, flags: flags, pool: pool, action: action)
        }
    }
}

extension ArraySlice<UInt8> {
    fileprivate func firstRange(of other: [UInt8]) -> Int? {
        guard let first = other.first, count >= other.count else { return nil }
        var from = startIndex
        while let at = self[from...].firstIndex(of: first), endIndex - at >= other.count {
            if self[at..<at + other.count].elementsEqual(other) { return at }
            from = at + 1
        }
        return nil
    }

    fileprivate func hasWord(_ word: String) -> Bool { firstRange(of: Array(word.utf8)) != nil }
}

extension StringProtocol {
    /// Where `text` begins.
    fileprivate func start(of text: String) -> Index? {
        var at = startIndex
        while at < endIndex {
            if self[at...].hasPrefix(text) { return at }
            at = index(after: at)
        }
        return nil
    }
}
