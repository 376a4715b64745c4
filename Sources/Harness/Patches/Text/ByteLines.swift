// SPDX-License-Identifier: GPL-2.0

import Foundation

/// The lines of a text from outside, as bytes.
///
/// A line ends at LF and at nothing else. The bytes may be of any encoding: a Character of Swift is CR LF in one, and a letter with all that combines
/// with it, so no line of a mail or a diff is read as Characters.
struct ByteLines: Sendable {
    let bytes: [UInt8]
    /// The offset of each line, and of the end.
    private let starts: [Int]
    /// The last line ends in LF.
    let isComplete: Bool

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var starts = [0]
        bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            var at = 0
            while at < buffer.count, let found = memchr(base + at, 0x0a, buffer.count - at) {
                at = UnsafeRawPointer(found) - base + 1
                starts.append(at)
            }
        }
        isComplete = starts.last == bytes.count
        if !isComplete { starts.append(bytes.count) }
        self.starts = starts
    }

    var count: Int { starts.count - 1 }

    /// A line without its LF.
    subscript(_ index: Int) -> ArraySlice<UInt8> {
        let (start, end) = (starts[index], starts[index + 1])
        return bytes[start..<(index + 1 == count && !isComplete ? end : end - 1)]
    }

    /// The bytes of some lines, with their LFs.
    func text(_ range: Range<Int>) -> ArraySlice<UInt8> { bytes[starts[range.lowerBound]..<starts[range.upperBound]] }

    /// The offset at which a line begins; the text's length for `count`.
    func offset(of index: Int) -> Int { starts[index] }
}

extension Collection<UInt8> {
    /// Whether the bytes begin with those of an ASCII text.
    func begins(with text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount else { return false }
        return zip(self, UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)).allSatisfy { $0 == $1 }
    }
}

extension ArraySlice<UInt8> {
    /// Whether the bytes end with those of an ASCII text.
    func ends(with text: StaticString) -> Bool { suffix(text.utf8CodeUnitCount).begins(with: text) && count >= text.utf8CodeUnitCount }

    /// Without blanks (space, tab, CR, LF, VT, FF) at both ends.
    var trimmed: ArraySlice<UInt8> {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
        var slice = self
        while let first = slice.first, isBlank(first) { slice.removeFirst() }
        while let last = slice.last, isBlank(last) { slice.removeLast() }
        return slice
    }

    /// ASCII letters in lower case, other bytes as they are.
    var lowercased: [UInt8] { map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 } }

    /// The number that ASCII digits from the beginning give, and the bytes after them; nil without a digit, and above 10 million.
    var number: (value: Int, rest: ArraySlice<UInt8>)? {
        var value = 0
        var at = startIndex
        while at < endIndex, (0x30...0x39).contains(self[at]) {
            value = value * 10 + Int(self[at] - 0x30)
            guard value <= 10_000_000 else { return nil }
            at += 1
        }
        return at == startIndex ? nil : (value, self[at...])
    }
}
