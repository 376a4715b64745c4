// SPDX-License-Identifier: GPL-2.0

/// Reads function names out of call traces.
enum CallTrace {
    static let length = 5

    /// Functions that every report of a kind has in its call trace, whatever the cause.
    private static let reporting: Set<String> = [
        "dump_stack", "dump_stack_lvl", "__dump_stack", "show_stack", "dump_backtrace", "__warn", "report_bug", "__report_bug",
        "handle_bug", "exc_invalid_op", "asm_exc_invalid_op", "print_report", "kasan_report", "kasan_report_invalid_free",
        "print_address_description", "ubsan_epilogue", "__might_resched", "__might_sleep", "panic", "vpanic",
    ]

    /// The functions after "Call Trace:"; where the report ends before that, all frames that it has.
    static func functions(in texts: [String]) -> [String] {
        let start = texts.firstIndex { $0.has("Call Trace:") || $0.has("Call trace:") }
        var names: [String] = []
        if let start {
            names = texts[(start + 1)...].compactMap { frame($0) }
        }
        if names.isEmpty {
            names = texts.compactMap { text in
                if text.hasPrefix("RIP: "), let colon = text.dropFirst(5).firstIndex(of: ":") {
                    return frame(String(text[text.index(after: colon)...]))
                }
                return frame(text)
            }
        }
        return Array(names.filter { !reporting.contains($0) }.prefix(length))
    }

    /// ` func.isra.0+0x12/0x34 [module]` gives `func`; a frame with "? " is a guess of the unwinder and does not count.
    private static func frame(_ text: String) -> String? {
        var rest = (text.hasPrefix("kmemleak: ") ? text.dropFirst(10) : text[...]).unindented
        if rest.hasPrefix("[<"), let end = rest.firstIndex(of: "]") { rest = rest[rest.index(after: end)...].unindented }
        let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
        guard !name.isEmpty, rest.dropFirst(name.count).hasPrefix("+0x") else { return nil }
        return String(name.prefix { $0 != "." })
    }
}
