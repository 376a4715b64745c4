// SPDX-License-Identifier: GPL-2.0

import Foundation

/// What a series says about the kernel that it was made for, compared with the kernel that it is put on. The result is a note: a series may well
/// apply to another kernel, and the reader decides.
struct SeriesBase: Sendable, Equatable {
    /// `base-commit:` of `git format-patch --base` and of b4: a full hash, or at least 12 digits of it.
    var commit: String?
    /// The tree in the subjects: "net-next" of "[PATCH net-next v2 1/3]".
    var tree: String?
    /// How many patches it names that are to be applied before it (`prerequisite-patch-id:` and the like).
    var prerequisites = 0

    /// A line for the reader; nil where the series says nothing.
    ///
    /// - Parameter here: a folder that may be in a git tree of the kernel, to find the version of a commit that the source has no history for.
    func note(on source: ResolvedSource, here: String) async -> String? {
        let needs = "it names \(prerequisites) patch\(prerequisites == 1 ? "" : "es") that must be there before it (prerequisite-patch-id)"
        guard let place = await place(on: source, here: here) else { return prerequisites > 0 ? "the series: \(needs)" : nil }
        return prerequisites > 0 ? "\(place); \(needs)" : place
    }

    private func place(on source: ResolvedSource, here: String) async -> String? {
        guard let commit else { return tree.map { "the series is for \($0), by its subjects; it is put on \(source.path ?? source.identity)" } }
        switch source.material {
        case .tree(let folder): return await compared(commit, GitTree(folder), "HEAD", source)
        case .commit(let folder, let head): return await compared(commit, GitTree(folder), head, source)
        case .debian, .tarball, .built, .owned: return await unknown(commit, source, here: here)
        }
    }

    private static func short(_ commit: String) -> String { String(commit.prefix(12)) }

    private func compared(_ commit: String, _ tree: GitTree?, _ head: String, _ source: ResolvedSource) async -> String? {
        let name = source.path ?? source.identity
        guard let tree else { return await unknown(commit, source, here: "") }
        let changed = source.identity.contains("+changes:") ? ", with changes that are not committed" : ""
        let short = Self.short(commit)
        guard let headCommit = await Self.line(tree, ["rev-parse", "--verify", "--quiet", head + "^{commit}"]) else { return nil }
        let at = "\(name) is at \(Self.short(headCommit))\(changed)"
        let isShallow = await Self.line(tree, ["rev-parse", "--is-shallow-repository"]) == "true"
        guard let base = await Self.line(tree, ["rev-parse", "--verify", "--quiet", commit + "^{commit}"]) else {
            let reason =
                isShallow ? "the clone is shallow" : "it is a commit of another tree\(self.tree.map { " (\($0))" } ?? ""), or not fetched yet"
            return "the base-commit of the series, \(short), is not in the repository of \(name): \(reason); \(at)"
        }
        if base == headCommit { return "\(name) is at the base-commit of the series, \(short)\(changed)" }
        let version = await Self.version(base, tree).map { " (\($0))" } ?? ""
        if await Self.succeeds(tree, ["merge-base", "--is-ancestor", base, headCommit]) {
            let count = await Self.line(tree, ["rev-list", "--count", "\(base)..\(headCommit)"]) ?? "some"
            return "\(at), \(count) commit\(count == "1" ? "" : "s") after the base-commit of the series, \(short)\(version)"
        }
        if isShallow { return "whether \(name) contains the base-commit of the series, \(short), is not known: the clone is shallow; \(at)" }
        return
            "\(at), which does not contain the base-commit of the series, \(short)\(version): --kernel \(tree.folder)@\(short) is the source that the series was made on"
    }

    private func unknown(_ commit: String, _ source: ResolvedSource, here: String) async -> String {
        var text =
            "the base-commit of the series, \(Self.short(commit)), cannot be compared with \(source.path ?? source.identity), which has no history"
        if let tree { text += "; the series is for \(tree), by its subjects" }
        if let own = Self.top(of: here), let base = await Self.line(own, ["rev-parse", "--verify", "--quiet", commit + "^{commit}"]),
            let version = await Self.version(base, own)
        {
            text += "; in \(own.folder) it is \(version)"
        }
        return text
    }

    /// The git tree that a folder is in.
    private static func top(of folder: String) -> GitTree? {
        var path = folder
        while path.count > 1 {
            if let tree = GitTree(path) { return tree }
            path = (path as NSString).deletingLastPathComponent
        }
        return nil
    }

    /// The commit by the last release that it contains: "v7.3-rc2-1234-gabcdef".
    private static func version(_ commit: String, _ tree: GitTree) async -> String? {
        await line(tree, ["describe", "--tags", "--match=v[0-9]*", "--abbrev=12", commit])
    }

    /// git's output; nil where it fails. It fetches nothing: a missing object of a partial clone is missing.
    private static func line(_ tree: GitTree, _ arguments: [String]) async -> String? {
        try? await command(tree, arguments).output().trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func succeeds(_ tree: GitTree, _ arguments: [String]) async -> Bool { await line(tree, arguments) != nil }

    private static func command(_ tree: GitTree, _ arguments: [String]) -> Command {
        var command = tree.git(["-c", "protocol.allow=never"] + arguments)
        command.environment["GIT_NO_LAZY_FETCH"] = "1"
        return command
    }
}
