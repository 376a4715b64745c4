// SPDX-License-Identifier: GPL-2.0

/// Bytes of text. What comes from outside is parsed as bytes: for Swift, CR LF is one Character, and so is a letter with a combining mark.
enum Ascii {
    static let newline = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let bracket = UInt8(ascii: "[")
    static let colon = UInt8(ascii: ":")
    static let dash = UInt8(ascii: "-")

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    @inline(__always)
    static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
    }

    /// White space of C: a blank, or TAB, LF, VT, FF, CR.
    static func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || (9...13).contains(byte) }

    static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "f"))
    }

    static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }

    static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var text = text
        while let first = text.first, isSpace(first) { text = text.dropFirst() }
        while let last = text.last, isSpace(last) { text = text.dropLast() }
        return text
    }

    /// A decimal number of digits only; nil if there is none, or if it is out of range.
    static func number<T: FixedWidthInteger>(_ text: some Collection<UInt8>, _ type: T.Type = T.self) -> T? {
        guard !text.isEmpty, text.allSatisfy(isDigit) else { return nil }
        return T(String(decoding: text, as: UTF8.self))
    }
}

/// Bytes in messages.
extension Span<UInt8> {
    func bytes(_ range: Range<Int>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        for at in range { bytes.append(self[at]) }
        return bytes
    }

    /// The first 160 bytes, with `\xNN` for each byte that does not belong into one line of a message.
    var excerpt: String { excerpt(indices) }

    func excerpt(_ range: Range<Int>) -> String {
        var text: [UInt8] = []
        for byte in bytes(range.prefix(160)) {
            if (0x20..<0x7f).contains(byte) || byte == UInt8(ascii: "\t") {
                text.append(byte)
            } else {
                text += Array("\\x".utf8) + [Ascii.hexDigit(byte >> 4), Ascii.hexDigit(byte & 0xf)]
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
