// SPDX-License-Identifier: GPL-2.0

import Results

/// Text of patches and mails, as it is printed: subjects, authors, names of files, lines of a diff.
///
/// They are escaped as `oneLine` does it, and bytes that are no UTF-8 as well.
enum ShownText {
    /// The text with escapes, at most `limit` bytes of it.
    static func shown(_ bytes: some Collection<UInt8>, limit: Int = 4096) -> String {
        var text = ""
        var rest = ArraySlice(Array(bytes.prefix(limit)))
        while let first = rest.first {
            let length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
            if let decoded = String(validating: rest.prefix(length), as: UTF8.self) {
                text += decoded.oneLine
                rest.removeFirst(length)
            } else {
                text += hex(first)
                rest.removeFirst()
            }
        }
        return bytes.count > limit ? text + "..." : text
    }

    static func shown(_ text: some StringProtocol, limit: Int = 4096) -> String { shown(Array(text.utf8), limit: limit) }

    /// The controls that change the order in which text is drawn.
    static func isBidirectionalControl(_ scalar: Unicode.Scalar) -> Bool {
        (0x202a...0x202e).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
    }

    /// "U+202E".
    static func name(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    private static func hex(_ byte: UInt8) -> String { "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16) }
}
