// SPDX-License-Identifier: GPL-2.0

import Glibc

/// Text from outside, such as a file that a user wrote or a program's output, is read by its bytes.
///
/// A `Character` is a grapheme: CR LF is one, and so is `=` with a combining mark after it. A search for LF, or for `=`, finds neither.
public enum ForeignText {
    /// Why a file is not read as text.
    public struct Malformed: Error, Equatable, Sendable, CustomStringConvertible {
        /// From 1.
        public var line: Int
        /// What is wrong with the line, and what to do.
        public var what: String

        public var description: String { "line \(line) \(what)" }
    }

    /// The text of a user's file. A byte order mark is left out.
    ///
    /// - Throws: `Malformed` for UTF-16, a NUL byte, and bytes that are not UTF-8: each would be another text than the user sees.
    public static func read(_ bytes: some Collection<UInt8>) throws(Malformed) -> String {
        let bytes = Array(bytes)
        for mark in [[0xff, 0xfe], [0xfe, 0xff]] as [[UInt8]] where bytes.starts(with: mark) {
            throw Malformed(line: 1, what: "begins with the mark of UTF-16: convert the file with `iconv -f UTF-16 -t UTF-8`")
        }
        if let nul = bytes.withUnsafeBufferPointer({ $0.place(of: 0, from: 0) }) {
            throw Malformed(line: number(of: nul, in: bytes), what: "has a NUL byte: this is no text file")
        }
        guard let text = String(validating: bytes.starts(with: mark) ? bytes[mark.count...] : bytes[...], as: UTF8.self) else {
            let bad = firstInvalid(bytes)
            throw Malformed(
                line: number(of: bad, in: bytes),
                what: "has the byte 0x\(String(bytes[bad], radix: 16)), which is not UTF-8: convert the file, as with `iconv -f LATIN1 -t UTF-8`")
        }
        return text
    }

    /// The same for a format of lines, in which a CR that no LF follows hides the line after it.
    public static func readLines(_ bytes: some Collection<UInt8>) throws(Malformed) -> [Substring] {
        let lines = try read(bytes).lines
        if let index = lines.firstIndex(where: { $0.holds("\r") }) {
            throw Malformed(line: index + 1, what: "has a carriage return in its middle: convert the file with `tr '\\r' '\\n'`")
        }
        return lines
    }

    private static let mark: [UInt8] = [0xef, 0xbb, 0xbf]

    private static func number(of index: Int, in bytes: [UInt8]) -> Int { bytes[..<index].count { $0 == UInt8(ascii: "\n") } + 1 }

    /// Where the first sequence is that is not UTF-8; 0 where all are.
    private static func firstInvalid(_ bytes: [UInt8]) -> Int {
        var decoder = UTF8()
        var read = 0
        var start = 0
        var iterator = AnyIterator { () -> UInt8? in
            guard read < bytes.count else { return nil }
            read += 1
            return bytes[read - 1]
        }
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar): start += UTF8.width(scalar)
            case .emptyInput: return 0
            case .error: return start
            }
        }
    }
}

extension StringProtocol {
    /// The lines, by bytes: the text before, between and after line feeds, each without one carriage return at its end.
    ///
    /// A text that ends in a line feed has an empty last line.
    public var lines: [Substring] {
        let text = Substring(self)
        func divide(_ bytes: UnsafeBufferPointer<UInt8>) -> [Range<Int>] {
            var lines: [Range<Int>] = []
            var start = 0
            while true {
                let end = bytes.place(of: UInt8(ascii: "\n"), from: start)
                let last = end ?? bytes.count
                lines.append(start..<(last > start && bytes[last - 1] == UInt8(ascii: "\r") ? last - 1 : last))
                guard let end else { return lines }
                start = end + 1
            }
        }
        let ranges = text.utf8.withContiguousStorageIfAvailable(divide) ?? Array(text.utf8).withUnsafeBufferPointer(divide)
        let (view, first) = (text.utf8, text.utf8.startIndex)
        return ranges.map { text[view.index(first, offsetBy: $0.lowerBound)..<view.index(first, offsetBy: $0.upperBound)] }
    }

    /// The lines that are not empty.
    public var filledLines: [Substring] { lines.filter { !$0.isEmpty } }

    /// Without the spaces and tabs at its ends.
    public var trimmed: Substring {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let text = Substring(self).utf8
        guard let first = text.firstIndex(where: { !isBlank($0) }), let last = text.lastIndex(where: { !isBlank($0) }) else { return "" }
        return Substring(text[first...last])
    }

    /// Whether it begins with these bytes.
    public func begins(with prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    /// Whether it ends with these bytes.
    public func ends(with suffix: String) -> Bool {
        let (mine, other) = (utf8, suffix.utf8)
        return mine.count >= other.count && mine.suffix(other.count).elementsEqual(other)
    }

    /// The text before and after the first occurrence of these bytes; nil where there is none.
    public func divided(at separator: String) -> (before: Substring, after: Substring)? {
        let text = Substring(self)
        guard let start = text.offset(of: separator) else { return nil }
        let before = text.utf8.index(text.utf8.startIndex, offsetBy: start)
        return (text[..<before], text[text.utf8.index(before, offsetBy: separator.utf8.count)...])
    }

    /// Whether these bytes are in it.
    public func holds(_ bytes: String) -> Bool { Substring(self).offset(of: bytes) != nil }
}

extension Substring {
    /// Where these bytes begin, in bytes from the start.
    fileprivate func offset(of bytes: String) -> Int? {
        func search(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
            var bytes = bytes
            return bytes.withUTF8 { bytes in
                guard let pattern = bytes.baseAddress, !bytes.isEmpty else { return 0 }
                guard let start = text.baseAddress, text.count >= bytes.count else { return nil }
                var place = 0
                while let next = text.place(of: pattern[0], from: place), next <= text.count - bytes.count {
                    if memcmp(start + next, pattern, bytes.count) == 0 { return next }
                    place = next + 1
                }
                return nil
            }
        }
        if let found = utf8.withContiguousStorageIfAvailable(search) { return found }
        return Array(utf8).withUnsafeBufferPointer(search)
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Where a byte is, with memchr(3): a line may have megabytes.
    fileprivate func place(of byte: UInt8, from start: Int) -> Int? {
        guard let baseAddress, start < count, let found = memchr(baseAddress + start, Int32(byte), count - start) else { return nil }
        return UnsafeRawPointer(found) - UnsafeRawPointer(baseAddress)
    }
}
