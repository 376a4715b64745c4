// SPDX-License-Identifier: GPL-2.0

import Results
import Testing

@Suite struct ForeignTextTests {
    @Test(arguments: ["one\ntwo\n", "one\r\ntwo\r\n", "one\ntwo\r\n", "one\r\ntwo\n"])
    func linesEndInLFOrCRLF(_ text: String) {
        #expect(text.lines == ["one", "two", ""])
        #expect(text.filledLines == ["one", "two"])
    }

    @Test func aLineIsDividedAtBytesAndNotAtGraphemes() {
        #expect("one\n\u{301}two\nthree".lines == ["one", "\u{301}two", "three"])
        #expect("".lines == [""])
        #expect("last\r".lines == ["last"])
        #expect("a\r\r\n".lines == ["a\r", ""])
        // Neither is a line's end.
        #expect("a\u{2028}b\u{85}c\u{b}d".lines.count == 1)
        #expect("# \u{301}x".begins(with: "# "))
        #expect(!"#".begins(with: "##"))
        #expect("x=\u{301}y".divided(at: "=")! == ("x", "\u{301}y"))
        #expect("a=b=c".divided(at: "=")! == ("a", "b=c"))
        #expect("abc".divided(at: "=") == nil)
        #expect("name\u{301} is not set".ends(with: " is not set"))
        // The same text to Swift, other bytes.
        #expect(!"e\u{301}".begins(with: "\u{e9}") && !"e\u{301}".holds("\u{e9}") && !"e\u{301}".ends(with: "\u{e9}"))
        #expect("xxabxabcx".holds("abc") && !"xxabxab".holds("abc") && "a".holds("") && !"".holds("a"))
        #expect(" \t a \u{301}b\t ".trimmed.utf8.elementsEqual("a \u{301}b".utf8))
        #expect("  ".trimmed == "" && "".trimmed == "")
    }

    @Test func aByteOrderMarkIsLeftOut() throws {
        #expect(try ForeignText.readLines([0xef, 0xbb, 0xbf] + Array("a\r\nb".utf8)) == ["a", "b"])
        #expect(try ForeignText.read([0xef, 0xbb, 0xbf]) == "")
        #expect(try ForeignText.read([]) == "")
    }

    @Test(
        arguments: [
            ([0xff, 0xfe, 0x61, 0x00], 1, "UTF-16"), ([0xfe, 0xff, 0x00, 0x61], 1, "UTF-16"), ([0x61, 0x0a, 0x62, 0x00], 2, "NUL"),
            ([0x61, 0x0a, 0xe9, 0x0a], 2, "0xe9"), ([0xc3, 0xa9, 0x0a, 0x0a, 0x62, 0x80], 3, "0x80"), ([0x61, 0x0a, 0xc3], 2, "0xc3"),
            ([0x61, 0x0d, 0x62, 0x0a], 1, "carriage return"),
        ] as [([UInt8], Int, String)])
    func whatIsNoTextIsRefusedWithItsLine(_ bytes: [UInt8], _ line: Int, _ what: String) {
        let error = #expect(throws: ForeignText.Malformed.self) { try ForeignText.readLines(bytes) }
        #expect(error?.line == line)
        #expect(error?.what.contains(what) == true)
    }

    /// A reader whose time grows with the square of the length would take hours.
    @Test(.timeLimit(.minutes(1))) func aLineOfTenMegabytesIsRead() throws {
        let long = String(repeating: "x", count: 10_000_000)
        let lines = try ForeignText.readLines(Array("first\n\(long)\r\nCONFIG_A=y\n".utf8))
        #expect(lines.map(\.utf8.count) == [5, 10_000_000, 10, 0])
        #expect(lines[1].divided(at: "=") == nil && !lines[1].holds("xy") && lines[1].trimmed.utf8.count == 10_000_000)
        #expect("CONFIG_A=\(long)".divided(at: "=")?.after.utf8.count == 10_000_000)
    }
}
