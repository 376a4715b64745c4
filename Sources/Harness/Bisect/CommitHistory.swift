// SPDX-License-Identifier: GPL-2.0

import Foundation

/// The commits of a git tree, which is only read; kernels are built from a checkout of the harness.
struct CommitHistory: BisectHistory {
    /// The tree under test.
    let folder: String
    private let tree: GitTree
    private let kernel: KernelRequest

    /// - Throws: `HarnessError` of kind `.input` where the folder is no git work tree.
    init(_ kernel: KernelRequest) throws {
        tree = try GitTree(required: kernel.source)
        folder = tree.folder
        self.kernel = kernel
    }

    func resolve(_ revision: String) async throws -> String { try await tree.commit(revision) }

    func isAncestor(_ old: String, of new: String) async throws -> Bool {
        try await tree.git(["merge-base", old, new]).output(orThrow: .input).trimmingCharacters(in: .whitespacesAndNewlines) == old
    }

    func range(bad: String, good: [String]) async throws -> BisectRange {
        let list = try await tree.git(["rev-list", "--topo-order", bad, "--not"] + good).output(orThrow: .input)
        let best = try await tree.git(["rev-list", "--bisect-all", bad, "--not"] + good).output(orThrow: .input)
        return BisectRange(
            commits: list.split(separator: "\n").map(String.init), best: best.split(separator: "\n").map { String($0.prefix { $0 != " " }) })
    }

    func contained(in commit: String, good: String) async throws -> Set<String> {
        Set(try await tree.git(["rev-list", commit, "^" + good]).output(orThrow: .input).split(separator: "\n").map(String.init))
    }

    func describe(_ commit: String) async throws -> BisectCommit {
        let text = try await tree.git(["-c", "log.showSignature=false", "show", "--no-patch", "--format=%s%x00%an <%ae>%x00%aI", commit]).output(
            orThrow: .input)
        let parts = text.trimmingCharacters(in: .newlines).split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
        return BisectCommit(id: commit, subject: parts.first ?? "", author: parts.count > 1 ? parts[1] : "", date: parts.count > 2 ? parts[2] : "")
    }

    func source(_ commit: String) async throws -> ResolvedSource {
        ResolvedSource(commit: commit, of: tree)
    }

    func marks() async throws -> [String] { [] }

    func kept(in folder: String) throws -> any BisectHistory { self }

    func words(_ commit: String) -> [String] {
        var kernel = kernel
        kernel.source = "\(folder)@\(commit.prefix(12))"
        return kernel.words
    }
}
