// SPDX-License-Identifier: GPL-2.0

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

    /// The text is at this position.
    @inline(__always)
    func begins(_ text: String, at start: Int) -> Bool {
        start + text.utf8.count <= count && equals(text, start..<start + text.utf8.count)
    }

    @inline(__always)
    func skipBlanks(_ start: Int) -> Int {
        var at = start
        while at < count && Ascii.isBlank(self[at]) { at += 1 }
        return at
    }

    /// Where the digits that begin here end; `start` where there are none.
    @inline(__always)
    func skipDigits(_ start: Int) -> Int {
        var at = start
        while at < count && Ascii.isDigit(self[at]) { at += 1 }
        return at
    }

    /// A number of digits only; nil if there is none, or if it is out of range.
    @inline(__always)
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

    /// A number of hexadecimal digits only; nil if there is none, or if it is out of range.
    func hexadecimal(_ range: Range<Int>) -> UInt64? {
        guard !range.isEmpty else { return nil }
        var value: UInt64 = 0
        for at in range {
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
}
