// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

/// A git tree is named by the content of its files (docs/trees.md): nothing that hides an edit from `git status` hides it here.
@Suite struct GitTreeTests {
    @Test func aCleanTreeHasTheIdentityOfItsCommit() async throws {
        let kernel = try await GitKernel(files: ["old name.c": "x"])
        try FileManager.default.createSymbolicLink(atPath: kernel.tree + "/link", withDestinationPath: "main.c")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: kernel.tree + "/Kconfig")
        try await kernel.commit("a link")
        let clean = try await kernel.identity()
        #expect(clean == "git:" + (try await kernel.git(["rev-parse", "HEAD"])).trimmingCharacters(in: .newlines))
        kernel.scratch.age("tree/Makefile")
        try kernel.scratch.write("tree/ignored.o", "x")
        #expect(try await kernel.identity() == clean)
        let copy = try await kernel.copy()
        #expect(Files.names(in: copy) == [".gitignore", "Kconfig", "Makefile", "link", "main.c", "old name.c"])
        // An older git, and one without an index: neither is asked.
        try kernel.scratch.remove("tree/.git/index")
        #expect(try await kernel.identity() == clean)
    }

    @Test func everyKindOfChangeChangesTheIdentity() async throws {
        let kernel = try await GitKernel(files: ["old name.c": "x"])
        var seen: Set<String> = [try await kernel.identity()]
        func next() async throws { #expect(seen.insert(try await kernel.identity()).inserted) }
        try kernel.scratch.write("tree/new file.c", "1")
        try await next()
        try kernel.scratch.write("tree/new file.c", "2")
        try await next()
        try kernel.scratch.write("tree/old name.c", "changed")
        try await next()
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: kernel.tree + "/old name.c")
        try await next()
        try kernel.scratch.remove("tree/old name.c")
        try await next()
        try FileManager.default.createSymbolicLink(atPath: kernel.tree + "/old name.c", withDestinationPath: "main.c")
        try await next()
        #expect(Files.names(in: try await kernel.copy()).contains("new file.c"))
        try kernel.scratch.remove("tree/new file.c")
        try kernel.scratch.remove("tree/old name.c")
        try kernel.scratch.write("tree/old name.c", "x")
        #expect(seen.contains(try await kernel.identity()))
    }

    @Test func nothingIsWrittenToTheTree() async throws {
        let kernel = try await GitKernel()
        kernel.scratch.age("tree/Makefile", seconds: 50)
        let before = try kernel.scratch.snapshot("tree")
        _ = try await kernel.identity()
        _ = try await kernel.copy()
        #expect(try kernel.scratch.snapshot("tree") == before)
    }

    @Test func aRepositoryWithoutACommitIsAnInputError() async throws {
        let fake = try FakeKernel()
        try await GitTree.isolated(["init", "--quiet", fake.tree]).output()
        let error = try await harnessError { _ = try await fake.build() }
        #expect(error.kind == .input)
    }

    /// What hides an edit from git: a bit of the index, a configuration, or a filter. Each is an argument: its name, what is done before the edit.
    @Test(arguments: [
        "nothing", "assume-unchanged", "skip-worktree", "core.ignoreStat", "fsmonitor-valid", "split-index", "core.trustctime", "index.skipHash",
        "filter", "untracked-cache",
    ])
    func anEditIsSeen(_ how: String) async throws {
        let kernel = try await GitKernel(
            configuration: how == "filter" ? ["filter.private.clean": "grep -v PRIVATE || true"] : [:],
            files: how == "filter"
                ? [".gitattributes": "*.c filter=private\n", "drivers/x.c": "int x1;\n#define PRIVATE 1\n"] : ["drivers/x.c": "int x1;\n"])
        kernel.scratch.age("tree/drivers/x.c")
        try await kernel.git(["update-index", "-q", "--refresh"])
        switch how {
        case "assume-unchanged", "skip-worktree": try await kernel.git(["update-index", "--" + how, "drivers/x.c"])
        case "core.ignoreStat":
            try await kernel.git(["config", "core.ignoreStat", "true"])
            try kernel.scratch.remove("tree/drivers/x.c")
            try await kernel.git(["checkout", "--quiet", "HEAD", "--", "drivers/x.c"])
            #expect(try await kernel.git(["ls-files", "-v", "drivers/x.c"]).hasPrefix("h "))
        case "fsmonitor-valid":
            let hook = try kernel.scratch.write("monitor", "#!/bin/sh\nprintf 'token\\0'\n", executable: true)
            try await kernel.git(["config", "core.fsmonitor", hook])
            try await kernel.git(["config", "core.fsmonitorHookVersion", "2"])
            try await kernel.git(["update-index", "--fsmonitor"])
            try await kernel.git(["status", "--porcelain"])
        case "split-index": try await kernel.git(["update-index", "--split-index"])
        case "core.trustctime": try await kernel.git(["config", "core.trustctime", "false"])
        case "index.skipHash":
            try await kernel.git(["config", "index.skipHash", "true"])
            try await kernel.git(["update-index", "--force-write-index"])
        case "untracked-cache": try await kernel.git(["update-index", "--force-untracked-cache"])
        default: break
        }
        let clean = try await kernel.identity()
        #expect(clean.hasPrefix("git:") && clean.contains("+") == (how == "filter"))
        _ = try await kernel.fake.build()
        if how == "filter" {
            try kernel.edit("drivers/x.c", "int x1;\n#define PRIVATE 2\n")
        } else {
            try kernel.edit("drivers/x.c", "int x2;\n")
        }
        if ["assume-unchanged", "skip-worktree", "core.ignoreStat", "fsmonitor-valid", "core.trustctime", "filter"].contains(how) {
            #expect(try await kernel.git(["status", "--porcelain"]) == "", "git sees the edit: this input tests nothing")
        }
        let edited = try await kernel.identity()
        #expect(edited != clean && edited.contains("+changes:"))
        let build = try await kernel.fake.build()
        #expect(build.source == edited && kernel.fake.makes == 2)
        #expect(Files.text(try await kernel.copy() + "/drivers/x.c") == kernel.scratch.text("tree/drivers/x.c"))
        if how == "untracked-cache" {
            try kernel.scratch.write("tree/drivers/new.c", "int new;\n")
            #expect(try await kernel.identity() != edited)
        }
    }

    @Test func aSparseCheckoutGoesOnWorkingAndIsNotTheCommit() async throws {
        let kernel = try await GitKernel(files: ["drivers/x.c": "x\n", "sound/y.c": "y\n"])
        let whole = try await kernel.identity()
        try await kernel.git(["sparse-checkout", "set", "drivers"])
        #expect(!kernel.scratch.has("tree/sound/y.c"))
        let sparse = try await kernel.identity()
        #expect(sparse.hasPrefix(whole + "+changes:"))
        #expect(try await kernel.fake.build().source == sparse)
        try kernel.scratch.write("tree/drivers/x.c", "z\n")
        #expect(try await kernel.identity() != sparse)
        // A file that came back by hand.
        try kernel.scratch.write("tree/drivers/x.c", "x\n")
        try kernel.scratch.write("tree/sound/y.c", "other\n")
        #expect(try await kernel.identity() != sparse)
    }

    @Test func aCheckoutWithOtherLineEndsIsNotTheCommit() async throws {
        let kernel = try await GitKernel(files: ["drivers/x.c": "x\ny\n"])
        let clean = try await kernel.identity()
        try await kernel.git(["config", "core.autocrlf", "true"])
        for name in ["drivers/x.c", "Makefile", "Kconfig", "main.c", ".gitignore"] { try kernel.scratch.remove("tree/" + name) }
        try await kernel.git(["reset", "--hard", "--quiet"])
        #expect(kernel.scratch.text("tree/drivers/x.c") == "x\r\ny\r\n")
        #expect(try await kernel.git(["status", "--porcelain"]) == "")
        #expect(try await kernel.identity().hasPrefix(clean + "+changes:"))
        #expect(Files.text(try await kernel.copy() + "/drivers/x.c") == "x\r\ny\r\n")
    }

    @Test func aCheckoutOfACommitHasItsBytes() async throws {
        let kernel = try await GitKernel(files: [".gitattributes": "*.c text eol=crlf ident\n", "drivers/x.c": "$Id$\n"])
        let source = kernel.source
        let commit = try await source.resolve(kernel.tree + "@HEAD")
        #expect(Files.text(try await source.materialize(commit).folder + "/drivers/x.c") == "$Id$\n")
    }

    @Test func aRepositoryWithLongHashesIsReadAndChecksOutItsCommits() async throws {
        let kernel = try await GitKernel(options: ["--object-format=sha256"], files: ["drivers/x.c": "1\n"])
        let clean = try await kernel.identity()
        #expect(clean.wholeMatch(of: /git:[0-9a-f]{64}/) != nil)
        try kernel.scratch.write("tree/drivers/x.c", "2\n")
        #expect(try await kernel.identity().hasPrefix(clean + "+changes:"))
        try await kernel.commit("two")
        let source = kernel.source
        let old = try await source.resolve(kernel.tree + "@HEAD~1")
        #expect(old.identity == clean)
        #expect(Files.text(try await source.materialize(old).folder + "/drivers/x.c") == "1\n")
        #expect(BisectCommit(id: String(clean.dropFirst(4)), subject: "", author: "", date: "").short.utf8.count == 12)
    }

    @Test func anObjectThatReplacesTheCommitDoesNotCount() async throws {
        let kernel = try await GitKernel(files: ["drivers/x.c": "1\n"])
        let first = try await kernel.git(["rev-parse", "HEAD"]).trimmingCharacters(in: .newlines)
        try kernel.scratch.write("tree/drivers/x.c", "2\n")
        try await kernel.commit("two")
        let second = try await kernel.git(["rev-parse", "HEAD"]).trimmingCharacters(in: .newlines)
        try await kernel.git(["replace", second, first])
        #expect(try await kernel.identity() == "git:" + second)
        try kernel.scratch.write("tree/drivers/x.c", "1\n")
        #expect(try await kernel.identity().hasPrefix("git:\(second)+changes:"))
    }
}
