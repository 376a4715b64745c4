// SPDX-License-Identifier: GPL-2.0

import LifeCycle

/// One way in which tracefs, `ftrace_dump` or trace-cmd prints a trace.
///
/// Follows `trace_print_context()` and `trace_print_lat_context()` (kernel/trace/trace_output.c), `ftrace_dump_one()` (kernel/trace/trace.c), and
/// `trace_show_data()` (tracecmd/trace-read.c of trace-cmd).
public struct TextForm: Sendable, CustomStringConvertible {
    public enum Tool: Sendable { case tracefs, dump, traceCmd }
    public enum TGID: String, CaseIterable, Sendable { case none, dashes, digits }
    public enum Ending: String, CaseIterable, Sendable {
        case newline = "\n"
        case carriageReturn = "\r\n"
        case serial = "\r\r\n"
    }

    public var tool = Tool.tracefs
    /// The option record-tgid.
    public var tgid = TGID.none
    /// The option irq-info; of trace-cmd 3.1 without `-l`, false.
    public var hasFlags = true
    /// The option latency-format, or `-l`.
    public var isLatency = false
    /// The option fields, or `-R`: fields in place of the print format. `fields` cannot print marks.
    public var hasFields = false
    /// `-t`
    public var hasNanoseconds = false
    /// `--raw-ts`
    public var hasRawTime = false
    /// `--ts-diff`
    public var hasDifference = false
    /// `--debug`
    public var isDebug = false
    public var ending = Ending.newline
    public var hasByteOrderMark = false
    public var endsWithNewline = true
    /// Printed before each line: of printk, of a log daemon, or of trace-cmd for one of several buffers.
    public var prefix = ""
    /// The names of the tasks, in turn.
    public var names = TaskNames.plain

    public init(_ change: (inout TextForm) -> Void = { _ in }) { change(&self) }

    public var description: String {
        var words = ["\(tool)"]
        if tgid != .none { words.append("tgid \(tgid)") }
        if !hasFlags { words.append("no flags") }
        let switches: [(Bool, String)] = [
            (isLatency, "latency"), (hasFields, "fields"), (hasNanoseconds, "nanoseconds"), (hasRawTime, "raw time"), (hasDifference, "difference"),
            (isDebug, "debug"), (ending != .newline, "\(ending)"), (hasByteOrderMark, "BOM"), (!endsWithNewline, "no newline at the end"),
            (!prefix.isEmpty, "prefix \(prefix)"), (names.count > 1, "odd names"),
        ]
        words += switches.filter(\.0).map(\.1)
        return words.joined(separator: ", ")
    }

    /// The form can print marks.
    public var hasMarks: Bool { !(hasFields && tool == .tracefs) }

    /// Every combination of the options of each tool; those of a line's end and the prefixes, each once with one of them.
    public static let all: [TextForm] = tracefs + traceCmd + dumps

    private static let both = [false, true]

    private static var tracefs: [TextForm] {
        var forms: [TextForm] = []
        for tgid in TGID.allCases {
            for flags in both {
                for fields in both {
                    for names in [TaskNames.plain, TaskNames.odd] {
                        forms.append(TextForm { ($0.tgid, $0.hasFlags, $0.hasFields, $0.names) = (tgid, flags, fields, names) })
                    }
                }
            }
        }
        for ending in Ending.allCases {
            for mark in both {
                for end in both {
                    forms.append(
                        TextForm { ($0.ending, $0.hasByteOrderMark, $0.endsWithNewline, $0.names) = (ending, mark, end, TaskNames.odd) })
                }
            }
        }
        for fields in both { forms.append(TextForm { ($0.isLatency, $0.hasFields, $0.names) = (true, fields, TaskNames.odd) }) }
        forms.append(TextForm { $0.prefix = "[   12.345678][  T123] " })
        return forms
    }

    private static var traceCmd: [TextForm] {
        var forms: [TextForm] = []
        for bits in 0..<128 {
            func bit(_ number: Int) -> Bool { bits >> number & 1 != 0 }
            // A raw time has no decimals, and there is no blank between it and flags; -l prints flags.
            if bit(5) && (bit(2) || !bit(6)) || bit(6) && bit(0) { continue }
            forms.append(
                TextForm {
                    ($0.tool, $0.isLatency, $0.hasFields, $0.hasNanoseconds) = (.traceCmd, bit(0), bit(1), bit(2))
                    ($0.hasDifference, $0.isDebug, $0.hasRawTime, $0.hasFlags) = (bit(3), bit(4), bit(5), !bit(6))
                    $0.names = TaskNames.odd
                })
        }
        for prefix in ["     ", "pool: ", "a b: "] {
            for latency in both {
                forms.append(TextForm { ($0.tool, $0.isLatency, $0.prefix, $0.names) = (.traceCmd, latency, prefix, TaskNames.odd) })
            }
        }
        return forms
    }

    private static var dumps: [TextForm] {
        ["", "[  101.000002][  T200] ", "<0>[  101.000002] ", "Dec  1 08:00:00 host kernel: "].flatMap { prefix in
            Ending.allCases.map { ending in
                TextForm { ($0.tool, $0.isLatency, $0.prefix, $0.ending, $0.names) = (.dump, true, prefix, ending, TaskNames.odd) }
            }
        }
    }
}

/// Names that a task can have: any bytes but NUL, 15 at most.
public enum TaskNames {
    public static let plain = [Array("nc".utf8)]

    private static let odds = [
        "rx[0]", "napi/eth0-rx[3]", "a: b", "12.5:", "[001]", "[001] 1.0:", "-7 [000] 1.0: x", "-7 0.... 5: ab", "x-1 [0] 2: y-3",
        "page_pool_x", "<...>", "", " ", "  lead", "tail  ", "#comment", "a-1 (-------)", "LOST [7 EVENTS]", "CPU:1 [LOST", "=> a",
        "type: 5", "e\u{301}", "----", "()", "1.0:", "12us :", "net:", "kworker/u8:3-ev", "/* page_pool_",
    ]
    private static let bytes: [[UInt8]] = [
        [0xff, 0xfe, 0x80, 0x5b], [0xc3], [0x1b, 0x5b, 0x33, 0x31, 0x6d], [0x0d, 0x41], [0xef, 0xbb, 0xbf],
    ]

    public static let odd: [[UInt8]] = odds.map { Array($0.utf8.prefix(15)) } + bytes
}
