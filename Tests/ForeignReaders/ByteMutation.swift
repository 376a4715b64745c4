// SPDX-License-Identifier: GPL-2.0

import LifeCycle

/// Changes bytes as damage, a hostile writer or another program would change them. Everything follows from the generator.
struct ByteMutation {
    private(set) var bytes: [UInt8]
    private var random: SeededGenerator
    /// Other inputs of the same reader: parts of them are put in.
    private let others: [[UInt8]]
    /// Bytes that a result has at most.
    private let limit: Int

    init(_ bytes: [UInt8], _ random: SeededGenerator, others: [[UInt8]], limit: Int) {
        (self.bytes, self.random, self.others, self.limit) = (bytes, random, others, limit)
    }

    /// One to four changes.
    mutating func change() {
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            if bytes.isEmpty { bytes = [0x0a] }
            switch Int.random(in: 0..<12, using: &random) {
            case 0: bytes[place()] ^= 1 << UInt8(random.next() % 8)
            case 1: bytes[place()] = Self.bytes[Int.random(in: 0..<Self.bytes.count, using: &random)]
            case 2: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place())
            case 3: bytes.removeSubrange(range(64))
            case 4: word()
            case 5: repeated()
            case 6: splice()
            case 7: number()
            case 8: lines()
            case 9: bytes.removeSubrange(random.next() % 4 == 0 ? range(bytes.count) : place()..<bytes.count)
            case 10: bytes.insert(contentsOf: Self.texts[Int.random(in: 0..<Self.texts.count, using: &random)].utf8, at: place())
            default: swapRanges()
            }
            if bytes.count > limit { bytes.removeSubrange(limit...) }
        }
    }

    private static let bytes: [UInt8] = [
        0, 0x01, 0x09, 0x0a, 0x0d, 0x1b, 0x20, 0x22, 0x23, 0x2b, 0x2d, 0x2e, 0x2f, 0x30, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x40, 0x5b, 0x5c, 0x5d,
        0x7f, 0x80, 0xc3, 0xe2, 0xf0, 0xff,
    ]

    /// Text that Swift, a terminal, or a reader of lines may take for something else.
    private static let texts = [
        "\r\n", "\u{301}", "\u{202e}", "\u{feff}", "\u{1b}[2J", "\n\n", "\n \t", "\\\"", "9223372036854775807", "18446744073709551616", "-1", "0x",
        "1..",
        "ok 1 ", "not ok ", "# SKIP", "From ", "Subject: ", "--- a/", "+++ b/", "@@ -1 +1 @@\n", "diff --git a/x b/x\n", "GIT binary patch\n",
        "Content-Type: multipart/mixed; boundary=\"b\"\n", "\n--b\n", "\n--b--\n", "[    1.000000][    T1] ", "WARNING: ", "---[ end trace",
        "Call Trace:\n",
        "CONFIG_", "\nexpires: 2026-12-31\n", "{\"a\":", "[[[[[[[[", "page_pool=", "netmem=", " at net/core/x.c:1",
    ]

    private mutating func place() -> Int { Int.random(in: 0..<max(1, bytes.count), using: &random) }

    private mutating func range(_ longest: Int) -> Range<Int> {
        let start = place()
        return start..<min(bytes.count, start + Int.random(in: 1...max(1, longest), using: &random))
    }

    private mutating func word() {
        let at = place()
        let numbers: [UInt64] = [0, 1, .max, 1 << 63, 1 << 32, 1 << 31, 0xffff, UInt64(bytes.count), random.next() >> 40]
        let number = numbers[Int.random(in: 0..<numbers.count, using: &random)]
        for byte in 0..<[1, 2, 4, 8][Int(random.next() % 4)] where at + byte < bytes.count {
            bytes[at + byte] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(byte)))
        }
    }

    /// A part many times in a row: what takes time that is more than linear is seen by it.
    private mutating func repeated() {
        let part = Array(bytes[range([1, 4, 32, 256][Int(random.next() % 4)])])
        let count = min(1 << Int.random(in: 1...16, using: &random), max(0, limit - bytes.count) / max(1, part.count))
        bytes.insert(contentsOf: Array(repeatElement(part, count: count).joined()), at: place())
    }

    private mutating func splice() {
        guard let other = others.randomElement(using: &random), !other.isEmpty else { return }
        let start = Int.random(in: 0..<other.count, using: &random)
        bytes.insert(contentsOf: other[start...].prefix(Int.random(in: 1...512, using: &random)), at: place())
    }

    /// Other digits in place of a number in the text.
    private mutating func number() {
        let from = place()
        func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
        guard let start = bytes[from...].firstIndex(where: isDigit) else { return }
        let end = bytes[start...].firstIndex { !isDigit($0) } ?? bytes.count
        let numbers = [
            "0", "1", "00", "-1", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551615",
            "99999999999999999999",
        ]
        bytes.replaceSubrange(start..<end, with: numbers[Int.random(in: 0..<numbers.count, using: &random)].utf8)
    }

    /// A line is moved, doubled or removed.
    private mutating func lines() {
        var lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
        let from = Int.random(in: 0..<lines.count, using: &random)
        let to = Int.random(in: 0..<lines.count, using: &random)
        switch random.next() % 3 {
        case 0: lines.swapAt(from, to)
        case 1: lines.insert(lines[from], at: to)
        default: lines.remove(at: from)
        }
        bytes = Array(lines.joined(separator: [0x0a]))
    }

    private mutating func swapRanges() {
        let part = range(128)
        let moved = Array(bytes[part])
        bytes.removeSubrange(part)
        bytes.insert(contentsOf: moved, at: min(bytes.count, place()))
    }
}
