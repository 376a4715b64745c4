// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

@Suite struct CommitHistoryTests {
    private let scratch: TemporaryFolder

    init() async throws {
        scratch = try TemporaryFolder()
        try scratch.write("tree/Makefile", "VERSION = 7\nPATCHLEVEL = 3\n")
        try scratch.write("tree/Kconfig", "")
        try scratch.write("tree/net/x.c", "0\n")
        try await git(["init", "-q", "-b", "main"])
        for number in 0..<8 {
            try scratch.write("tree/net/x.c", "\(number)\n")
            if number == 3 { try scratch.write("tree/net/new.h", "n\n") }
            try await git(["add", "-A"])
            try await git(["commit", "-q", "-m", "commit \(number)"])
            try await git(["tag", "c\(number)"])
        }
    }

    @discardableResult
    private func git(_ arguments: [String]) async throws -> String {
        var command = GitTree.isolated(["-c", "user.name=A Developer", "-c", "user.email=a@example.org"] + arguments)
        command.directory = scratch.path + "/tree"
        return try await command.output()
    }

    private func history() throws -> CommitHistory { try CommitHistory(KernelRequest(source: scratch.path + "/tree", profile: "debug")) }

    @Test func aRangeIsThatOfGit() async throws {
        let history = try history()
        let (old, new) = (try await history.resolve("c0"), try await history.resolve("c7"))
        let range = try await history.range(bad: new, good: [old])
        #expect(range.commits.count == 7)
        let middle = try #require(range.choice(bad: new, skipped: []))
        #expect(["commit 3", "commit 4"].contains(try await history.describe(middle).subject))
        #expect(try await history.describe(new).author == "A Developer <a@example.org>")
        #expect(try await history.contained(in: history.resolve("c2"), good: old).count == 2)
        #expect(try await history.isAncestor(old, of: new))
        #expect(try await !history.isAncestor(new, of: old))
        #expect(history.words(new) == ["--kernel", scratch.path + "/tree@" + new.prefix(12), "--profile", "debug"])
        for bad in ["", "-x", "none", "c9"] {
            let error = await #expect(throws: HarnessError.self) { try await history.resolve(bad) }
            #expect(error?.kind == .input)
        }
        #expect(throws: HarnessError.self) { try CommitHistory(KernelRequest(source: scratch.path)) }
    }

    @Test func aCheckoutSwitchesCommitsAndDoesNotChangeTheTree() async throws {
        try scratch.write("tree/net/x.c", "edited\n")
        let before = try scratch.snapshot("tree")
        let cache = Cache(root: scratch.path + "/cache")
        let source = KernelSource(cache: cache, progress: .discarded)
        let history = try history()
        func place(_ name: String) async throws -> (folder: String, inputs: TreeInputs) {
            let (folder, named, inputs) = try await source.materialize(try await history.source(try await history.resolve(name)))
            #expect(named.identity == "git:" + (try await history.resolve(name)))
            return (folder, inputs)
        }
        let (folder, inputs) = try await place("c7")
        #expect(Files.text(folder + "/net/x.c") == "7\n")
        #expect(Files.text(folder + "/net/new.h") == "n\n")
        scratch.age(String(folder.dropFirst(scratch.path.count + 1)) + "/Kconfig")
        let old = FileStatus(folder + "/Kconfig")?.modified
        let second = try await place("c2")
        #expect(second.folder == folder)
        #expect(Files.text(folder + "/net/x.c") == "2\n")
        #expect(Files.text(folder + "/net/new.h") == nil)
        // A file that does not differ is not written: make would compile it again.
        #expect(FileStatus(folder + "/Kconfig")?.modified == old)
        #expect(second.inputs.configuration != inputs.configuration)  // a file was added
        let third = try await place("c1")
        #expect(third.inputs == second.inputs)
        // The files of a git or a ppiov that was killed.
        try Files.write("", to: folder + ".git/index.lock")
        try Files.write("x", to: folder + ".busy")
        try Files.write("half", to: folder + "/net/x.c")
        try Files.write("stray", to: folder + "/net/stray.c")
        _ = try await place("c5")
        #expect(Files.text(folder + "/net/x.c") == "5\n")
        #expect(Files.text(folder + "/net/stray.c") == nil)
        #expect(try scratch.snapshot("tree") == before)
    }

    @Test func aCommitIsNamedWithAnAt() async throws {
        let source = KernelSource(cache: Cache(root: scratch.path + "/cache"), progress: .discarded)
        let named = try await source.resolve(scratch.path + "/tree@c4")
        #expect(named.identity == "git:" + (try await history().resolve("c4")))
        await #expect(throws: HarnessError.self) { try await source.resolve(scratch.path + "/tree@none") }
        await #expect(throws: HarnessError.self) { try await source.resolve(scratch.path + "/none@c4") }
    }
}
