// SPDX-License-Identifier: GPL-2.0

/// Text from outside (a guest, a trace, a patch, a log) as a terminal and a reader of lines may get it.
///
/// Such text may have line breaks, which begin a forged line; terminal sequences; and characters without a width, or that reverse the
/// direction of what follows. Each of them is replaced by its escape: `\n`, `\x1b`, `\u{202e}`. Text without them is not changed, so
/// that escaping twice is the same as escaping once.
extension StringProtocol {
    /// The text as one line: line breaks are escaped, too. A tab is a space.
    public var oneLine: String { Escaped.text(self, keepingLines: false) }

    /// The same for text that may have several lines: line feeds and tabs are kept.
    public var escapedLines: String { Escaped.text(self, keepingLines: true) }
}

enum Escaped {
    fileprivate static func text(_ text: some StringProtocol, keepingLines: Bool) -> String {
        func isPlain(_ byte: UInt8) -> Bool { (0x20..<0x7f).contains(byte) || (keepingLines && (byte == 0x0a || byte == 0x09)) }
        if text.utf8.allSatisfy(isPlain) { return String(text) }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n" where keepingLines, "\t" where keepingLines: result.append(scalar)
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\r": result.append(contentsOf: "\\r".unicodeScalars)
            case "\t": result.append(" ")
            default:
                if isInvisible(scalar) {
                    result.append(contentsOf: escape(scalar).unicodeScalars)
                } else {
                    result.append(scalar)
                }
            }
        }
        return String(result)
    }

    /// Whether a terminal shows nothing for it, or obeys it: a control or format character, a line or paragraph separator, a filler, a
    /// noncharacter. A selector of the form of the character before it (an emoji's) is none of these.
    static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x80 { return scalar.value < 0x20 || scalar.value == 0x7f }
        let properties = scalar.properties
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: return true
        default: return (properties.isDefaultIgnorableCodePoint && !properties.isVariationSelector) || properties.isNoncharacterCodePoint
        }
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        guard scalar.value < 0x80 else { return "\\u{\(digits)}" }
        return "\\x" + (digits.count < 2 ? "0" : "") + digits
    }
}
