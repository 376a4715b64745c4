// SPDX-License-Identifier: GPL-2.0

/// Reads function names out of call traces.
enum CallTrace {
    static let length = 5

    /// Functions that every report of a kind has in its call trace, whatever the cause.
    private static let reporting: Set<String> = [
        "dump_stack", "dump_stack_lvl", "__dump_stack", "show_stack", "dump_backtrace", "__warn", "report_bug", "__report_bug",
        "handle_bug", "exc_invalid_op", "asm_exc_invalid_op", "print_report", "kasan_report", "kasan_report_invalid_free",
        "print_address_description", "ubsan_epilogue", "warn_alloc", "__might_resched", "__might_sleep", "panic", "vpanic",
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
                if let place = text.rest(behind: "RIP: "), let colon = place.utf8.firstIndex(of: UInt8(ascii: ":")) {
                    return frame(place[place.utf8.index(after: colon)...])
                }
                return frame(text)
            }
        }
        return Array(names.filter { !reporting.contains($0) }.prefix(length))
    }

    /// ` func.isra.0+0x12/0x34 [module]` gives `func`; a frame with "? " is a guess of the unwinder and does not count.
    static func frame(_ text: some StringProtocol) -> String? {
        var rest = Substring(text)
        rest = (rest.rest(behind: "kmemleak: ") ?? rest).unindented
        if rest.begins("[<"), let end = rest.index(behind: "]") { rest = rest[end...].unindented }
        let name = rest.utf8.prefix { isDigit($0) || isLetter($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") }
        guard !name.isEmpty, rest[name.endIndex...].begins("+0x") else { return nil }
        return String(decoding: name.prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self)
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5a).contains(byte & 0xdf) }
}
