// SPDX-License-Identifier: GPL-2.0

/// Bytes of text.
enum Ascii {
    static let newline = UInt8(ascii: "\n")
    static let bracket = UInt8(ascii: "[")
    static let colon = UInt8(ascii: ":")

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}

/// Parsing of a line of a text trace.
extension Span<UInt8> {
    /// The first position of the byte.
    @inline(__always)
    func first(_ byte: UInt8, in range: Range<Int>) -> Int? {
        var at = range.lowerBound
        while at < range.upperBound {
            if self[at] == byte { return at }
            at += 1
        }
        return nil
    }

    /// The first position of the text, which must not be empty.
    func first(_ text: String, in range: Range<Int>) -> Int? {
        let count = text.utf8.count
        guard let initial = text.utf8.first else { return nil }
        var at = range.lowerBound
        while let start = first(initial, in: at..<range.upperBound), range.upperBound - start >= count {
            if equals(text, start..<start + count) { return start }
            at = start + 1
        }
        return nil
    }

    /// The text occurs in the line.
    func has(_ text: String) -> Bool { first(text, in: indices) != nil }

    @inline(__always)
    func equals(_ text: String, _ range: Range<Int>) -> Bool {
        guard text.utf8.count == range.count else { return false }
        var at = range.lowerBound
        for byte in text.utf8 {
            guard self[at] == byte else { return false }
            at += 1
        }
        return true
    }

    func skipBlanks(_ start: Int) -> Int {
        var at = start
        while at < count && Ascii.isBlank(self[at]) { at += 1 }
        return at
    }

    /// The next word that is followed by a blank.
    func word(_ start: Int) -> Range<Int>? {
        let start = skipBlanks(start)
        var end = start
        while end < count && !Ascii.isBlank(self[end]) { end += 1 }
        return end < count ? start..<end : nil
    }

    /// A number of digits only; nil if there is none, or if it is out of range.
    func unsigned(_ range: Range<Int>) -> UInt64? {
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

    /// `%p` prints digits only; `trace-cmd` can print 0x before them.
    func hex(_ name: String, _ fields: Range<Int>) -> UInt64? {
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

    func number(_ name: String, _ fields: Range<Int>) -> Int64? {
        guard let digits = value(name, fields), !digits.isEmpty else { return nil }
        guard self[digits.lowerBound] == UInt8(ascii: "-") else { return unsigned(digits).flatMap(Int64.init(exactly:)) }
        return unsigned(digits.lowerBound + 1..<digits.upperBound).flatMap(Int64.init(exactly:)).map { -$0 }
    }

    func counter(_ name: String, _ fields: Range<Int>) -> UInt32? {
        number(name, fields).flatMap(UInt32.init(exactly:))
    }

    /// The pool and the `netmem_ref`. The lowest bit of a hashed pointer (32 bits, lib/vsprintf.c) is a bit of the hash, not the net_iov
    /// bit. It is replaced by the net_iov bit; if they differ, bit 32 is set, so that two hashes stay two netmems.
    func references(_ fields: Range<Int>) -> (pool: UInt64, netmem: UInt64)? {
        guard let pool = hex("page_pool", fields), let netmem = hex("netmem", fields) else { return nil }
        guard let iov = number("is_net_iov", fields), (iov != 0) != (netmem & 1 != 0) else { return (pool, netmem) }
        return (pool, netmem ^ 1 | (netmem <= UInt32.max ? 1 << 32 : 0))
    }

    // MARK: - For messages

    func string(_ range: Range<Int>) -> String {
        var bytes: [UInt8] = []
        for at in range { bytes.append(self[at]) }
        return String(decoding: bytes, as: UTF8.self)
    }

    var excerpt: String { string(0..<Swift.min(count, 160)) }
}
