// SPDX-License-Identifier: GPL-2.0

/// The text of one call that prints a message, in a C file of the kernel.
struct MessageForm: Equatable {
    /// From the top of the tree.
    var file: String
    /// "pr_err", "printk-low"; with "+stack" where the code dumps the stack after it.
    var call: String
    /// The format, with the prefix of the file.
    var text: [UInt8]

    func line(version: String) -> [UInt8] { Array("-\t\(version)\t\(file)\t\(call)\t".utf8) + text }

    /// The calls of a file. WARN() is none of them: its first line is always the same.
    ///
    /// - Parameter onlyWithStack: leaves out the calls after which the stack is not dumped.
    static func forms(in source: [UInt8], of file: String, onlyWithStack: Bool) -> [MessageForm] {
        var reader = MessageReader(file: file, onlyWithStack: onlyWithStack)
        var lines = source.split(separator: 0x0a, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        for line in lines { reader.read(line) }
        return reader.finish()
    }
}

/// Reads the lines of a C file; joins each call up to its ");".
private struct MessageReader {
    typealias Bytes = ArraySlice<UInt8>

    private let file: String
    private let onlyWithStack: Bool
    private let module: [UInt8]
    /// Of `pr_fmt`.
    private var prefix: [UInt8] = []
    /// The call whose end was not read so far.
    private var open: [UInt8]?
    /// The call after which the stack may be dumped, and the lines since.
    private var pending: (form: MessageForm, since: Int)?
    private var found: [MessageForm] = []

    private static let longestCall = 4000
    /// The stack is dumped within this number of lines, or it is not of the call.
    private static let linesToDump = 8

    init(file: String, onlyWithStack: Bool) {
        self.file = file
        self.onlyWithStack = onlyWithStack
        let name = file.utf8.split(separator: UInt8(ascii: "/")).last ?? file.utf8[...]
        let stem = [".c", ".h"].contains { name.suffix(2).elementsEqual($0.utf8) } ? name.dropLast(2) : name
        module = stem.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
    }

    mutating func read(_ line: Bytes) {
        if line.begins(with: "#define pr_fmt") {
            prefix = Self.prefix(of: line, module: module)
            return
        }
        if var call = open {
            call.append(0x20)
            call += line
            open = call
        } else if Names.beginsCall(line), !["static", "void", "#define", "extern"].contains(where: { line.begins(with: $0) }) {
            flush(hasStack: false)
            open = Array(line)
        } else if let since = pending?.since {
            pending?.since = since + 1
            if Names.dumpsStack(line) {
                flush(hasStack: true)
            } else if since + 1 > Self.linesToDump || line.first == UInt8(ascii: "}") {
                flush(hasStack: false)
            }
        }
        guard let call = open else { return }
        if Self.endsCall(line) {
            open = nil
            if let form = form(of: call[...]) { pending = (form, 0) }
        } else if call.count > Self.longestCall {
            open = nil
        }
    }

    mutating func finish() -> [MessageForm] {
        flush(hasStack: false)
        return found
    }

    private mutating func flush(hasStack: Bool) {
        guard var form = pending?.form else { return }
        pending = nil
        guard hasStack || !onlyWithStack else { return }
        if hasStack { form.call += "+stack" }
        found.append(form)
    }

    private static func prefix(of line: Bytes, module: [UInt8]) -> [UInt8] {
        var prefix: [UInt8] = []
        if line.firstPlace(of: "KBUILD_MODNAME") != nil { prefix = module }
        if line.firstPlace(of: "__func__") != nil { prefix += Array("%s".utf8) }
        var rest = line
        while let start = rest.firstIndex(of: 0x22), let end = rest[(start + 1)...].firstIndex(of: 0x22) {
            prefix += rest[(start + 1)..<end].without(["%s"])
            rest = rest[(end + 1)...]
        }
        return prefix
    }

    /// ");", blanks, and the backslash of a macro.
    private static func endsCall(_ line: Bytes) -> Bool {
        var rest = line
        if rest.last == UInt8(ascii: "\\") { rest = rest.dropLast() }
        while let last = rest.last, last == 0x20 || last == 0x09 { rest = rest.dropLast() }
        return rest.suffix(2).elementsEqual(");".utf8)
    }

    private func form(of statement: Bytes) -> MessageForm? {
        guard var (call, rest) = Names.call(in: statement) else { return nil }
        if call == "printk", ["DEBUG", "INFO", "NOTICE", "CONT"].contains(where: { rest.firstPlace(of: "KERN_" + $0) != nil }) {
            call = "printk-low"
        }
        let isDevice = call.hasPrefix("dev_") || call.hasPrefix("netdev_")
        // What is in front of the format: a device, a level, a slab.
        if isDevice || ["err_printk", "slab_", "object_err"].contains(where: call.hasPrefix) { rest = rest.drop { $0 != 0x22 } }
        var format = Self.literals(rest)
        if format.isEmpty { format = Self.literals(rest.drop { $0 != 0x22 }) }
        guard !format.allSatisfy({ $0 == 0x20 || $0 == UInt8(ascii: "%") || (0x61...0x7a).contains($0) }) else { return nil }
        var before: [UInt8] = ["pr_", "net_", "kmemleak_"].contains(where: call.hasPrefix) ? prefix : []
        if call == "err_printk" { before = Array("DMA-API: ".utf8) }
        if isDevice { before = Array("%s: ".utf8) }
        return MessageForm(file: file, call: call, text: (before + format).map { $0 == 0x09 ? 0x20 : $0 })
    }

    /// The string literals with which a text begins, one after the other; a level may be before each.
    private static func literals(_ text: Bytes) -> [UInt8] {
        var out: [UInt8] = []
        var rest = text.without(["FW_BUG", "FW_WARN", "HW_ERR"])[...]
        while true {
            var at = rest.drop { $0 == 0x20 || $0 == 0x09 }
            if at.begins(with: "KERN_") {
                let level = at.dropFirst(5)
                let behind = level.drop { (0x41...0x5a).contains($0) }
                guard behind.count < level.count else { return out }
                at = behind.drop { $0 == 0x20 || $0 == 0x09 }
            }
            guard at.first == 0x22 else { return out }
            var end = at.startIndex + 1
            while end < at.endIndex, at[end] != 0x22 { end += at[end] == UInt8(ascii: "\\") ? 2 : 1 }
            guard end < at.endIndex else { return out }
            out += at[(at.startIndex + 1)..<end]
            rest = at[(end + 1)...]
        }
    }
}

/// The functions that print, and those that dump the stack.
private enum Names {
    typealias Bytes = ArraySlice<UInt8>

    private static let levels = ["emerg", "alert", "crit", "err", "warn"]
    private static let others = ["err_printk", "kmemleak_warn", "kmemleak_stop", "slab_bug", "slab_err", "object_err", "print_lockdep_off"]

    /// A line with one of them begins a call.
    private static let beginning: Set<[UInt8]> = {
        let names =
            ["printk"] + ["pr", "dev", "netdev"].flatMap { family in levels.map { family + "_" + $0 } }
            + ["net_crit_ratelimited", "net_err_ratelimited", "net_warn_ratelimited"] + others
        return bytes(names, suffixes: ["", "_once", "_ratelimited", "_deferred"])
    }()

    private static let calls: Set<[UInt8]> = {
        let families = ["pr", "dev", "netdev", "net"].flatMap { family in levels.map { family + "_" + $0 } }
        return bytes(["printk"], suffixes: ["", "_once", "_ratelimited", "_deferred"]).union(
            bytes(families, suffixes: ["", "_once", "_ratelimited"])
        )
        .union(bytes(others + ["report_once"], suffixes: [""]))
    }()

    private static let dumps = bytes(["dump_stack", "dump_stack_lvl", "show_stack", "show_regs"], suffixes: [""])

    private static func bytes(_ names: [String], suffixes: [String]) -> Set<[UInt8]> {
        Set(names.flatMap { name in suffixes.map { Array((name + $0).utf8) } })
    }

    static func beginsCall(_ line: Bytes) -> Bool { words(line).contains { beginning.contains(Array($0)) } }

    static func dumpsStack(_ line: Bytes) -> Bool { words(line).contains { dumps.contains(Array($0)) } }

    /// The first call, which may be the end of a longer name, and what follows its parenthesis.
    static func call(in statement: Bytes) -> (name: String, rest: Bytes)? {
        for word in words(statement) {
            for start in word.indices where calls.contains(Array(word[start...])) {
                return (String(decoding: word[start...], as: UTF8.self), statement[(word.endIndex + 1)...])
            }
        }
        return nil
    }

    /// The small letters and underscores before each parenthesis.
    private static func words(_ line: Bytes) -> [Bytes] {
        line.indices.filter { line[$0] == UInt8(ascii: "(") }.map { end in
            let before = line[..<end]
            let start = before.lastIndex { $0 != UInt8(ascii: "_") && !(0x61...0x7a).contains($0) }.map { $0 + 1 } ?? before.startIndex
            return before[start...]
        }
    }
}

extension ArraySlice<UInt8> {
    fileprivate func begins(with text: String) -> Bool { starts(with: text.utf8) }

    fileprivate func firstPlace(of text: String) -> Int? {
        let text = Array(text.utf8)
        return indices.first { self[$0] == text[0] && self[$0...].starts(with: text) }
    }

    /// Without these words, wherever they are.
    fileprivate func without(_ words: [String]) -> [UInt8] {
        var out: [UInt8] = []
        var rest = self
        while !rest.isEmpty {
            if let word = words.first(where: { rest.begins(with: $0) }) {
                rest = rest.dropFirst(word.utf8.count)
            } else {
                out.append(rest.removeFirst())
            }
        }
        return out
    }
}
