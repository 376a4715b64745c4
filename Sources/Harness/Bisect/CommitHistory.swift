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
        // It ends with 1 where they have no common ancestor.
        let list = try await tree.git(["merge-base", old, new]).bytes(orThrow: .input, accepting: [0, 1])
        let base = String(decoding: list, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        if base != old, try await tree.isShallow() {
            throw tree.shallow("it is not known whether \(old.prefix(12)) is an ancestor of \(new.prefix(12))")
        }
        // What is judged at the edge cannot be followed into the past: not where it is bad after all, nor along another parent.
        if base == old, try await tree.edge().contains(old) {
            throw tree.shallow("the older end of the search, \(old.prefix(12)), has no parents")
        }
        return base == old
    }

    func range(bad: String, good: [String]) async throws -> BisectRange {
        let list = try await ids(["rev-list", "--topo-order", bad, "--not"] + good)
        let best = try await ids(["rev-list", "--bisect-all", bad, "--not"] + good)
        // A merge whose other side is beyond the edge: the culprit may be there.
        if let cut = try await tree.edge().intersection(list).min() {
            throw tree.shallow(
                "the history from \(good.map { $0.prefix(12) }.joined(separator: ", ")) to \(bad.prefix(12)) is cut at \(cut.prefix(12))")
        }
        return BisectRange(commits: list, best: best)
    }

    func contained(in commit: String, good: String) async throws -> Set<String> { Set(try await ids(["rev-list", commit, "^" + good])) }

    /// The first word of each line.
    private func ids(_ arguments: [String]) async throws -> [String] {
        try await tree.output(arguments).split(separator: UInt8(ascii: "\n")).map { line in
            String(decoding: line.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
        }
    }

    func describe(_ commit: String) async throws -> BisectCommit {
        let text = try await tree.output(["-c", "log.showSignature=false", "show", "--no-patch", "--format=%s%x00%an <%ae>%x00%aI", commit])
        let parts = text.split(separator: 0, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .newlines)
        }
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
