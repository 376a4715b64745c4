// SPDX-License-Identifier: GPL-2.0

func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

/// Kernel messages are bytes: `hasPrefix` and `==` compare grapheme clusters, and a task's name may begin with a combining mark.
extension StringProtocol {
    /// Plain substring search on bytes.
    func has(_ needle: String) -> Bool { index(behind: needle) != nil }

    /// Where the first occurrence of `needle` ends, by bytes.
    func index(behind needle: String) -> Index? {
        let needle = needle.utf8
        guard let first = needle.first else { return startIndex }
        var rest = utf8[...]
        while let start = rest.firstIndex(of: first) {
            rest = rest[start...]
            if rest.starts(with: needle) { return rest.index(start, offsetBy: needle.count) }
            rest = rest.dropFirst()
        }
        return nil
    }

    /// Whether the bytes of `prefix` come first.
    func begins(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    /// Whether the bytes of `suffix` come last.
    func ends(_ suffix: String) -> Bool { utf8.count >= suffix.utf8.count && utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) }

    /// The bytes behind `prefix`; nil where it does not come first.
    func rest(behind prefix: String) -> SubSequence? {
        guard begins(prefix) else { return nil }
        return self[utf8.index(startIndex, offsetBy: prefix.utf8.count)...]
    }

    /// Without the spaces in front.
    var unindented: SubSequence { self[(utf8.firstIndex { $0 != UInt8(ascii: " ") } ?? endIndex)...] }
}
