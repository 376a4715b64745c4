// SPDX-License-Identifier: GPL-2.0

import Foundation
import LifeCycle
import TestSupport
import Testing

@testable import Harness

/// What is read of each shape: patches, their subjects, notes, and hints that fit.
@Suite struct SeriesShapeTests {
    private let scratch: TemporaryFolder
    private var reader: SeriesReader { SeriesReader(cache: Cache(root: scratch.path + "/cache")) }

    init() throws { scratch = try TemporaryFolder() }

    private func read(_ bytes: [UInt8], _ name: String = "s.mbox") async throws -> PatchSeries {
        let path = scratch.path + "/" + name
        try Files.write(Data(bytes), to: path)
        return try await reader.read([path])
    }

    private func refusal(_ bytes: [UInt8], _ name: String = "s.mbox") async throws -> HarnessError {
        let error = await #expect(throws: HarnessError.self) { try await read(bytes, name) }
        #expect(error?.kind == .input)
        return try #require(error)
    }

    // MARK: - Folders

    @Test func theFileSeriesGivesTheOrderAndParks() async throws {
        try scratch.write("d/a.patch", mail("[PATCH 2/2] second", diff("three", "five")))
        try scratch.write("d/b.patch", mail("[PATCH 1/2] first", diff()))
        try scratch.write("d/c.patch", mail("[PATCH] not ready", diff("five", "six")))
        try scratch.write("d/series", "# mine\r\nb.patch -p1\r\n#c.patch\r\na.patch  # last\r\n")
        let series = try await reader.read([scratch.path + "/d/"])
        #expect(series.patches.map(\.subject) == ["first", "second"])
        #expect(series.notes == ["\(scratch.path)/d/series:3: c.patch is parked by the \"#\", and is left out"])
        // It is followed against the numbers, too: it is what the user wrote.
        try scratch.write("d/series", "a.patch\nb.patch\nc.patch\n")
        #expect(try await reader.read([scratch.path + "/d"]).patches.map(\.subject) == ["second", "first", "not ready"])
        try scratch.write("d/series", "b.patch -R\n")
        let error = await #expect(throws: HarnessError.self) { try await reader.read([scratch.path + "/d"]) }
        #expect(error?.message == "\(scratch.path)/d/series:1: b.patch has the option -R, which is not supported")
        #expect(error?.hint?.contains("git revert") == true)
    }

    @Test func pathsWithoutAFirstPartAreTakenWithP0() async throws {
        try scratch.write("d/a.patch", "--- net/core/x.c\n+++ net/core/x.c\n@@ -1,3 +1,3 @@\n one\n-two\n+three\n four\n")
        try scratch.write("d/series", "a.patch -p0\n")
        let series = try await reader.read([scratch.path + "/d"])
        #expect(series.patches.map(\.files).map { $0.map(\.name) } == [["net/core/x.c"]])
        #expect(series.patches.map(\.strip) == [0])
        try scratch.write("d/series", "a.patch\n")
        let error = await #expect(throws: HarnessError.self) { try await reader.read([scratch.path + "/d"]) }
        #expect(error?.hint?.contains("-p0") == true)
    }

    @Test func aMaildirIsReadInTheOrderOfItsNumbers() async throws {
        try scratch.write("m/cur/20.host:2,S", mail("[PATCH 1/3] one", diff()))
        try scratch.write("m/new/3.host", mail("[PATCH 3/3] three", diff("five", "six")))
        try scratch.write("m/new/100.host", mail("[PATCH 2/3] two", diff("three", "five")))
        try scratch.write("m/new/.hidden", "no mail")
        try scratch.makeFolder("m/tmp")
        let series = try await reader.read([scratch.path + "/m"])
        #expect(series.patches.map(\.subject) == ["one", "two", "three"])
        #expect(series.notes.count == 1 && series.notes[0].contains("order of their numbers"))
        #expect(
            ["cur/9.a", "cur/10.a", "new/1.a", "new/1.b", "new/1"].shuffled().sorted(by: SeriesFiles.isBefore) == [
                "cur/9.a", "cur/10.a", "new/1", "new/1.a", "new/1.b",
            ])
    }

    // MARK: - Mails

    @Test func aSignatureIsNoPartOfTheDiff() async throws {
        let change = Array(diff().utf8)
        for form in [CorpusMail.Form.signed, .smime, .footer, .alternative, .attachment] {
            var signed = CorpusMail("[PATCH net] x: y", change)
            (signed.form, signed.tail) = (form, "")
            let series = try await read(signed.bytes)
            #expect(series.patches.map(\.diff) == [change], "\(form)")
            #expect(series.patches.map(\.subject) == ["x: y"])
        }
        var left = CorpusMail("[net] x: y", change)
        (left.isBare, left.fields) = (
            true, ["MIME-Version: 1.0", "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=\"b\""]
        )
        let missing = try await refusal(left.bytes)
        #expect(missing.message.contains("multipart/signed"))
        #expect(missing.hint?.contains("the signature and the Content-Type of the signed text are missing") == true)
        let clear =
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nText.\n- ---\n\n" + diff().replacingOccurrences(of: "\n--- a", with: "\n- --- a")
        let inPlace = try await refusal(Array(mail("[PATCH] x", clear).utf8))
        #expect(inPlace.hint?.contains("take the signature off: `gpg --decrypt FILE`") == true)
    }

    @Test func answersAndCoverLettersAreToldFromPatchesByWhatTheyHave() async throws {
        func thread(_ cover: String, _ answer: String) -> [CorpusMail] {
            var mails = [
                CorpusMail(cover, []), CorpusMail("[PATCH 1/2] a", Array(diff().utf8)), CorpusMail(answer, []),
                CorpusMail("[PATCH 2/2] b", Array(diff("three", "five").utf8)),
            ]
            for (index, id) in ["0@x", "1@x", "r@x", "2@x"].enumerated() { mails[index].id = id }
            for (index, id) in [(1, "0@x"), (2, "1@x"), (3, "0@x")] { mails[index].answers = id }
            return mails
        }
        for (cover, answer) in [
            ("[PATCH net-next v2] the series", "FW: [PATCH 1/2] a"), ("[PATCH 0/2] the series", "答复: [PATCH 1/2] a"), ("all of it", "Sobre: a"),
            ("[PATCH 0/2] x", "[PATCH 1/2] a"),
        ] {
            let series = try await read(thread(cover, answer).flatMap(\.bytes))
            #expect(series.patches.map(\.subject) == ["a", "b"], "\(cover), \(answer)")
            #expect(series.notes.count == 2)
        }
        // A number whose diff is nowhere.
        var lost = thread("[PATCH 0/2] x", "FW: [PATCH 2/2] b")
        lost.removeLast()
        #expect(try await refusal(lost.flatMap(\.bytes)).message.contains("there is no diff in it"))
        // Neither an answer nor answered.
        var other = thread("[PATCH 0/2] x", "[PATCH] lost")
        other[2].answers = nil
        #expect(try await refusal(other.flatMap(\.bytes)).message.contains("\"lost\": there is no diff in it"))
    }

    @Test func theHintOfAMissingDiffFitsTheCase() async throws {
        for (body, type, hint) in [
            ("> diff --git a/x b/x\n> --- a/x\n", "text/plain", "it only quotes a diff"),
            ("  diff --git a/x b/x\n", "text/plain", "its diff is indented"),
            ("<pre>x</pre>", "text/html", "it is written as HTML"), ("-----BEGIN PGP MESSAGE-----\n", "text/plain", "it is encrypted"),
            ("x", "text/plain; charset=utf-16", "its text is in utf-16"), ("Text.\n", "text/plain", SeriesReader.hint),
        ] {
            let error = try await refusal(Array("From: A <a@x>\nSubject: [PATCH] x\nContent-Type: \(type)\n\n\(body)".utf8))
            #expect(error.hint?.hasPrefix(hint) == true, "\(error)")
        }
    }

    @Test func whatIsDrawnInAnotherOrderIsNoted() async throws {
        let text = diff("two", "/* \u{202e} } \u{2066}if (last)\u{2069} \u{2066} */") + diff("tw\u{202d}o", "two", file: "net/\u{e9}.c")
        let series = try await read(Array(mail("[PATCH] x", text).utf8))
        #expect(series.patches.count == 1)
        #expect(
            series.notes.map { $0.components(separatedBy: "\"x\": ")[1] } == [
                "net/core/x.c, line 2, has U+202E, U+2066, U+2069: the line is drawn in another order than it is compiled",
                "net/\u{e9}.c, line 2 (removed), has U+202D: the line is drawn in another order than it is compiled",
            ])
    }

    @Test func theBaseIsRead() async throws {
        let hash = String(repeating: "0123456789", count: 4)
        let tail = "base-commit: \(hash)\nprerequisite-patch-id: 1111\nprerequisite-patch-id: 2222\nbase-branch: net-next/main\n"
        var mail = CorpusMail("[PATCH bpf-next v2 1/1] x", Array(diff().utf8))
        (mail.tail, mail.encoding) = ("\n" + tail + "-- \n2.43.0\n", .base64)
        let series = try await read(mail.bytes)
        #expect(series.base == PatchBase(commit: hash, branch: "net-next/main", prerequisites: ["1111", "2222"], trees: ["bpf-next"]))
        #expect(series.baseCommit == hash)
        #expect(series.notes == ["the series names 2 patches that it needs before it: 1111, 2222"])
    }

    @Test func otherToolsExportASubject() async throws {
        let stgit = try await read(Array("net: a remark\n\nFrom: J\u{fc}rgen <j@x.org>\n\nText.\n---\n\n\(diff())".utf8), "a.patch")
        #expect(stgit.patches.map(\.subject) == ["net: a remark"])
        #expect(stgit.patches.map(\.author) == ["J\u{fc}rgen <j@x.org>"])
        let hg = "# HG changeset patch\n# User A <a@x>\n# Date 0 0\nnet: a remark\n\nText.\n\n"
        #expect(try await read(Array((hg + diff()).utf8), "b.patch").patches.map(\.subject) == ["net: a remark"])
        let quilt = try await read(Array("From: A <a@x>\n\nnet: a remark\n\nText.\n\n\(diff())".utf8), "q.patch")
        #expect(quilt.patches.map(\.subject) == ["net: a remark"])
        let show = "commit \(String(repeating: "a", count: 40))\nAuthor: A <a@x>\nDate:   now\n\n    net: a remark\n\n"
        let one = try await read(Array((show + diff()).utf8), "c.diff")
        #expect(one.patches.map(\.subject) == ["net: a remark"])
        #expect(one.patches.map(\.author) == ["A <a@x>"])
        let two = try await refusal(
            Array((show + diff() + "\n" + show.replacingOccurrences(of: "aaaa", with: "bbbb") + diff("three", "five")).utf8), "d.diff")
        #expect(two.message.contains("2 commits") && two.message.contains("newest first"))
        #expect(two.hint?.contains("git format-patch") == true)
    }

    @Test func nothingThatATerminalObeysIsPrinted() async throws {
        let evil = "\u{1b}[2J\r\u{202e}\u{9b}"
        var mail = CorpusMail("[PATCH 1/2] \(evil)subject", Array(diff().utf8))
        mail.from = "\(evil)A <a@x.org>"
        (mail.id, mail.message) = ("1\(evil)@x", "\(evil)\n")
        var answer = CorpusMail("Re: \(evil)", [])
        answer.answers = "1@x"
        let order = try await refusal(CorpusMail("[PATCH 2/2] \(evil)", Array(diff().utf8)).bytes + mail.bytes)
        let name = "\(evil).mbox"
        let series = try await read(answer.bytes + CorpusMail("[PATCH 1/1] \(evil)", Array(diff("two", evil).utf8)).bytes, name)
        let texts =
            series.notes + series.patches.flatMap { [$0.subject, $0.author ?? "", $0.origin, $0.message] } + [
                order.description, try await refusal(CorpusMail("[PATCH 2/2] \(evil)", []).bytes, name).description,
            ]
        for text in texts {
            #expect(
                text.unicodeScalars.allSatisfy { $0 == "\n" || ![.control, .format].contains($0.properties.generalCategory) },
                "\(text.debugDescription)")
        }
        #expect(series.notes.count == 2)
    }

    // MARK: - Any bytes

    @Test(arguments: 0..<40)
    func anyBytesAreReadOrRefused(_ seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        var forms = CorpusMail("[PATCH v2 1/2] x: y", Array((diff() + diff("a", "b", file: "net/y.c")).utf8))
        for _ in 0..<25 {
            forms.form = CorpusMail.Form.allCases.randomElement(using: &random) ?? .single
            forms.encoding = CorpusMail.Encoding.allCases.randomElement(using: &random) ?? .base64
            forms.isCRLF = Bool.random(using: &random)
            var bytes = forms.bytes
            for _ in 0..<Int.random(in: 0..<5, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: at)
                case 2: bytes.insert([0x0d, 0x0a, 0, 0x2d, 0x40, 0xcc].randomElement(using: &random) ?? 0, at: at)
                default: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 200)], at: at)
                }
            }
            for mail in Mbox(bytes).mails {
                guard let parts = try? MailParts(mail.bytes) else { continue }
                for part in parts.parts {
                    guard let reading = try? PatchDiff.read(part.bytes) else { continue }
                    // What was validated is read as what it was read as, and nothing is in it beside that.
                    let again = try PatchDiff.read(reading.diff)
                    #expect(again.diff == reading.diff)
                    #expect(again.files.map(\.name) == reading.files.map(\.name))
                }
            }
        }
    }

    @Test func longLinesAndMissingEndsAreRead() throws {
        let long = [UInt8](repeating: 0x61, count: 10_000_000)
        for text in [long, long + [0x0a], [0x0d], [0], [], Array("\u{feff}".utf8)] {
            #expect(Mbox(text).mails.count <= 1)
            #expect(try PatchDiff.read(text).files.isEmpty)
            #expect(ByteLines(text).count == (text.isEmpty ? 0 : 1))
            _ = FileShape(text)
        }
        #expect(
            Mbox(Array("From a Mon Sep 17 00:00:00 2001\nA: b\n\nx\nFrom a Mon Sep 17 00:00:00 2001\nC: d".utf8)).mails.map {
                String(decoding: $0.bytes, as: UTF8.self)
            } == ["A: b\n\nx\n", "C: d"])
        #expect(Mbox(Array("A: b\r\n\r\nx\r\ny".utf8)).mails == [Mbox.Mail(bytes: Array("A: b\n\nx\ny".utf8), isTransportCRLF: true)])
    }
}
