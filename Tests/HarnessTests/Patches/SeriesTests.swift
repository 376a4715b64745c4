// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

@Suite struct SeriesReaderTests {
    private let scratch: TemporaryFolder
    private let reader: SeriesReader

    init() throws {
        scratch = try TemporaryFolder()
        reader = SeriesReader(cache: Cache(root: scratch.path + "/cache"))
    }

    private func read(_ text: String) async throws -> PatchSeries { try await reader.read([try scratch.write("s.mbox", text)]) }

    private func refusal(_ text: String) async throws -> HarnessError {
        let file = try scratch.write("s.mbox", text)
        let error = await #expect(throws: HarnessError.self) { try await reader.read([file]) }
        #expect(error?.kind == .input)
        return try #require(error)
    }

    @Test func anMboxIsReadInItsOrderWithoutCoverLetterAndReplies() async throws {
        let series = try await read(
            mail("[PATCH v2 0/2] the series", "").replacingOccurrences(
                of: "---\n", with: "base-commit: 0123456789abcdef0123456789abcdef01234567\n---\n")
                + mail("[PATCH v2 1/2] net: =?UTF-8?q?M=C3=BCller?= first", diff(), from: "=?UTF-8?q?J=C3=BCrgen?= <j@example.org>")
                + mail("Re: [PATCH v2 1/2] net: first", "> -two\n> +three\nLooks good\n") + mail("[PATCH v2 2/2] net: second", diff("three", "five")))
        #expect(series.patches.map(\.subject) == ["net: Müller first", "net: second"])
        #expect(series.patches.map(\.number) == [1, 2])
        #expect(series.patches[0].author == "Jürgen <j@example.org>")
        #expect(series.patches[0].message.contains("It is better so."))
        #expect(series.patches[0].files.map(\.name) == ["net/core/x.c"])
        #expect(series.notes.count == 2)
        #expect(series.baseCommit == "0123456789abcdef0123456789abcdef01234567")
        #expect(Files.names(in: scratch.path + "/cache/series") == [])
    }

    @Test func aFolderIsReadByItsNamesAndAPlainDiffIsAPatch() async throws {
        try scratch.write("d/0002-b.patch", mail("[PATCH 2/2] b", diff("three", "five")))
        try scratch.write("d/0001-a.patch", mail("[PATCH 1/2] a", diff()))
        try scratch.write("d/0000-cover-letter.patch", mail("[PATCH 0/2] all", ""))
        try scratch.write("d/notes.txt", "none")
        #expect(try await reader.read([scratch.path + "/d"]).patches.map(\.subject) == ["a", "b"])
        let plain = try scratch.write("fix-it.diff", "Some words.\n" + diff())
        let series = try await reader.read([plain])
        #expect(series.patches.map(\.subject) == ["fix-it"])
        #expect(series.patches[0].author == nil)
    }

    @Test(arguments: ["", "garbage\n", "From nobody\n\ngarbage\n", "From: a\nSubject: b\n\nno diff\n", "\u{0}\u{1}\u{2}\u{3}"])
    func anythingElseThanASeriesIsRefused(_ text: String) async throws { _ = try await refusal(text) }

    @Test func compressedFilesAndFoldersWithoutAndFilesThatAreNotThereAreRefused() async throws {
        try Data([0x1f, 0x8b, 8, 0, 1]).write(to: URL(fileURLWithPath: scratch.path + "/s.mbox.gz"))
        try scratch.write("none/x.txt", "")
        for (name, expected) in [("s.mbox.gz", "compressed"), ("none", "no patch in the folder"), ("gone", "there is no series")] {
            let path = scratch.path + "/" + name
            let error = await #expect(throws: HarnessError.self) { try await reader.read([path]) }
            #expect(error?.kind == .input)
            #expect(error?.message.contains(expected) == true)
        }
    }

    @Test func crLFOfAWholeMailIsTheTransportAndOfADiffARewrite() async throws {
        let text = mail("[PATCH] x", diff())
        let series = try await read(text.replacingOccurrences(of: "\n", with: "\r\n"))
        #expect(series.patches.map(\.diff) == [Array(diff().utf8)])
        let error = try await refusal(text.replacingOccurrences(of: diff(), with: diff().replacingOccurrences(of: "\n", with: "\r\n")))
        #expect(error.message.contains("CR LF"))
        #expect(error.hint?.contains("sed") == true)
    }

    @Test func aTruncatedMailIsNamed() async throws {
        let error = try await refusal(mail("[PATCH 1/2] first", diff()) + mail("[PATCH 2/2] second", diff()).components(separatedBy: " four\n")[0])
        #expect(error.message.contains("mail 2") && error.message.contains("truncated"))
        #expect(error.message.contains("second"))
    }

    @Test(arguments: [
        ([2, 1], 2, "out of order"), ([1, 3], 3, "out of order"), ([1, 1, 2], 2, "out of order"), ([2, 3], 3, "out of order"),
        ([1, 2], 3, "ends with patch 2 of 3"),
        ([1, 2, 3], 2, "the number 3/2"),
    ])
    func aSeriesOutOfOrderIsRefused(_ numbers: [Int], _ count: Int, _ expected: String) async throws {
        let error = try await refusal(numbers.map { mail("[PATCH \($0)/\(count)] p\($0)", diff()) }.joined())
        #expect(error.message.contains(expected), "\(error.message)")
    }

    @Test(arguments: [
        (["PATCH 1/2", "PATCH 2/2", "PATCH v2 1/2", "PATCH v2 2/2"], "v1, v2"), (["PATCHv2 1/1", "PATCHv3 1/1"], "v2, v3"),
        (["PATCH 1/3", "PATCH 2/3", "PATCH"], "a patch without a number"), (["PATCH 1/2", "PATCH 1/3", "PATCH 2/3", "PATCH 3/3"], "patch 1 of 3"),
    ])
    func aMixOfSeriesIsRefused(_ brackets: [String], _ expected: String) async throws {
        let error = try await refusal(brackets.map { mail("[\($0)] x", diff()) }.joined())
        #expect(error.message.contains(expected), "\(error.message)")
    }

    @Test func aSeriesMayFollowAnotherOfAnotherVersion() async throws {
        let series = try await read(
            ["PATCH 1/2] a", "PATCH 2/2] b", "PATCH v2 1/2] c", "PATCH v2 2/2] d"].map { mail("[\($0)", diff()) }.joined())
        #expect(series.patches.map(\.subject) == ["a", "b", "c", "d"])
    }

    @Test func aSignatureWithoutItsSpaceIsASignature() async throws {
        let text = mail("[PATCH] x", diff()).replacingOccurrences(of: "-- \n2.39", with: "--\n2.39")
        #expect(text.contains("\n--\n"))
        #expect(try await read(text).patches.count == 1)
    }

    @Test func severalSeriesInARowAndOnePatchOfManyAreAccepted() async throws {
        func text(_ numbers: [(Int, Int)]) -> String { numbers.map { mail("[PATCH \($0.0)/\($0.1)] p", diff()) }.joined() }
        #expect(try await read(text([(1, 2), (2, 2), (1, 1), (1, 2), (2, 2)])).patches.count == 5)
        #expect(try await read(text([(3, 7)])).patches.count == 1)
        let error = try await refusal(mail("[PATCH v1 1/1] p", diff()) + mail("[PATCH v2 1/1] p", diff()))
        #expect(error.message.contains("v1, v2"))
    }
}

@Suite struct SeriesRepositoryTests {
    private let scratch: TemporaryFolder
    private let cache: Cache

    init() throws {
        (scratch, cache) = try TemporaryFolder.withSource()
        try scratch.write("tree/net/core/old.c", "x\n")
    }

    private func apply(_ text: String, objects: String? = nil) async throws -> AppliedSeries {
        let series = try await SeriesReader(cache: cache).read([try scratch.write("s.mbox", text)])
        let place = scratch.path + "/place-" + UUID().uuidString
        return try await SeriesRepository(in: place, base: scratch.path + "/tree", name: "THE TREE", objects: objects).apply(series)
    }

    private func text(_ applied: AppliedSeries, _ count: Int, _ path: String) -> String? {
        applied.overlay(after: count)?.files[path]??.path.isEmpty == false ? Files.text(applied.overlay(after: count)?.files[path]??.path ?? "") : nil
    }

    private static let gone =
        "diff --git a/net/core/old.c b/net/core/old.c\ndeleted file mode 100644\n--- a/net/core/old.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    private static let new = "diff --git a/net/new/n.c b/net/new/n.c\nnew file mode 100644\n--- /dev/null\n+++ b/net/new/n.c\n@@ -0,0 +1 @@\n+n\n"

    @Test func eachStateHasTheChangesOfItsPatches() async throws {
        let before = try scratch.snapshot("tree")
        let applied = try await apply(
            mail("[PATCH 1/3] a", diff()) + mail("[PATCH 2/3] b", diff("three", "two")) + mail("[PATCH 3/3] c", Self.gone + Self.new))
        #expect(applied.overlay(after: 0) == nil)
        #expect(text(applied, 1, "net/core/x.c") == "one\nthree\nfour\n")
        // Back where it was: the source itself.
        #expect(applied.overlay(after: 2)?.files.isEmpty == true)
        #expect(applied.overlay(after: 3)?.files.keys.sorted() == ["net/core/old.c", "net/new/n.c"])
        #expect(applied.overlay(after: 3)?.files["net/core/old.c"] == .some(nil))
        #expect(text(applied, 3, "net/new/n.c") == "n\n")
        #expect(try scratch.snapshot("tree") == before)
    }

    @Test func aPatchThatDoesNotApplyIsNamedWithFileAndHunk() async throws {
        let bad = """
            diff --git a/net/core/x.c b/net/core/x.c
            --- a/net/core/x.c
            +++ b/net/core/x.c
            @@ -1,2 +1,2 @@
            -one
            +eins
             three
            @@ -3,1 +3,1 @@
            -vier
            +fuenf

            """
        let error = await #expect(throws: HarnessError.self) { try await apply(mail("[PATCH 1/2] a", diff()) + mail("[PATCH 2/2] b", bad)) }
        #expect(error?.kind == .input)
        #expect(error?.message == "patch 2 of 2, \"b\", does not apply to THE TREE: net/core/x.c, hunk 2 of 2 (line 3); the 1 before it did")
        let missing = await #expect(throws: HarnessError.self) { try await apply(mail("[PATCH] a", diff(file: "net/none.c"))) }
        #expect(missing?.message.contains("net/none.c") == true)
        #expect(missing?.message.contains("none applied") == true)
    }

    @Test func aPatchThatTheSourceHasIsReported() async throws {
        try scratch.write("tree/net/core/x.c", "one\nthree\nfour\n")
        let error = await #expect(throws: HarnessError.self) { try await apply(mail("[PATCH] a", diff())) }
        #expect(error?.hint?.contains("already has its changes") == true)
    }

    @Test func aLinkInThePathIsRefused() async throws {
        try FileManager.default.createSymbolicLink(atPath: scratch.path + "/tree/out", withDestinationPath: scratch.path)
        let error = await #expect(throws: HarnessError.self) {
            try await apply(mail("[PATCH] a", Self.new.replacingOccurrences(of: "net/new/n.c", with: "out/n.c")))
        }
        #expect(error?.message.contains("symbolic link") == true)
        #expect(scratch.text("n.c") == nil)
    }

    @Test func aThreeWayMergeIsTriedWhereTheBaseIsKnown() async throws {
        // The patch was made before line 1 changed; its base's blob is in the repository.
        let repository = scratch.path + "/tree"
        func git(_ arguments: [String]) async throws -> String {
            var command = GitTree.isolated(["-c", "user.name=a", "-c", "user.email=a@b"] + arguments)
            command.directory = repository
            return try await command.output()
        }
        let lines = (1...9).map { "line \($0)\n" }
        try scratch.write("tree/net/core/x.c", lines.joined())
        _ = try await git(["init", "-q"])
        _ = try await git(["add", "-A"])
        _ = try await git(["commit", "-q", "-m", "base"])
        try scratch.write("tree/net/core/x.c", lines.joined().replacingOccurrences(of: "line 5", with: "line five"))
        let patch = try await git(["diff"])
        try scratch.write("tree/net/core/x.c", lines.joined().replacingOccurrences(of: "line 2\n", with: "line two\nand more\n"))
        let objects = repository + "/.git/objects"
        let merged = try await apply(mail("[PATCH] a", patch), objects: objects)
        #expect(text(merged, 1, "net/core/x.c")?.contains("line two\nand more\n") == true)
        #expect(text(merged, 1, "net/core/x.c")?.contains("line five") == true)
        #expect(merged.states[0].note == "a three-way merge was needed")
        await #expect(throws: HarnessError.self) { try await apply(mail("[PATCH] a", patch)) }
        try scratch.write("tree/net/core/x.c", lines.joined().replacingOccurrences(of: "line 5", with: "line V"))
        let conflict = await #expect(throws: HarnessError.self) { try await apply(mail("[PATCH] a", patch), objects: objects) }
        #expect(conflict?.hint?.contains("conflict") == true)
    }
}
