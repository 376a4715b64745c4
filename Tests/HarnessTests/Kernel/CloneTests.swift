// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import TestSupport
import Testing

@testable import Harness

/// Clones with a part of a repository: what is missing is fetched where git fetches it, or refused with what to do.
@Suite struct CloneTests {
    private let kernel: GitKernel

    init() async throws {
        kernel = try await GitKernel(configuration: ["uploadpack.allowFilter": "true"], files: ["drivers/x.c": "x 0\n"])
        for number in 1..<8 {
            try kernel.scratch.write("tree/drivers/x.c", "x \(number)\n")
            try kernel.scratch.write("tree/drivers/y\(number).c", "\(number)\n")
            try await kernel.commit("commit \(number)")
        }
    }

    private func clone(_ name: String, _ options: [String]) async throws -> String {
        let folder = kernel.scratch.path + "/" + name
        try await kernel.git(["clone", "--quiet"] + options + ["file://" + kernel.tree, folder], in: kernel.scratch.path)
        return folder
    }

    private func text(_ file: String, of kernelSource: String) async throws -> String? {
        let source = kernel.source
        return Files.text(try await source.materialize(try await source.resolve(kernelSource)).folder + "/" + file)
    }

    @Test(arguments: ["blob:none", "tree:0", "blob:limit=1"]) func whatAPartialCloneLacksIsFetched(_ filter: String) async throws {
        let partial = try await clone("partial", ["--filter=" + filter])
        let references = try await kernel.git(["for-each-ref"], in: partial)
        #expect(try await kernel.identity(partial) == kernel.identity())
        #expect(try await text("drivers/x.c", of: partial + "@HEAD~4") == "x 3\n")
        #expect(try await text("drivers/y6.c", of: partial + "@HEAD~1") == "6\n")
        #expect(try await text("drivers/y6.c", of: partial + "@HEAD~4") == nil)
        #expect(try await kernel.git(["for-each-ref"], in: partial) == references)
        #expect(!Files.isFile(partial + "/.git/FETCH_HEAD"))
        let history = try CommitHistory(KernelRequest(source: partial))
        let range = try await history.range(bad: history.resolve("HEAD"), good: [history.resolve("HEAD~4")])
        #expect(range.commits.count == 4)
    }

    @Test func aPartialCloneWhoseRemoteIsGoneIsRefused() async throws {
        let partial = try await clone("partial", ["--filter=blob:none"])
        try Files.rename(kernel.tree, to: kernel.tree + ".away")
        #expect(try await kernel.identity(partial).hasPrefix("git:"))
        let error = try await harnessError { _ = try await text("drivers/x.c", of: partial + "@HEAD~4") }
        #expect(error.kind == .input)
        #expect(error.message.hasPrefix("\(partial) is a partial clone that lacks 1 objects of "), "\(error.message)")
        #expect(error.hint?.contains("fetch --refetch --no-filter") == true && error.hint?.contains("git backfill") == true)
        #expect(!error.evidence.isEmpty)
    }

    @Test func objectsThatNobodyHasAreNamed() async throws {
        let blob = try await kernel.git(["rev-parse", "HEAD~4:drivers/x.c"]).trimmingCharacters(in: .newlines)
        try kernel.scratch.remove("tree/.git/objects/\(blob.prefix(2))/\(blob.dropFirst(2))")
        let error = try await harnessError { _ = try await text("drivers/x.c", of: kernel.tree + "@HEAD~4") }
        #expect(error.kind == .input)
        #expect(error.message.contains("lacks files of the commit"), "\(error.message) \(error.evidence)")
    }

    @Test func beyondTheEdgeOfAShallowClone() async throws {
        let shallow = try await clone("shallow", ["--depth", "3"])
        #expect(try await kernel.identity(shallow) == kernel.identity())
        #expect(try await text("drivers/x.c", of: shallow + "@HEAD~2") == "x 5\n")
        let history = try CommitHistory(KernelRequest(source: shallow))
        func isRefused(_ body: () async throws -> Void) async throws {
            let error = try await harnessError(body)
            #expect(error.kind == .input)
            #expect(error.message.contains("\(shallow) is a shallow clone, and it may be beyond its edge"), "\(error.message)")
            #expect(error.hint?.contains("git -C \(shallow) fetch --unshallow") == true)
        }
        try await isRefused { _ = try await history.resolve("HEAD~4") }
        try await isRefused { _ = try await kernel.source.resolve(shallow + "@HEAD~4") }
        // A commit that is there, with nothing between it and the others.
        let old = try await kernel.git(["rev-parse", "HEAD~5"]).trimmingCharacters(in: .newlines)
        try await kernel.git(["fetch", "--quiet", "--depth", "1", "origin", old], in: shallow)
        let head = try await history.resolve("HEAD")
        #expect(try await history.resolve(old) == old)
        try await isRefused { _ = try await history.isAncestor(old, of: head) }
        try await isRefused { _ = try await history.range(bad: head, good: [old]) }
        let edge = try await history.resolve("HEAD~2")
        try await isRefused { _ = try await history.isAncestor(edge, of: head) }
        let near = try await history.resolve("HEAD~1")
        #expect(try await history.isAncestor(near, of: head))
        #expect(try await history.range(bad: head, good: [near]).commits.count == 1)
    }

    /// A side branch that the edge cuts: its commits may be the culprit.
    @Test func aMergeThatTheEdgeCutsIsRefused() async throws {
        try await kernel.git(["checkout", "--quiet", "-b", "side", "HEAD~6"])
        for number in 1..<5 {
            try kernel.scratch.write("tree/side\(number).c", "\(number)\n")
            try await kernel.commit("side \(number)")
        }
        try await kernel.git(["checkout", "--quiet", "main"])
        try await kernel.git(["merge", "--quiet", "--no-edit", "side"])
        let shallow = try await clone("shallow", ["--depth", "3"])
        let history = try CommitHistory(KernelRequest(source: shallow))
        let error = try await harnessError { _ = try await history.range(bad: history.resolve("HEAD"), good: [history.resolve("HEAD~1")]) }
        #expect(error.kind == .input && error.message.contains("is cut at"), "\(error.message)")
    }

    @Test func aCloneThatBorrowsObjectsIsCheckedOut() async throws {
        let shared = try await clone("shared", ["--no-local"])
        try await kernel.git(["clone", "--quiet", "--shared", shared, "borrower"], in: kernel.scratch.path)
        let borrower = kernel.scratch.path + "/borrower"
        try Files.write("../../../shared/.git/objects\n", to: borrower + "/.git/objects/info/alternates")
        #expect(try await text("drivers/x.c", of: borrower + "@HEAD~4") == "x 3\n")
    }

    @Test func aWorktreeIsReadAndOneWithoutItsRepositoryIsRefused() async throws {
        try await kernel.git(["worktree", "add", "--quiet", kernel.scratch.path + "/other", "HEAD~2"])
        let other = kernel.scratch.path + "/other"
        let clean = try await kernel.identity(other)
        #expect(clean == "git:" + (try await kernel.git(["rev-parse", "HEAD~2"])).trimmingCharacters(in: .newlines))
        try kernel.scratch.write("other/drivers/x.c", "edited\n")
        #expect(try await kernel.identity(other).hasPrefix(clean + "+changes:"))
        #expect(try await text("drivers/x.c", of: other + "@HEAD~1") == "x 4\n")
        try Files.rename(kernel.tree, to: kernel.tree + ".away")
        let error = try await harnessError { _ = try await kernel.identity(other) }
        #expect(error.kind == .input)
        #expect(error.message.hasPrefix("\(other) is a work tree whose repository is not there: its .git names \(kernel.tree)/.git/worktrees/other"))
    }

    @Test func aTreeOfAnotherUserIsReadWithoutRunningItsPrograms() async throws {
        let mark = kernel.scratch.path + "/ran"
        let hook = try kernel.scratch.write("hook", "#!/bin/sh\ntouch \(mark)\n", executable: true)
        for key in ["core.fsmonitor", "core.sshCommand", "core.pager", "filter.x.clean", "diff.external", "core.editor"] {
            try await kernel.git(["config", key, hook])
        }
        try kernel.scratch.write("tree/.gitattributes", "*.c filter=x\n")
        if getuid() == 0 { try await Command("chown", ["-R", "65534", kernel.tree]).output() }
        #expect(try await kernel.identity().hasPrefix("git:"))
        #expect(try await text("drivers/x.c", of: kernel.tree + "@HEAD~4") == "x 3\n")
        #expect(!Files.isFile(mark))
    }
}
