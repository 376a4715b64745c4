// SPDX-License-Identifier: GPL-2.0

public import LifeCycle

extension TextForm {
    /// The text of events that are in the order of `Recording.merged`. Times of microseconds; events below that unit cannot be printed by most forms.
    public func text(_ events: [TraceEvent]) -> [UInt8] {
        var text: [UInt8] = hasByteOrderMark ? [0xef, 0xbb, 0xbf] : []
        let end = Array(ending.rawValue.utf8)
        let lines = lines(events)
        for (index, line) in lines.enumerated() {
            text += line
            if index + 1 < lines.count || endsWithNewline { text += end }
        }
        return text
    }

    /// The lines of the text, without their ends.
    public func lines(_ events: [TraceEvent]) -> [[UInt8]] {
        let prefix = Array(prefix.utf8)
        var before: UInt64?
        var lines = header(events.count).map { prefix + Array($0.utf8) }
        for (index, event) in events.enumerated() {
            lines.append(prefix + self.line(event, names[index % names.count], after: before))
            before = event.time
        }
        if tool == .dump { lines.append(prefix + Array("---------------------------------".utf8)) }
        return lines
    }

    private func header(_ count: Int) -> [String] {
        switch tool {
        case .traceCmd: return ["cpus=4"]
        case .dump: return ["Dumping ftrace buffer:", "---------------------------------"]
        case .tracefs where isLatency:
            let counts = "# latency: 0 us, #\(count)/\(count), CPU#0 | (M:PREEMPT VP:0, #P:4)"
            return ["# tracer: nop", "#", "# nop latency trace v1.1.5 on 7.3.4", counts, "#"]
        case .tracefs: return ["# tracer: nop", "#", "# entries-in-buffer/entries-written: \(count)/\(count)   #P:4", "#"]
        }
    }

    private func line(_ event: TraceEvent, _ name: [UInt8], after: UInt64?) -> [UInt8] {
        var text = column(name)
        text += "-" + Self.left(String(event.pid), tool == .traceCmd ? 5 : 7) + " "
        if tgid != .none { text += "(" + (tgid == .dashes ? "-------" : Self.right(String(event.pid), 7)) + ") " }
        text += isLatency ? Self.right(String(event.cpu), 3) : "[" + Self.zeros(String(event.cpu), 3) + "]"
        text += flags(event)
        text += time(event)
        if tool == .traceCmd && hasDifference {
            text += " " + Self.left(after.map { "(+\((Int64(event.time) - Int64($0)) / 1000))" } ?? "", 8)
        }
        text += " " + (tool == .traceCmd ? Self.left(self.name(event) + ": ", 22) : self.name(event) + (hasFields ? ":" : ": "))
        text += body(event)
        if tool == .traceCmd && isDebug { text += " [\(event.time % 1000):0x40:40]" }
        return text
    }

    private func column(_ name: [UInt8]) -> [UInt8] {
        let width = isLatency ? 8 : 16
        let shown = Array(isLatency ? name.prefix(8) : name[...])
        return [UInt8](repeating: UInt8(ascii: " "), count: max(0, width - shown.count)) + shown
    }

    /// `trace_print_lat_fmt()`, or the flags as a number (`-R`).
    private func flags(_ event: TraceEvent) -> String {
        guard hasFlags || isLatency else { return tool == .traceCmd && !hasRawTime ? " " : "" }
        if tool == .traceCmd && hasFields { return "-0x" + String(event.flags, radix: 16) }
        let letter =
            event.flags & 0x40 != 0
            ? "z" : event.flags & 0x18 == 0x18 ? "H" : event.flags & 8 != 0 ? "h" : event.flags & 0x10 != 0 ? "s" : "."
        return (isLatency ? "" : " ") + ".." + letter + "1."
    }

    private func time(_ event: TraceEvent) -> String {
        if tool == .traceCmd && hasRawTime { return Self.right(String(event.time), 12) + ":" }
        if isLatency && tool != .traceCmd {
            let marks = [" ", "+", "!", "#", "*", "@", "$"]
            return " " + Self.right(String(event.time / 1000), 4) + "us" + marks[Int(event.time / 1000 % 7)] + ":"
        }
        let nanoseconds = event.time % 1_000_000_000
        let fraction = hasNanoseconds ? Self.zeros(String(nanoseconds), 9) : Self.zeros(String(nanoseconds / 1000), 6)
        return " " + Self.right(String(event.time / 1_000_000_000), 5) + "." + fraction + ":"
    }

    private func name(_ event: TraceEvent) -> String {
        switch event.action {
        case .hold: "page_pool_state_hold"
        case .release: "page_pool_state_release"
        case .poolRelease: "page_pool_release"
        case .mark: tool == .traceCmd ? "print" : "tracing_mark_write"
        }
    }

    private func body(_ event: TraceEvent) -> String {
        let pool = String(event.pool, radix: 16)
        switch event.action {
        case .hold(let netmem, let counter): return state("hold", pool, netmem, counter, comma: ",")
        case .release(let netmem, let counter): return state("release", pool, netmem, counter, comma: "")
        case .poolRelease(let inflight, let hold, let release, let attempts):
            if hasFields && tool == .tracefs {
                return " cnt=0x\(String(attempts, radix: 16)) (\(attempts)) release=\(Self.field(release)) hold=\(Self.field(hold))"
                    + " inflight=\(Self.field(UInt32(bitPattern: inflight))) pool=0x\(pool) (-1)"
            }
            let fields = "inflight=\(inflight) hold=\(hold) release=\(release) cnt=\(attempts)"
            return hasFields ? " pool=0x\(pool) \(fields)" : "page_pool=\(pointer(pool)) \(fields)"
        case .mark(let mark, let count):
            let text = mark.line(count)
            guard tool == .traceCmd else { return text }
            return hasFields ? " ip=0xffffffff8149ab1a buf=\(text)" : "0xffffffff8149ab1a: \(text)"
        }
    }

    private func state(_ name: String, _ pool: String, _ netmem: UInt64, _ counter: UInt32, comma: String) -> String {
        let netmem16 = String(netmem, radix: 16)
        if hasFields && tool == .tracefs {
            return " pfn=0x0 (0) \(name)=\(Self.field(counter)) netmem=0x\(netmem16) (\(Int64(bitPattern: netmem))) pool=0x\(pool) (-1)"
        }
        if hasFields { return " pool=0x\(pool) netmem=0x\(netmem16) \(name)=\(counter) pfn=0x0" }
        return "page_pool=\(pointer(pool)) netmem=\(pointer(netmem16)) is_net_iov=\(netmem & 1)\(comma) pfn=0x0 \(name)=\(counter)"
    }

    private func pointer(_ digits: String) -> String { tool == .traceCmd ? "0x" + digits : Self.zeros(digits, 16) }

    private static func field(_ value: UInt32) -> String { "0x\(String(value, radix: 16)) (\(Int32(bitPattern: value)))" }

    private static func left(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.utf8.count)) }
    private static func right(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.utf8.count)) + text }
    private static func zeros(_ text: String, _ width: Int) -> String { String(repeating: "0", count: max(0, width - text.utf8.count)) + text }
}

extension [UInt8] {
    fileprivate static func += (bytes: inout [UInt8], text: String) { bytes.append(contentsOf: text.utf8) }
}
