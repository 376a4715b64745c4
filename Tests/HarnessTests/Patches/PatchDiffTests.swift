// SPDX-License-Identifier: GPL-2.0

import LifeCycle
import Foundation
import Testing

@testable import Harness

@Suite struct PatchDiffTests {
    private func files(_ text: String) throws -> [PatchDiff.File] { try PatchDiff.files(Array(text.utf8)) }

    @Test func editsCreationsRemovalsRenamesAndModesAreRead() throws {
        let text =
            diff() + """
                --- linux.orig/plain.c\t2026-01-01
                +++ linux/plain.c\t2026-01-02
                @@ -7 +7 @@ int f(void)
                -a
                +b
                @@ -90,2 +90,2 @@
                -a
                +b
                 c
                diff --git a/new.c b/new.c
                new file mode 100644
                index 000..123
                --- /dev/null
                +++ b/new.c
                @@ -0,0 +1 @@
                +x
                diff --git a/old.c b/old.c
                deleted file mode 100644
                --- a/old.c
                +++ /dev/null
                @@ -1 +0,0 @@
                -x
                \\ No newline at end of file
                diff --git a/from.c b/to.c
                similarity index 100%
                rename from from.c
                rename to to.c
                diff --git a/run.sh b/run.sh
                old mode 100644
                new mode 100755
                diff --git a/empty b/empty
                new file mode 100644
                index 000..000

                """
        let files = try files(text)
        #expect(files.map(\.old) == ["net/core/x.c", "plain.c", nil, "old.c", "from.c", "run.sh", nil])
        #expect(files.map(\.new) == ["net/core/x.c", "plain.c", "new.c", nil, "to.c", "run.sh", "empty"])
        #expect(files[1].hunks == [7, 90])
    }

    @Test func binaryPartsHaveNoHunks() throws {
        let text =
            "diff --git a/b.bin b/b.bin\nnew file mode 100644\nindex 000..123\nGIT binary patch\nliteral 3\nKcmZQzU|?imU|;|M\n\nliteral 0\nHcmV?d00001\n\n"
            + diff()
        #expect(try files(text).map(\.name) == ["b.bin", "net/core/x.c"])
    }

    @Test(arguments: [
        "a/../../etc/passwd", "a//etc/passwd", "/etc/passwd", "a/./x.c", "a/.git/config", "a/net/.GIT/config", "a/", "x.c", "a/net/..",
        "\"a/../x.c\"", "\"a/\\033.c\"", "\"a/x.c",
    ])
    func pathsThatLeaveTheTreeAreRefused(_ path: String) {
        let text = "--- \(path)\n+++ \(path)\n@@ -1 +1 @@\n-a\n+b\n"
        let error = #expect(throws: PatchDiff.Malformed.self) { try files(text) }
        #expect(error?.what.contains("path") == true)
        let renamed = path.hasPrefix("a/") ? String(path.dropFirst(2)) : path
        if renamed != "x.c" {
            #expect(throws: PatchDiff.Malformed.self) {
                try files("diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to \(renamed)\n")
            }
        }
    }

    @Test(arguments: [
        ("-1,3 +1,3", "-1,9 +1,9", "truncated"), ("-1,3 +1,3", "-1,2 +1,2", "more lines"), ("-1,3 +1,3", "-x +y", "first line"),
        ("-two", "two", "mailer"),
        ("-1,3 +1,3", "-99999999999999999999,3 +1,3", "first line"), ("@@ -1,3 +1,3 @@\n one\n-two\n+three\n four\n", "", "no hunk"),
        ("\n", "\r\n", "CR LF"),
        ("--- a/net/core/x.c\n+++ b/net/core/x.c\n", "", "hunk"),
    ])
    func aMalformedDiffIsRefused(_ what: String, _ with: String, _ expected: String) {
        let error = #expect(throws: PatchDiff.Malformed.self) { try files(diff().replacingOccurrences(of: what, with: with)) }
        if !expected.isEmpty { #expect(error?.what.contains(expected) == true, "\(error?.what ?? "")") }
    }

    @Test func aFileIsNotRemovedAndEdited() {
        let gone =
            "diff --git a/net/core/x.c b/net/core/x.c\ndeleted file mode 100644\n--- a/net/core/x.c\n+++ /dev/null\n@@ -1,3 +0,0 @@\n-one\n-two\n-four\n"
        for text in [diff() + gone, gone + diff()] {
            let error = #expect(throws: PatchDiff.Malformed.self) { try files(text) }
            #expect(error?.what == "it removes net/core/x.c and edits it as well")
        }
        #expect(throws: PatchDiff.Malformed.self) { try files("") }
        #expect(throws: PatchDiff.Malformed.self) { try files("no diff\n") }
    }

    /// Each blank of the line "diff --git" may be the one between the two names.
    @Test func namesMayHaveAnyNumberOfBlanks() throws {
        let name = "net/" + String(repeating: "a b ", count: 10_000) + "c"
        #expect(try files("diff --git a/\(name) b/\(name)\nold mode 100644\nnew mode 100755\n").map(\.name) == [name])
        #expect(try files(diff(file: name)).map(\.name) == [name])
        #expect(throws: PatchDiff.Malformed.self) {
            try files("diff --git \(String(repeating: " ", count: 40_000))\nold mode 100644\nnew mode 100755\n")
        }
    }

    @Test(arguments: 0..<300)
    func garbageIsRefusedAndNeverTraps(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var bytes = Array((diff() + diff(file: "net/y.c")).utf8)
        for _ in 0...Int.random(in: 0..<6, using: &random) {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        bytes.removeSubrange(Int.random(in: 0..<bytes.count, using: &random)...)
        _ = try? PatchDiff.files(bytes)
    }
}

@Suite struct PatchSubjectTests {
    private func numbers(_ text: String) -> [String?] {
        let subject = PatchSubject(text)
        return [subject.number.map(String.init), subject.count.map(String.init), subject.version, subject.text]
    }

    @Test func bracketsAreRead() {
        let subject = PatchSubject("[PATCH net-next v3 02/20] net: page pool: [sic] rework")
        #expect(subject.text == "net: page pool: [sic] rework")
        #expect((subject.number, subject.count, subject.version) == (2, 20, "3"))
        #expect(subject.words == ["PATCH", "net-next", "v3", "02/20"])
        #expect(!subject.isReply)
        #expect(PatchSubject("Re: [PATCH 1/2] x").isReply)
        #expect(numbers("[PATCHv3 1/2] x") == numbers("[RFC PATCH v3 1/2] x"))
        #expect(PatchSubject("[RFCv2] x").version == "2")
        #expect(numbers("[RFC,v2,3/4] x") == numbers("[v2] [3/4]  x"))
        for text in ["", "[", "[]", "plain", "[PATCH 3/x] y", "[-1/2] z", "net: 1/2 of it", "[net] 1/2 of it"] {
            #expect(PatchSubject(text).number == nil)
        }
    }

    @Test(arguments: [
        "[PATCH v2.1 3/4] x: y", "[EXTERNAL] [PATCH v2.1 3/4] x: y", "[External] : [PATCH v2.1 3/4] x: y", "[PATCH v2.1 3/4 net-next] x: y",
        "[PATCH v2.1] [3/4] x: y", "[PATCH v2.1] 3/4: x: y", "[PATCH v2.1] (3/4) x: y", "[PATCH v2.1 3 of 4] x: y", "PATCH v2.1 3/4: x: y",
        "EXT: [PATCH v2.1 3/4] x: y", "[PATCHv2.1,03/04]x: y", "\t[list] EXT: [spam?] [PATCH V2.1 3/4]  x: y ", "答复: [PATCH v2.1 3/4] x: y",
    ])
    func aNumberIsReadWhereverItIs(_ text: String) { #expect(numbers(text) == ["3", "4", "2.1", "x: y"]) }

    @Test func anAnswerHasAPrefixOfAnyLanguage() {
        for prefix in ["Re:", "RE :", "Re[2]:", "AW:", "SV:", "Antw:", "答复:", "回复\u{ff1a}", "VS:", "Rép :", "[list] Re:", "Re: AW:"] {
            #expect(PatchSubject("\(prefix) [PATCH 1/2] x").isReply, "\(prefix)")
        }
        for subject in ["vs: a driver", "tr: x", "[PATCH] re-add x", "[PATCH] x: Re: y", "net: res is a word"] {
            #expect(!PatchSubject(subject).isReply, "\(subject)")
        }
        #expect(PatchSubject("vs: a driver").text == "vs: a driver")
        #expect(PatchSubject("FW: [PATCH 1/2] x").hasPrefix)
    }

    /// Each word before the bracket doubled the time that the words before it took.
    @Test func anyNumberOfWordsIsBeforeTheBracket() {
        #expect(numbers(String(repeating: "a: ", count: 100) + "[PATCH v2.1 3/4] x: y") == ["3", "4", "2.1", "x: y"])
        #expect(PatchSubject(String(repeating: "a: ", count: 1000)).number == nil)
        #expect(PatchSubject(String(repeating: "a: ", count: 1000) + "[PATCH 3/4] x").number == 3)
        #expect(PatchSubject(String(repeating: "x", count: 1 << 20)).text.utf8.count == 4096 + 3)
        #expect(PatchSubject((0..<100_000).map { "[a\($0)]" }.joined()).words.count < 1000)
    }

    @Test func whatATerminalObeysIsEscaped() {
        #expect(PatchSubject("[PATCH] x: \u{1b}[31m\u{202e}red\r\u{9b}0m").text == "x: \\x1b[31m\\u{202e}red\\r\\u{9b}0m")
        #expect(ShownText.shown([0x61, 0xff, 0xc3, 0x0a, 0x7f, 0xc3, 0xa9]) == "a\\xff\\xc3\\n\\x7fé")
    }
}
