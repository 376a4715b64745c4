// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import Results
import Testing
import TestSupport

@testable import Harness

/// A fragment of the user is read as Kconfig reads it, byte by byte; or refused with the line.
@Suite struct ConfigTextTests {
    private static let plain = "# options\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=\"text\"\n"

    private func config(_ bytes: [UInt8]) throws -> KernelConfig {
        let scratch = try TemporaryFolder()
        try scratch.write("fast.config", "CONFIG_BASE=y\n")
        try Data(bytes).write(to: URL(fileURLWithPath: scratch.path + "/my.config"))
        return try KernelConfig(request: KernelRequest(source: "", configFiles: [scratch.path + "/my.config"]), folder: scratch.path)
    }

    @Test func everyFormOfTheSameTextIsTheSame() throws {
        let expected = try config(Array(Self.plain.utf8)).text
        #expect(expected == "CONFIG_BASE=y\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=\"text\"\n")
        let windows = Array(Self.plain.replacing("\n", with: "\r\n").utf8)
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        for bytes in [windows, mark + windows, mark + Array(Self.plain.utf8), windows.dropLast(2), Array(Self.plain.utf8.dropLast())] {
            #expect(try config(bytes).text == expected)
        }
        #expect(try config(Array("#\u{301} \(String(repeating: "x", count: 10_000_000))\n\(Self.plain)".utf8)).text == expected)
    }

    @Test func linesAreDividedByBytes() throws {
        // Each is one grapheme with the byte before it.
        #expect(try config(Array("#\u{301} x\nCONFIG_A=\u{301}b\n".utf8)).text.holds("CONFIG_A=\"\u{301}b\"\n"))
        // scripts/kconfig/confdata.c compares "is not set" only.
        #expect(try config(Array("# CONFIG_A is not set \u{301}here\n".utf8)).text.holds("# CONFIG_A is not set\n"))
        #expect(
            ConfigFragment.values(of: "CONFIG_A=y\r\n# CONFIG_B is not set\r\nCONFIG_C=\u{301}\r\n") == [
                "CONFIG_A": "y", "CONFIG_B": "n", "CONFIG_C": "\u{301}",
            ])
    }

    @Test(
        arguments: [
            ("CONFIG_A=y\n", [0], 2), ("# a comment\n", [0x23, 0xe9, 0x0a], 2), ("", [0xff, 0xfe, 0x43, 0x00], 1),
            ("# all of it\rCONFIG_A=y\r", [0x0a], 1),
            ("CONFIG_A=y\n\u{301}CONFIG_B=y\n", [], 2), ("\u{2028}CONFIG_B=y\n", [], 1),
        ] as [(String, [UInt8], Int)])
    func whatIsNotReadAsItLooksIsRefused(_ start: String, _ rest: [UInt8], _ line: Int) {
        let error = #expect(throws: HarnessError.self) { try config(Array(start.utf8) + rest) }
        #expect(error?.kind == .input)
        #expect(error?.message.holds("my.config:\(line): ") == true, "\(error?.message ?? "")")
    }

    @Test func aMakefileIsReadByItsBytes() throws {
        let scratch = try TemporaryFolder()
        try scratch.write("Kconfig", "")
        for text in [
            "VERSION = 7\r\nPATCHLEVEL = 3\r\nSUBLEVEL = 0\r\nEXTRAVERSION = -rc2\r\n",
            "\u{feff}VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\nEXTRAVERSION = -rc2",
            "# \u{301}\nVERSION =7\n\nPATCHLEVEL=3\nSUBLEVEL = 0\nEXTRAVERSION = -rc2\n\(String(repeating: "x", count: 10_000_000))",
        ] {
            try scratch.write("Makefile", text)
            #expect(KernelTree.version(scratch.path) == "7.3.0-rc2")
        }
        try Data(Array("# caf\u{e9}\nVERSION = 7\nPATCHLEVEL = 3\n".unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }) + [0]).write(
            to: URL(fileURLWithPath: scratch.path + "/Makefile"))
        #expect(KernelTree.version(scratch.path) == "7.3")
    }

    /// A pipe has its text once; a request is read several times.
    @Test func aPipeIsReadOnce() throws {
        let scratch = try TemporaryFolder()
        try scratch.write("fast.config", "CONFIG_BASE=y\n")
        let pipe = scratch.path + "/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        Thread {
            let handle = FileHandle(forWritingAtPath: pipe)
            handle?.write(Data("CONFIG_PIPED=y\r\n".utf8))
            try? handle?.close()
        }.start()
        let request = KernelRequest(source: "", configFiles: [pipe])
        request.readPipes()
        for _ in 0..<2 { #expect(try KernelConfig(request: request, folder: scratch.path).text == "CONFIG_BASE=y\nCONFIG_PIPED=y\n") }
    }

    @Test func aLogIsReadByItsBytes() {
        let log = "  CC      a.o\r\na.c:1:2: warning: \u{301}first [-Wx]\r\n   1 | int a;\r\n  CC      b.o\r\nb.c:1:2: error:\u{301} bad\r\n"
        #expect(KernelMake.steps(in: log) == 2)
        #expect(CompilerWarnings.of(log) == ["a.c: \u{301}first [-Wx]"])
        #expect(KernelMake.firstErrors(in: log) == ["b.c:1:2: error:\u{301} bad"])
        var warnings = BuildWarnings()
        warnings.add(log, source: "/s")
        #expect(warnings.steps == ["CC a.o": ["a.c: \u{301}first [-Wx]"]])
    }
}
