// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
import Testing

@testable import Harness

/// A small diff of net/core/x.c, which has three lines.
private func diff(_ old: String = "two", _ new: String = "three", file: String = "net/core/x.c") -> String {
    """
    diff --git a/\(file) b/\(file)
    --- a/\(file)
    +++ b/\(file)
    @@ -1,3 +1,3 @@
     one
    -\(old)
    +\(new)
     four

    """
}

private func mail(_ subject: String, _ diff: String, from: String = "A Developer <a@example.org>") -> String {
    """
    From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001
    From: \(from)
    Date: Sun, 22 Nov 2026 12:00:00 +0000
    Subject: \(subject)

    It is better so.

    Signed-off-by: A Developer <a@example.org>
    ---
     net/core/x.c | 2 +-

    \(diff)--\u{20}
    2.39.5


    """
}

@Suite struct PatchDiffTests {
    private func files(_ text: String) throws -> [PatchDiff.File] { try PatchDiff.files(Array(text.utf8)) }

    @Test func editsCreationsRemovalsRenamesAndModesAreTold() throws {
        let text = diff() + """
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

    @Test func binaryPartsAreNoHunks() throws {
        let text = "diff --git a/b.bin b/b.bin\nnew file mode 100644\nindex 000..123\nGIT binary patch\nliteral 3\nKcmZQzU|?imU|;|M\n\nliteral 0\nHcmV?d00001\n\n" + diff()
        #expect(try files(text).map(\.name) == ["b.bin", "net/core/x.c"])
    }

    @Test(arguments: [
        "a/../../etc/passwd", "a//etc/passwd", "/etc/passwd", "a/./x.c", "a/.git/config", "a/net/.GIT/config", "a/", "x.c", "a/net/..", "\"a/x.c\"",
    ])
    func pathsThatLeaveTheTreeAreRefused(_ path: String) {
        let text = "--- \(path)\n+++ \(path)\n@@ -1 +1 @@\n-a\n+b\n"
        let error = #expect(throws: PatchDiff.Malformed.self) { try files(text) }
        #expect(error?.what.contains("path") == true)
        let renamed = path.hasPrefix("a/") ? String(path.dropFirst(2)) : path
        if renamed != "x.c" {
            #expect(throws: PatchDiff.Malformed.self) { try files("diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to \(renamed)\n") }
        }
    }

    @Test(arguments: [
        ("-1,3 +1,3", "-1,9 +1,9", "cut short"), ("-1,3 +1,3", "-1,2 +1,2", "more lines"), ("-1,3 +1,3", "-x +y", "first line"), ("-two", "two", "mailer"),
        ("-1,3 +1,3", "-99999999999999999999,3 +1,3", "first line"), ("@@ -1,3 +1,3 @@\n one\n-two\n+three\n four\n", "", "no hunk"), ("\n", "\r\n", "CR LF"),
        ("--- a/net/core/x.c\n+++ b/net/core/x.c\n", "", "hunk"),
    ])
    func aDiffThatIsNoneIsRefused(_ what: String, _ with: String, _ says: String) {
        let error = #expect(throws: PatchDiff.Malformed.self) { try files(diff().replacingOccurrences(of: what, with: with)) }
        if !says.isEmpty { #expect(error?.what.contains(says) == true, "\(error?.what ?? "")") }
    }

    @Test func aFileIsNotRemovedAndEdited() {
        let gone = "diff --git a/net/core/x.c b/net/core/x.c\ndeleted file mode 100644\n--- a/net/core/x.c\n+++ /dev/null\n@@ -1,3 +0,0 @@\n-one\n-two\n-four\n"
        for text in [diff() + gone, gone + diff()] {
            let error = #expect(throws: PatchDiff.Malformed.self) { try files(text) }
            #expect(error?.what == "it removes net/core/x.c and edits it as well")
        }
        #expect(throws: PatchDiff.Malformed.self) { try files("") }
        #expect(throws: PatchDiff.Malformed.self) { try files("no diff\n") }
    }

    @Test(arguments: 0..<300)
    func garbageIsRefusedAndNeverTraps(_ seed: Int) {
        var random = SplitMix(state: UInt64(seed))
        var bytes = Array((diff() + diff(file: "net/y.c")).utf8)
        for _ in 0...Int.random(in: 0..<6, using: &random) { bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random) }
        bytes.removeSubrange(Int.random(in: 0..<bytes.count, using: &random)...)
        _ = try? PatchDiff.files(bytes)
    }
}

@Suite struct PatchSubjectTests {
    @Test func bracketsAreRead() {
        let subject = PatchSubject("[PATCH net-next v3 02/20] net: page pool: [sic] rework")
        #expect(subject.text == "net: page pool: [sic] rework")
        #expect((subject.number, subject.count, subject.version) == (2, 20, 3))
        #expect(!subject.isReply)
        #expect(PatchSubject("Re: [PATCH 1/2] x").isReply)
        #expect(PatchSubject("[RFC,v2,3/4] x") == PatchSubject("[v2] [3/4]  x"))
        for text in ["", "[", "[]", "plain", "[PATCH 3/x] y", "[-1/2] z"] { #expect(PatchSubject(text).number == nil) }
    }
}

@Suite struct SeriesReaderTests {
    private let scratch: Scratch
    private let reader: SeriesReader

    init() throws {
        scratch = try Scratch()
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
            mail("[PATCH v2 0/2] the series", "").replacingOccurrences(of: "---\n", with: "base-commit: 0123456789abcdef0123456789abcdef01234567\n---\n")
                + mail("[PATCH v2 1/2] net: =?UTF-8?q?M=C3=BCller?= first", diff(), from: "=?UTF-8?q?J=C3=BCrgen?= <j@example.org>")
                + mail("Re: [PATCH v2 1/2] net: first", "> -two\n> +three\nLooks good\n") + mail("[PATCH v2 2/2] net: second", diff("three", "five")))
        #expect(series.patches.map(\.subject) == ["net: Müller first", "net: second"])
        #expect(series.patches.map(\.number) == [1, 2])
        #expect(series.patches[0].author == "Jürgen <j@example.org>")
        #expect(series.patches[0].message.contains("It is better so."))
        #expect(series.patches[0].files.map(\.name) == ["net/core/x.c"])
        #expect(series.notes.count == 2)
        #expect(series.baseCommit == "0123456789abcdef0123456789abcdef01234567")
        #expect(Disk.names(in: scratch.path + "/cache/series") == [])
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
    func whatIsNoSeriesIsRefused(_ text: String) async throws { _ = try await refusal(text) }

    @Test func compressedFilesAndFoldersWithoutAndFilesThatAreNotThereAreRefused() async throws {
        try Data([0x1f, 0x8b, 8, 0, 1]).write(to: URL(fileURLWithPath: scratch.path + "/s.mbox.gz"))
        try scratch.write("none/x.txt", "")
        for (name, says) in [("s.mbox.gz", "compressed"), ("none", "no patch in the folder"), ("gone", "there is no series")] {
            let path = scratch.path + "/" + name
            let error = await #expect(throws: HarnessError.self) { try await reader.read([path]) }
            #expect(error?.kind == .input)
            #expect(error?.message.contains(says) == true)
        }
    }

    @Test func aPatchWithCRLFIsRefusedWithWhatToDo() async throws {
        let text = mail("[PATCH] x", diff())
        for crlf in [text.replacingOccurrences(of: "\n", with: "\r\n"), text.replacingOccurrences(of: diff(), with: diff().replacingOccurrences(of: "\n", with: "\r\n"))] {
            let error = try await refusal(crlf)
            #expect(error.message.contains("CR LF"))
            #expect(error.hint?.contains("sed") == true)
        }
    }

    @Test func aMailThatIsCutShortIsNamed() async throws {
        let error = try await refusal(mail("[PATCH 1/2] first", diff()) + mail("[PATCH 2/2] second", diff()).components(separatedBy: " four\n")[0])
        #expect(error.message.contains("mail 2") && error.message.contains("cut short"))
        #expect(error.message.contains("second"))
    }

    @Test(arguments: [
        ([2, 1], 2, "out of order"), ([1, 3], 3, "out of order"), ([1, 1, 2], 2, "out of order"), ([2, 3], 3, "out of order"), ([1, 2], 3, "ends with patch 2 of 3"),
        ([1, 2, 3], 2, "patch 3 of 2"),
    ])
    func aSeriesOutOfOrderIsRefused(_ numbers: [Int], _ count: Int, _ says: String) async throws {
        let error = try await refusal(numbers.map { mail("[PATCH \($0)/\(count)] p\($0)", diff()) }.joined())
        #expect(error.message.contains(says), "\(error.message)")
    }

    @Test func severalSeriesInARowAndOnePatchOfManyAreTaken() async throws {
        func text(_ numbers: [(Int, Int)]) -> String { numbers.map { mail("[PATCH \($0.0)/\($0.1)] p", diff()) }.joined() }
        #expect(try await read(text([(1, 2), (2, 2), (1, 1), (1, 2), (2, 2)])).patches.count == 5)
        #expect(try await read(text([(3, 7)])).patches.count == 1)
        let error = try await refusal(mail("[PATCH v1 1/1] p", diff()) + mail("[PATCH v2 1/1] p", diff()))
        #expect(error.message.contains("v1, v2"))
    }
}

@Suite struct SeriesRepositoryTests {
    private let scratch: Scratch
    private let cache: Cache

    init() throws {
        scratch = try Scratch()
        cache = Cache(root: scratch.path + "/cache")
        try scratch.write("tree/Makefile", "VERSION = 7\nPATCHLEVEL = 3\n")
        try scratch.write("tree/Kconfig", "")
        try scratch.write("tree/net/core/x.c", "one\ntwo\nfour\n")
        try scratch.write("tree/net/core/old.c", "x\n")
    }

    private func apply(_ text: String, objects: String? = nil) async throws -> AppliedSeries {
        let series = try await SeriesReader(cache: cache).read([try scratch.write("s.mbox", text)])
        let place = scratch.path + "/place-" + UUID().uuidString
        return try await SeriesRepository(in: place, base: scratch.path + "/tree", name: "THE TREE", objects: objects).apply(series)
    }

    private func text(_ applied: AppliedSeries, _ count: Int, _ path: String) -> String? {
        applied.overlay(after: count)?.files[path]??.path.isEmpty == false ? Disk.text(applied.overlay(after: count)?.files[path]??.path ?? "") : nil
    }

    private static let gone = "diff --git a/net/core/old.c b/net/core/old.c\ndeleted file mode 100644\n--- a/net/core/old.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    private static let new = "diff --git a/net/new/n.c b/net/new/n.c\nnew file mode 100644\n--- /dev/null\n+++ b/net/new/n.c\n@@ -0,0 +1 @@\n+n\n"

    @Test func eachStateHasWhatItsPatchesMade() async throws {
        let before = try scratch.snapshot("tree")
        let applied = try await apply(mail("[PATCH 1/3] a", diff()) + mail("[PATCH 2/3] b", diff("three", "two")) + mail("[PATCH 3/3] c", Self.gone + Self.new))
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

    @Test func whatIsThereAlreadyIsSaid() async throws {
        try scratch.write("tree/net/core/x.c", "one\nthree\nfour\n")
        let error = await #expect(throws: HarnessError.self) { try await apply(mail("[PATCH] a", diff())) }
        #expect(error?.hint?.contains("in that source already") == true)
    }

    @Test func aLinkOnTheWayIsRefused() async throws {
        try FileManager.default.createSymbolicLink(atPath: scratch.path + "/tree/out", withDestinationPath: scratch.path)
        let error = await #expect(throws: HarnessError.self) { try await apply(mail("[PATCH] a", Self.new.replacingOccurrences(of: "net/new/n.c", with: "out/n.c"))) }
        #expect(error?.message.contains("symbolic link") == true)
        #expect(scratch.text("n.c") == nil)
    }

    @Test func aThreeWayMergeIsTriedWhereTheBaseIsKnown() async throws {
        // The patch was made before line 1 changed; its base's blob is in the repository.
        let repository = scratch.path + "/tree"
        func git(_ arguments: [String]) async throws -> String {
            var command = GitTree.alone(["-c", "user.name=a", "-c", "user.email=a@b"] + arguments)
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
        #expect(merged.states[0].note == "it took a three-way merge")
        await #expect(throws: HarnessError.self) { try await apply(mail("[PATCH] a", patch)) }
        try scratch.write("tree/net/core/x.c", lines.joined().replacingOccurrences(of: "line 5", with: "line V"))
        let conflict = await #expect(throws: HarnessError.self) { try await apply(mail("[PATCH] a", patch), objects: objects) }
        #expect(conflict?.hint?.contains("conflict") == true)
    }
}

@Suite struct OverlayTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
        try scratch.write("tree/Makefile", "VERSION = 7\nPATCHLEVEL = 3\n")
        try scratch.write("tree/Kconfig", "")
        try scratch.write("tree/net/x.c", "one\n")
        try scratch.write("tree/net/y.c", "why\n")
        try scratch.write("over/net/x.c", "two\n")
        try scratch.write("over/net/new/n.h", "n\n")
    }

    private func overlay() throws -> Overlay { try Overlay(["net/x.c", "net/new/n.h", "net/y.c"], in: scratch.path + "/over") }

    private func copy(_ identity: String = "one") async throws -> OverlaidCopy {
        try await OverlaidCopy(of: scratch.path + "/tree", at: scratch.path + "/copy", identity: identity, progress: .silent) {}
    }

    @Test func aCopyTakesOneOverlayAfterAnother() async throws {
        let before = try scratch.snapshot("tree")
        let copy = try await copy()
        try copy.put(try overlay())
        #expect(scratch.text("copy/net/x.c") == "two\n")
        #expect(scratch.text("copy/net/new/n.h") == "n\n")
        #expect(scratch.text("copy/net/y.c") == nil)
        // What is there already is not written again: make would compile it again.
        scratch.age("copy/net/x.c")
        let old = try #require(FileStatus(scratch.path + "/copy/net/x.c")?.modified)
        try copy.put(try Overlay(["net/x.c"], in: scratch.path + "/over"))
        #expect(FileStatus(scratch.path + "/copy/net/x.c")?.modified == old)
        #expect(scratch.text("copy/net/y.c") == "why\n")
        #expect(!Disk.isFolder(scratch.path + "/copy/net/new"))
        try copy.put(Overlay())
        #expect(scratch.text("copy/net/x.c") == "one\n")
        #expect((FileStatus(scratch.path + "/copy/net/x.c")?.modified ?? 0) > old)
        #expect(try scratch.snapshot("tree") == before)
    }

    @Test func whatAKilledRunLeftIsUndone() async throws {
        try await copy().put(try overlay())
        try scratch.write("copy/net/x.c", "half")
        try await copy().put(Overlay())
        #expect(scratch.text("copy/net/x.c") == "one\n")
        #expect(scratch.text("copy/net/y.c") == "why\n")
        try await copy("another").put(Overlay())
        #expect(scratch.text("copy/net/x.c") == "one\n")
    }

    @Test func aMirrorTakesItToo() async throws {
        let before = try scratch.snapshot("tree")
        let paths = try TreeScan.sources(scratch.path + "/tree")
        var index = try await TreeScan.refresh(TreeIndex(), root: scratch.path + "/tree", paths: paths)
        let plain = index.contentKey
        func mirror(_ overlay: Overlay?) async throws -> Int {
            let (next, changes) = try await TreeMirror(origin: scratch.path + "/tree", folder: scratch.path + "/mirror", overlay: overlay).sync(index)
            index = next
            return changes
        }
        _ = try await mirror(nil)
        _ = try await mirror(try overlay())
        #expect(scratch.text("mirror/net/x.c") == "two\n")
        #expect(scratch.text("mirror/net/new/n.h") == "n\n")
        #expect(scratch.text("mirror/net/y.c") == nil)
        // The index goes on saying what the tree is.
        #expect(index.contentKey == plain)
        #expect(index.with(try overlay()).contentKey != plain)
        let old = try #require(FileStatus(scratch.path + "/mirror/net/x.c")?.modified)
        _ = try await mirror(try overlay())
        #expect(FileStatus(scratch.path + "/mirror/net/x.c")?.modified == old)
        _ = try await mirror(nil)
        #expect(scratch.text("mirror/net/x.c") == "one\n")
        #expect(scratch.text("mirror/net/y.c") == "why\n")
        #expect(!Disk.isFolder(scratch.path + "/mirror/net/new"))
        #expect(try await mirror(nil) == 0)
        #expect(try scratch.snapshot("tree") == before)
    }

    @Test func whatItTouchesDecidesWhatIsMadeAgain() throws {
        try scratch.write("over/Kconfig", "config X\n")
        let plain = TreeInputs(immutable: "id")
        let code = try Overlay(["net/x.c"], in: scratch.path + "/over").inputs(over: "id")
        let other = try Overlay(["net/x.c"], in: scratch.path + "/tree").inputs(over: "id")
        #expect(code == other)
        let kconfig = try Overlay(["Kconfig"], in: scratch.path + "/over").inputs(over: "id")
        #expect(kconfig.configuration != plain.configuration)
        #expect(Overlay().inputs(over: "id") == plain)
        #expect(try overlay().key != Overlay(["net/x.c"], in: scratch.path + "/over").key)
    }
}

@Suite struct SeriesTableTests {
    private func result(_ verdict: ScenarioResult.Verdict, _ scenario: String = "zcrx.held", _ message: String = "I7 x: pool", pools: [PoolAccount] = []) -> ScenarioResult {
        ScenarioResult(
            scenario: scenario, tier: .netdevsim, provider: .zcrx, verdict: verdict, findings: verdict == .fail ? [Finding(oracle: "trace", message: message)] : [], accounts: pools)
    }

    private func patch(_ number: Int, _ verdict: PatchResult.Verdict, _ results: [ScenarioResult] = [], warnings: [String] = []) -> PatchResult {
        var patch = PatchResult(number: number, subject: "p\(number)", verdict: verdict)
        patch.failures = results.compactMap(PatchResult.Failure.init)
        patch.warnings = warnings
        return patch
    }

    @Test func theFirstToBreakIsTheOneThatBringsAFailure() {
        let table = SeriesTable(source: "s", [patch(0, .passed), patch(1, .passed), patch(2, .failed, [result(.fail)]), patch(3, .failed, [result(.fail), result(.fail, "zcrx.idle")])])
        #expect(table.firstToBreak?.number == 2)
        #expect(table.firstToBreak?.what.contains("zcrx.held  trace: I7 x") == true)
        #expect(table.exitCode == .failed)
    }

    @Test func whatFailedBeforeIsNoPatchsFaultUnlessItFailsOtherwise() {
        let same = SeriesTable(source: "s", [patch(0, .failed, [result(.fail)]), patch(1, .failed, [result(.fail)])])
        #expect(same.firstToBreak == nil)
        #expect(same.exitCode == .failed)
        let other = SeriesTable(source: "s", [patch(0, .failed, [result(.fail)]), patch(1, .failed, [result(.fail, "zcrx.held", "I2 y: pool")])])
        #expect(other.firstToBreak?.number == 1)
    }

    @Test func aKnownBugIsThePatchsWhereItWasGone() {
        func known(_ number: Int, _ scenarios: [String], _ verdict: PatchResult.Verdict = .passed) -> PatchResult {
            var result = patch(number, verdict)
            result.xfailed = scenarios
            return result
        }
        let back = SeriesTable(source: "s", [known(0, []), known(1, []), known(2, ["a"])])
        #expect(back.firstToBreak?.number == 2 && back.firstToBreak?.what.hasPrefix("a ") == true && back.exitCode == .failed)
        let there = SeriesTable(source: "s", [known(0, ["a"]), known(1, ["a"]), known(2, [])])
        #expect(there.firstToBreak == nil && there.exitCode == .passed)
        #expect(SeriesTable(source: "s", [known(0, [], .skipped), known(1, ["a"])]).firstToBreak == nil)
    }

    @Test func buildsBootsAndWarningsBreakToo() {
        #expect(SeriesTable(source: "s", [patch(0, .passed), patch(1, .doesNotBuild), patch(2, .passed)]).firstToBreak?.what == "does not build")
        #expect(SeriesTable(source: "s", [patch(0, .passed), patch(1, .doesNotBoot)]).firstToBreak?.what == "does not boot")
        let warned = SeriesTable(source: "s", [patch(0, .passed), patch(1, .passed, warnings: ["x.c: unused"])])
        #expect(warned.firstToBreak?.what == "a new warning: x.c: unused")
        #expect(warned.exitCode == .failed)
        #expect(SeriesTable(source: "s", [patch(0, .passed), patch(1, .passed)]).exitCode == .passed)
        #expect(SeriesTable(source: "s", [patch(0, .skipped), patch(1, .skipped)]).exitCode == .nothingRan)
    }

    @Test func warningsAreKnownWithoutTheirLines() {
        let log = "  CC x.o\n/s/net/x.c:12:3: warning: unused variable 'a' [-Wunused]\n/s/net/x.c:14:3: warning: unused variable 'a' [-Wunused]\nld: warning: odd\nerror: no\n"
        #expect(CompilerWarnings.of(log) == ["/s/net/x.c: unused variable 'a' [-Wunused]", "ld: odd"])
    }

    @Test func aComparisonShowsWhatChanged() {
        func account(_ peak: UInt64, _ drain: UInt64) -> PoolAccount {
            PoolAccount(pool: 1, provider: .zcrx, holds: peak, releases: peak, netIovHolds: peak, netIovReleases: peak, peakInflight: peak, freed: true, drainTime: drain)
        }
        let before = [result(.pass, "a", pools: [account(100, 1000)]), result(.fail, "b"), result(.pass, "c"), result(.skip, "d")]
        let after = [result(.pass, "a", pools: [account(300, 9000)]), result(.fail, "b"), result(.fail, "c"), result(.skip, "d")]
        let comparison = SeriesComparison(source: "s", before: before, after: after)
        #expect(comparison.changes.map(\.scenario) == ["c"])
        #expect(comparison.changes[0].isWorse)
        #expect(comparison.pools.first?.after.longestDrain == 9000)
        #expect(comparison.peaks.map(\.after) == [300])
        #expect(comparison.exitCode == .failed)
        #expect(SeriesComparison(source: "s", before: after, after: before).exitCode == .passed)
        // What a version is known for is worse where the series brought it, and only there.
        for (was, isWorse) in [(ScenarioResult.Verdict.pass, true), (.fail, false), (.skip, false)] {
            #expect(SeriesComparison(source: "s", before: [result(was, "a")], after: [result(.xfail, "a")]).changes.map(\.isWorse) == [isWorse])
        }
        #expect(SeriesComparison(source: "s", before: [], after: []).exitCode == .nothingRan)
    }
}
