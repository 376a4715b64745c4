// SPDX-License-Identifier: GPL-2.0

import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Harness

/// base-commit, compared with every kind of source.
@Suite struct SeriesBaseTests {
    private let fake: FakeKernel

    init() throws { fake = try FakeKernel() }

    @discardableResult
    private func git(_ arguments: [String], in folder: String? = nil) async throws -> String {
        var command = GitTree.isolated(["-c", "user.name=a", "-c", "user.email=a@b"] + arguments)
        command.directory = folder ?? fake.tree
        return try await command.output().trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Three commits, the second tagged v9.1, and one on a branch beside them.
    private func history() async throws -> (first: String, second: String, head: String, beside: String) {
        try await git(["init", "-q", "-b", "main"])
        try await git(["add", "-A"])
        var commits: [String] = []
        for number in 1...3 {
            try fake.scratch.write("tree/main.c", "int n\(number);\n")
            try await git(["commit", "-q", "-a", "-m", "\(number)"])
            commits.append(try await git(["rev-parse", "HEAD"]))
        }
        try await git(["tag", "v9.1", commits[1]])
        try await git(["checkout", "-q", "-b", "beside", commits[1]])
        try fake.scratch.write("tree/main.c", "int beside;\n")
        try await git(["commit", "-q", "-a", "-m", "beside"])
        let beside = try await git(["rev-parse", "HEAD"])
        try await git(["checkout", "-q", "main"])
        return (commits[0], commits[1], commits[2], beside)
    }

    private func note(_ base: SeriesBase, on source: String? = nil, here: String = "/") async throws -> String? {
        let resolved = try await KernelSource(cache: fake.cache, progress: .discarded).resolve(source ?? fake.tree)
        return await base.note(on: resolved, here: here)
    }

    private func short(_ commit: String) -> String { String(commit.prefix(12)) }

    @Test func aSeriesThatSaysNothingHasNoNote() async throws {
        #expect(try await note(SeriesBase()) == nil)
    }

    @Test func headIsTheBase() async throws {
        let commits = try await history()
        let text = "\(fake.tree) is at the base-commit of the series, \(short(commits.head))"
        #expect(try await note(SeriesBase(commit: commits.head)) == text)
        #expect(try await note(SeriesBase(commit: short(commits.head))) == text)
        try fake.scratch.write("tree/main.c", "int edited;\n")
        #expect(try await note(SeriesBase(commit: commits.head)) == text + ", with changes that are not committed")
    }

    @Test func headIsADescendantOfTheBase() async throws {
        let commits = try await history()
        let at = "\(fake.tree) is at \(short(commits.head))"
        #expect(
            try await note(SeriesBase(commit: commits.second))
                == "\(at), 1 commit after the base-commit of the series, \(short(commits.second)) (v9.1)")
        #expect(try await note(SeriesBase(commit: commits.first)) == "\(at), 2 commits after the base-commit of the series, \(short(commits.first))")
    }

    @Test func aCommitIsComparedAndNotTheWorkTree() async throws {
        let commits = try await history()
        let source = fake.tree + "@" + commits.second
        #expect(
            try await note(SeriesBase(commit: commits.second), on: source)
                == "\(fake.tree) is at the base-commit of the series, \(short(commits.second))")
        #expect(try await note(SeriesBase(commit: commits.head), on: source)?.contains("does not contain the base-commit") == true)
    }

    @Test func headDoesNotContainTheBase() async throws {
        let commits = try await history()
        let text = try #require(try await note(SeriesBase(commit: commits.beside)))
        #expect(
            text.hasPrefix(
                "\(fake.tree) is at \(short(commits.head)), which does not contain the base-commit of the series, \(short(commits.beside)) (v9.1-1-g")
        )
        #expect(text.contains("--kernel \(fake.tree)@\(short(commits.beside)) is the source"))
    }

    @Test func theRepositoryDoesNotHaveTheBase() async throws {
        let commits = try await history()
        let base = String(repeating: "0123456789", count: 4)
        let text = try await note(SeriesBase(commit: base, tree: "net-next"))
        #expect(
            text
                == "the base-commit of the series, 012345678901, is not in the repository of \(fake.tree): it is a commit of another tree (net-next), or not fetched yet; \(fake.tree) is at \(short(commits.head))"
        )
    }

    @Test func aShallowCloneIsNotComparedSilently() async throws {
        let commits = try await history()
        let clone = fake.scratch.path + "/shallow"
        try await git(["clone", "-q", "--depth=1", "file://" + fake.tree, clone])
        let text = try #require(try await note(SeriesBase(commit: commits.first), on: clone))
        #expect(text.contains("is not in the repository of \(clone): the clone is shallow"))
    }

    @Test func aSourceWithoutHistoryCannotBeCompared() async throws {
        let commits = try await history()
        let tarball = fake.scratch.path + "/k.tar"
        try await Command("tar", ["-C", fake.scratch.path, "--exclude=.git", "-cf", tarball, "tree"]).output()
        let base = SeriesBase(commit: commits.second, tree: "net")
        let text =
            "the base-commit of the series, \(short(commits.second)), cannot be compared with \(tarball), which has no history; the series is for net, by its subjects"
        #expect(try await note(base, on: tarball) == text)
        // The command runs in a git tree that has the commit.
        let below = try fake.scratch.makeFolder("tree/net/core")
        #expect(try await note(base, on: tarball, here: below) == text + "; in \(fake.tree) it is v9.1")
    }

    @Test func theTreeInTheSubjectsIsNamed() async throws {
        #expect(try await note(SeriesBase(tree: "net-next")) == "the series is for net-next, by its subjects; it is put on \(fake.tree)")
    }

    @Test func theBranchIsCompared() async throws {
        let commits = try await history()
        let at = "\(fake.tree) is at \(short(commits.head))"
        let base = short(commits.beside)
        #expect(
            try await note(SeriesBase(tree: "net", branch: "beside"))?.hasPrefix(
                "\(at), which does not contain the branch of the series, beside, at \(base) (v9.1-1-g") == true)
        #expect(
            try await note(SeriesBase(branch: "main")) == "\(fake.tree) is at the branch of the series, main, at \(short(commits.head))")
        // The commit says more than the branch.
        let text = "\(fake.tree) is at the base-commit of the series, \(short(commits.head))"
        #expect(try await note(SeriesBase(commit: commits.head, branch: "beside")) == text)
        let unknown = "the series is for net-next/main, by its base-branch; it is put on \(fake.tree)"
        #expect(try await note(SeriesBase(tree: "net", branch: "net-next/main")) == unknown)
    }

    /// A branch that git would take for an option, or for something else than a name.
    @Test(arguments: ["--help", "-x", "a..b", "HEAD~1", "@{-1}", "a b", "\u{1b}[1m"]) func aBranchThatIsNoName(_ text: String) async throws {
        _ = try await history()
        var stated = PatchBase()
        stated.read(Array("base-branch: \(text)\n".utf8))
        let note = try await note(SeriesBase(stated))
        #expect(note == nil || note == "the series is for a..b, by its base-branch; it is put on \(fake.tree)")
    }

    @Test func whatTheMailsState() {
        var stated = PatchBase()
        stated.read(Array("base-commit: 0123456789ab\nbase-tree: net-next\nprerequisite-patch-id: 1\n".utf8))
        stated.trees = ["net-next", "bpf"]
        #expect(SeriesBase(stated) == SeriesBase(commit: "0123456789ab", tree: "net-next", branch: "net-next"))
    }

    /// The line is printed by everything that applies a series, and the series is applied in any case.
    @Test func theNoteIsPrintedAndTheSeriesIsApplied() async throws {
        let commits = try await history()
        let mail = try fake.scratch.write(
            "a.patch",
            """
            From: A <a@b>
            Subject: [PATCH] change it

            ---
            diff --git a/main.c b/main.c
            --- a/main.c
            +++ b/main.c
            @@ -1 +1 @@
            -int n3;
            +int patched;

            base-commit: \(commits.first)
            --\u{20}
            2.39.5

            """)
        let lines = Mutex<[String]>([])
        var request = KernelRequest(source: fake.tree)
        request.series = [mail]
        let build = try await fake.builder(progress: Harness.Progress { line in lines.withLock { $0.append(line) } }).build(request)
        #expect(Files.text(build.vmlinux)?.hasSuffix("int patched;\n") == true)
        let expected = "\(fake.tree) is at \(short(commits.head)), 2 commits after the base-commit of the series, \(short(commits.first))"
        #expect(lines.withLock { $0 }.contains(expected))
    }
}
