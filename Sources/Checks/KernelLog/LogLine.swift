// SPDX-License-Identifier: GPL-2.0

/// One line of the serial console, divided into its parts.
struct LogLine {
    /// The line without terminal sequences, carriage returns and control characters.
    var clean: String
    /// The kernel's message: `clean` without level, time stamp and caller.
    var text: String
    /// `T123` or `C1`: the task or CPU that printed it, where the kernel has CONFIG_PRINTK_CALLER.
    var caller: String?
    /// Microseconds, of its time stamp.
    var time: UInt64?

    /// Divides one console line; more than one part where the kernel began to print in the middle of a line.
    static func split(_ line: String) -> [LogLine] {
        let bytes = cleaned(line)
        var starts = [0]
        for index in bytes.indices.dropFirst() where bytes[index] == UInt8(ascii: "[") {
            guard timestamp(bytes, at: index) != nil else { continue }
            let start = level(bytes, before: index) ?? index
            if start > 0 { starts.append(start) }
        }
        return starts.indices.compactMap { number in
            let end = number + 1 < starts.count ? starts[number + 1] : bytes.count
            let part = Array(bytes[starts[number]..<end])
            return part.isEmpty && starts.count > 1 ? nil : LogLine(part)
        }
    }

    private init(_ bytes: [UInt8]) {
        var bytes = bytes
        while bytes.last == UInt8(ascii: " ") { bytes.removeLast() }
        var at = 0
        if bytes.first == UInt8(ascii: "<"), let end = bytes.prefix(6).firstIndex(of: UInt8(ascii: ">")), bytes[1..<end].allSatisfy(isDigit) {
            at = end + 1
        }
        if let (end, time) = Self.timestamp(bytes, at: at) {
            at = end
            self.time = time
            if let (name, end) = Self.caller(bytes, at: at) {
                caller = name
                at = end
            }
            if at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
        }
        clean = String(decoding: bytes, as: UTF8.self)
        text = String(decoding: bytes[at...], as: UTF8.self)
    }

    /// Drops terminal sequences and control characters; a tab becomes a space.
    private static func cleaned(_ line: String) -> [UInt8] {
        var result: [UInt8] = []
        let bytes = Array(line.utf8)
        var at = 0
        while at < bytes.count {
            let byte = bytes[at]
            at += 1
            if byte == 0x1b {
                guard at < bytes.count, bytes[at] == UInt8(ascii: "[") else {
                    at += 1
                    continue
                }
                at += 1
                while at < bytes.count, !(0x40...0x7e).contains(bytes[at]) { at += 1 }
                at += 1
            } else if byte == 0x09 {
                result.append(0x20)
            } else if byte >= 0x20 && byte != 0x7f {
                result.append(byte)
            }
        }
        return result
    }

    /// Where the level "<6>" directly before a time stamp begins. At most three digits: a long line with many time stamps is read once.
    private static func level(_ bytes: [UInt8], before index: Int) -> Int? {
        guard bytes[index - 1] == UInt8(ascii: ">") else { return nil }
        var at = index - 2
        while at >= 0, index - at <= 4, isDigit(bytes[at]) { at -= 1 }
        return at >= 0 && at < index - 2 && bytes[at] == UInt8(ascii: "<") ? at : nil
    }

    /// `[   12.345678]` at `start`: the index behind it, and its microseconds.
    private static func timestamp(_ bytes: [UInt8], at start: Int) -> (end: Int, time: UInt64)? {
        var at = start
        guard at < bytes.count, bytes[at] == UInt8(ascii: "[") else { return nil }
        at += 1
        while at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
        let seconds = at
        while at < bytes.count, isDigit(bytes[at]) { at += 1 }
        guard at > seconds, at + 7 < bytes.count, bytes[at] == UInt8(ascii: "."),
            bytes[(at + 1)..<(at + 7)].allSatisfy(isDigit), bytes[at + 7] == UInt8(ascii: "]")
        else { return nil }
        let digits = bytes[seconds..<at].suffix(12) + bytes[(at + 1)..<(at + 7)]
        return (at + 8, digits.reduce(0) { $0 * 10 + UInt64($1 - UInt8(ascii: "0")) })
    }

    /// `[  T123]`, directly or after a space.
    private static func caller(_ bytes: [UInt8], at start: Int) -> (String, Int)? {
        var at = start
        if at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
        guard at < bytes.count, bytes[at] == UInt8(ascii: "[") else { return nil }
        at += 1
        while at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
        guard at < bytes.count, bytes[at] == UInt8(ascii: "T") || bytes[at] == UInt8(ascii: "C"),
            let end = bytes[at...].prefix(24).firstIndex(of: UInt8(ascii: "]")), end > at + 1, bytes[(at + 1)..<end].allSatisfy(isDigit)
        else { return nil }
        return (String(decoding: bytes[at..<end], as: UTF8.self), end + 1)
    }
}
