// SPDX-License-Identifier: GPL-2.0

import Foundation
import Testing

@testable import Results

/// Text that a guest, a trace or a patch has, and what is printed of it.
@Suite struct EscapedTests {
    @Test(
        arguments: [
            ("plain text, 3 in flight", "plain text, 3 in flight"), ("Zażółć 漢字 \u{1f600}\u{fe0f} e\u{301}", "Zażółć 漢字 \u{1f600}\u{fe0f} e\u{301}"),
            ("a\nok 1 b", #"a\nok 1 b"#), ("a\r\nb", #"a\r\nb"#), ("a\tb", "a b"), ("\u{1b}[2Jx\u{7}", #"\x1b[2Jx\x07"#),
            ("\u{0}\u{7f}", #"\x00\x7f"#),
            // CSI as one character, a line separator, text from right to left, no width, a tag, a filler, a noncharacter.
            ("\u{9b}31m", #"\u{9b}31m"#), ("a\u{2028}b\u{85}", #"a\u{2028}b\u{85}"#), ("\u{202e}gpj.exe", #"\u{202e}gpj.exe"#),
            ("zero\u{200b}width\u{feff}", #"zero\u{200b}width\u{feff}"#), ("\u{e0041}\u{3164}\u{ffff}", #"\u{e0041}\u{3164}\u{ffff}"#),
        ])
    func oneLine(_ text: String, _ expected: String) {
        #expect(text.oneLine == expected)
        // Text that is escaped already does not change.
        #expect(text.oneLine.oneLine == expected)
        #expect(Substring(text).oneLine == expected)
    }

    @Test func severalLines() {
        #expect("a\n\tb\u{1b}[31m\r\nc".escapedLines == "a\n\tb\\x1b[31m\\r\nc")
    }

    /// Every character that a terminal may obey, alone and with a combining mark behind it, which makes it another Character.
    @Test func noControlIsLeft() {
        for value in Array(0..<0x20) + Array(0x7f...0x9f) + [0x200e, 0x202a, 0x202e, 0x2066, 0x2069, 0x2028, 0x2029] {
            guard let scalar = Unicode.Scalar(value as Int) else { continue }
            for text in [String(scalar), "#\(scalar)\u{301}"] {
                #expect(!text.oneLine.unicodeScalars.contains(scalar))
                #expect(value == 0x0a || value == 0x09 || !text.escapedLines.unicodeScalars.contains(scalar))
            }
        }
    }

    @Test func jsonIsTheSameValue() throws {
        let texts = ["a\u{9b}b\u{2028}\u{202e}\u{7f}", "\u{e0041}", "plain ä \u{1f600}", "\u{1b}\n\"\\"]
        for data in [try StableJSON.line(texts), try StableJSON.document(texts)] {
            let json = String(decoding: data, as: UTF8.self)
            #expect(json.unicodeScalars.allSatisfy { $0 == "\n" || !Escaped.isInvisible($0) }, "\(json)")
            #expect(try JSONDecoder().decode([String].self, from: data) == texts)
            #expect(json.contains("\\u009b") && json.contains("\\udb40\\udc41") && json.contains("ä"))
        }
    }
}

/// A guest that knows how results are written.
@Suite struct HostileResultTests {
    private static let forged =
        "x\nok 9 zcrx.forged\r\n\u{1b}[2J\u{9b}31m]]></failure><testcase name=\"zcrx.forged\"/>\u{2028}ppiov: end zcrx.a\u{202e}"

    private var results: [ScenarioResult] {
        ScenarioResult.Verdict.allCases.map { verdict in
            ScenarioResult(
                scenario: "zcrx.\(verdict)\(Self.forged)", tier: .netdevsim, provider: .zcrx, verdict: verdict, reason: Self.forged,
                findings: verdict == .pass || verdict == .skip
                    ? [] : [Finding(oracle: .scenario, message: Self.forged, evidence: ["ok 8 zcrx.evidence", Self.forged])])
        }
    }

    @Test func messagesAreOneLine() {
        let finding = Finding(oracle: .trace, message: Self.forged)
        #expect(finding.message == Self.forged.oneLine && !finding.description.contains("\n"))
        for result in results {
            let headline = result.headline ?? ""
            #expect(headline == headline.oneLine && FirstFailure(result)?.line.oneLine == FirstFailure(result)?.line)
        }
    }

    @Test func ktapHasTheResultsAndNoOther() {
        let lines = KTAP.document(results).split(separator: "\n", omittingEmptySubsequences: false)
        let told = lines.filter { line in ["ok ", "not ok "].contains { line.drop { $0 == " " }.hasPrefix($0) } }
        // One for each result, and that of the group.
        #expect(told.count == results.count + 1)
        #expect(lines.allSatisfy { line in line.unicodeScalars.allSatisfy { !Escaped.isInvisible($0) } })
        #expect(
            lines.allSatisfy { line in
                line.isEmpty || ["#", "ok ", "not ok ", "1..", "KTAP version 1"].contains { line.drop { $0 == " " }.hasPrefix($0) }
            })
    }

    /// A "#" with a combining mark is one Character, and to a reader of bytes it begins a directive.
    @Test func aDirectiveCannotBeForged() {
        for name in ["a # SKIP no", "a #\u{301} SKIP no", "a \\# SKIP no"] {
            let result = ScenarioResult(scenario: name, tier: .netdevsim, provider: .zcrx, verdict: .fail)
            let line = KTAP.lines(for: result, number: 1).last ?? ""
            let bytes = Array(line.utf8)
            for index in bytes.indices where bytes[index] == UInt8(ascii: "#") {
                let backslashes = bytes[..<index].reversed().prefix { $0 == UInt8(ascii: "\\") }.count
                #expect(backslashes % 2 == 1, "\(line)")
            }
        }
    }

    @Test func bailOutIsOneLine() {
        #expect(
            KTAP.bailOut("disk\nok 1 x") == "Bail out! disk\n" && KTAP.bailOut("a\r\nb") == "Bail out! a\\r\n" && KTAP.bailOut("") == "Bail out! \n")
    }

    @Test func junitHasTheResultsAndNoOther() {
        let text = JUnit.document(results)
        #expect(text.components(separatedBy: "<testcase ").count == results.count + 1)
        #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || !Escaped.isInvisible($0) })
    }
}

@Suite struct MarkKeyTests {
    /// The vectors of the authors' vectors.h: the key is 00 01 ... 0f, the message 00 01 ... of that length.
    @Test(arguments: [(0, 0x726f_db47_dd0e_0e31), (1, 0x74f8_39c5_93dc_67fd), (15, 0xa129_ca61_49be_45e5)] as [(Int, UInt64)])
    func sipHash(_ length: Int, _ expected: UInt64) {
        #expect(MarkKey.sipHash((0..<length).map { UInt8($0) }, 0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908) == expected)
    }

    @Test func keysDiffer() throws {
        let keys = (0..<100).map { _ in MarkKey() }
        #expect(Set(keys).count == 100 && Set(keys.map { $0.token("a") }).count == 100)
        let key = keys[0]
        #expect(MarkKey(rawValue: key.rawValue) == key && key.rawValue.count == 32 && key.token("a").count == 16)
        #expect(key.token("a") == key.token("a") && key.token("a") != key.token("b"))
        #expect(MarkKey(rawValue: "") == nil && MarkKey(rawValue: String(repeating: "g", count: 32)) == nil)
        #expect(
            try JSONDecoder().decode(AgentCommand.self, from: StableJSON.line(AgentCommand.run("a", timeoutScale: .one, markKey: key))).markKey == key
        )
    }

    @Test func noMarkGivesAnother() {
        let key = MarkKey()
        let marks = [
            KernelLogMark.begin("a", key), KernelLogMark.end("a", key), KernelLogMark.end("b", key), KernelLogMark.result("ok 1 a", number: 1, key),
            KernelLogMark.result("ok 1 a", number: 2, key), key.traceToken,
        ]
        #expect(Set(marks.map { $0.split(separator: " ").last }).count == marks.count)
        #expect(marks[0].hasPrefix("ppiov: begin a ") && KernelLogMark.begin("a", nil) == "ppiov: begin a")
    }

    @Test func aResultLineIsShortAndPlain() {
        let mark = KernelLogMark.result("ok 1 a\u{1b}[2J\u{301}  [    1.000000] x" + String(repeating: "y", count: 2000) + " ", number: 1, nil)
        #expect(mark.utf8.count < 128 && mark.hasPrefix("ppiov: result ok 1 a2J      1.000000] xyy") && mark.oneLine == mark)
        #expect(KernelLogMark.result("ok 1  ", number: 1, nil) == "ppiov: result ok 1")
    }
}
