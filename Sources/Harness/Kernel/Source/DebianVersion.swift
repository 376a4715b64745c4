// SPDX-License-Identifier: GPL-2.0

/// A Debian package version, in the order of deb-version(7).
struct DebianVersion: Comparable, Hashable, Sendable, CustomStringConvertible {
    var text: String

    init(_ text: String) { self.text = text }

    var description: String { text }

    private var epoch: Int { text.firstIndex(of: ":").flatMap { Int(text[..<$0]) } ?? 0 }

    private var withoutEpoch: Substring { text.firstIndex(of: ":").map { text[text.index(after: $0)...] } ?? text[...] }

    /// The part before the last hyphen: the kernel's own version.
    var upstream: String { String(withoutEpoch.lastIndex(of: "-").map { withoutEpoch[..<$0] } ?? withoutEpoch) }

    private var revision: String { String(withoutEpoch.lastIndex(of: "-").map { withoutEpoch[withoutEpoch.index(after: $0)...] } ?? "0") }

    static func < (left: Self, right: Self) -> Bool {
        if left.epoch != right.epoch { return left.epoch < right.epoch }
        let upstream = compare(Array(left.upstream.utf8), Array(right.upstream.utf8))
        return (upstream != 0 ? upstream : compare(Array(left.revision.utf8), Array(right.revision.utf8))) < 0
    }

    /// Parts without digits by letter ("~" before the end, letters before the rest), parts of digits by number, alternating.
    private static func compare(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var (i, j) = (0, 0)
        while i < left.count || j < right.count {
            while (i < left.count && !isDigit(left[i])) || (j < right.count && !isDigit(right[j])) {
                let difference = order(i < left.count ? left[i] : nil) - order(j < right.count ? right[j] : nil)
                if difference != 0 { return difference }
                i += 1
                j += 1
            }
            while i < left.count, left[i] == UInt8(ascii: "0") { i += 1 }
            while j < right.count, right[j] == UInt8(ascii: "0") { j += 1 }
            var first = 0
            while i < left.count, isDigit(left[i]), j < right.count, isDigit(right[j]) {
                if first == 0 { first = Int(left[i]) - Int(right[j]) }
                i += 1
                j += 1
            }
            if i < left.count, isDigit(left[i]) { return 1 }
            if j < right.count, isDigit(right[j]) { return -1 }
            if first != 0 { return first }
        }
        return 0
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func order(_ byte: UInt8?) -> Int {
        guard let byte, !isDigit(byte) else { return 0 }
        if byte == UInt8(ascii: "~") { return -1 }
        let isLetter = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        return isLetter ? Int(byte) : Int(byte) + 256
    }
}
