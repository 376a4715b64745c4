// SPDX-License-Identifier: GPL-2.0

/// The first line of a WARN(), in each of the forms that kernels print.
///
///     WARNING: CPU: 1 PID: 88 at net/core/page_pool.c:717 page_pool_inflight+0x5c/0x70
///     WARNING: net/core/page_pool.c:717 at page_pool_inflight+0x5c/0x70, CPU#1: kworker/1:2/88
///     WARNING: [inflight < 0] net/core/page_pool.c:717 at page_pool_inflight+0x5c/0x70, CPU#1: kworker/1:2/88
///
/// 6.12 prints the first, 7.2 the second; the third is that of a kernel with CONFIG_DEBUG_BUGVERBOSE_DETAILED.
struct WarningLine: Equatable {
    /// "net/core/page_pool.c:717".
    var place: String
    /// "page_pool_inflight+0x5c/0x70".
    var function: String
    var cpu = ""
    var pid = ""
    /// "kworker/1:2"; the first form has none.
    var task = ""

    /// nil where the line is of none of these forms.
    init?(_ text: String) {
        guard let behind = text.rest(behind: "WARNING: ") else { return nil }
        if let rest = behind.rest(behind: "CPU: ") {
            guard let at = rest.index(behind: " at "), let pid = rest.index(behind: " PID: "), pid < at else { return nil }
            cpu = Self.digits(rest)
            self.pid = Self.digits(rest[pid...])
            let words = rest[at...].split(separator: " ", maxSplits: 1)
            guard words.count == 2, Self.isPlace(words[0]) else { return nil }
            (place, function) = (String(words[0]), String(words[1]))
            return
        }
        // A condition may have brackets of its own: the place is the last word before the first " at " that follows one.
        var rest = behind
        while let end = rest.index(behind: " at ") {
            let before = behind[..<end].utf8.dropLast(4)
            let word =
                before.lastIndex(of: UInt8(ascii: " ")).map { behind[behind.utf8.index(after: $0)..<before.endIndex] } ?? behind[..<before.endIndex]
            if Self.isPlace(word) {
                let isWhole = word.startIndex == behind.startIndex || behind.begins("[")
                guard isWhole else { return nil }
                place = String(word)
                let tail = behind[end...]
                guard let comma = tail.index(behind: ", CPU#") else {
                    function = String(tail)
                    return
                }
                function = String(tail[..<tail.utf8.index(comma, offsetBy: -", CPU#".utf8.count)])
                cpu = Self.digits(tail[comma...])
                if let colon = tail[comma...].index(behind: ": ") {
                    let name = tail[colon...]
                    let slash = name.utf8.lastIndex(of: UInt8(ascii: "/")) ?? name.endIndex
                    task = String(name[..<slash])
                    pid = slash < name.endIndex ? Self.digits(name[name.utf8.index(after: slash)...]) : ""
                }
                return
            }
            rest = behind[end...]
        }
        return nil
    }

    /// "net/core/page_pool.c:717", "./include/net/netmem.h:90", "rust/kernel/page.rs:12".
    static func isPlace(_ word: some StringProtocol) -> Bool {
        let bytes = word.utf8
        let line = bytes.reversed().prefix(while: isDigit).count
        guard line > 0, bytes.dropLast(line).last == UInt8(ascii: ":") else { return false }
        let file = bytes.dropLast(line + 1)
        return [".c", ".h", ".rs", ".S"].contains { file.suffix($0.utf8.count).elementsEqual($0.utf8) }
    }

    /// The line as it is, and as kernels before and after the changes of its form print it: a pattern that was written for one of them matches.
    static func forms(of line: String) -> [String] {
        guard let warning = WarningLine(line) else { return [line] }
        let (place, function, cpu, pid) = (warning.place, warning.function, warning.cpu, warning.pid)
        return [
            line, "WARNING: \(place) at \(function), CPU#\(cpu): \(warning.task)/\(pid)",
            "WARNING: CPU: \(cpu) PID: \(pid) at \(place) \(function)",
        ]
    }

    private static func digits(_ text: some StringProtocol) -> String { String(decoding: text.utf8.prefix(while: isDigit), as: UTF8.self) }
}
