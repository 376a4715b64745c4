// SPDX-License-Identifier: GPL-2.0

import Foundation

/// What a series says about the kernel that it was made for, compared with the kernel that it is put on. The result is a note: a series may well
/// apply to another kernel, and the reader decides.
struct SeriesBase: Sendable, Equatable {
    init(commit: String? = nil, tree: String? = nil, branch: String? = nil) { (self.commit, self.tree, self.branch) = (commit, tree, branch) }

    /// `base-commit:` of `git format-patch --base` and of b4: a full hash, or at least 12 digits of it.
    var commit: String?
    /// The tree in the subjects: "net-next" of "[PATCH net-next v2 1/3]".
    var tree: String?
    /// `base-branch:` or `branch:`, where it is a plain name of a branch.
    var branch: String?

    /// A line for the reader; nil where the series says nothing.
    ///
    /// - Parameter here: a folder that may be in a git tree of the kernel, to find the version of a commit that the source has no history for.
    func note(on source: ResolvedSource, here: String) async -> String? {
        let history = Self.history(source)
        if let commit {
            guard let history else { return await unknown(commit, source, here: here) }
            return await compared(commit, history, source)
        }
        if let branch, let history, let note = await compared(branch: branch, history, source) { return note }
        guard let name = branch ?? tree else { return nil }
        return "the series is for \(name), by its \(branch == nil ? "subjects" : "base-branch"); it is put on \(source.path ?? source.identity)"
    }

    private typealias History = (tree: GitTree, head: String)

    /// The repository of the source, and the revision that is built; nil where it has none.
    private static func history(_ source: ResolvedSource) -> History? {
        switch source.material {
        case .tree(let folder): GitTree(folder).map { ($0, "HEAD") }
        case .commit(let folder, let head): GitTree(folder).map { ($0, head) }
        case .debian, .tarball, .built, .owned: nil
        }
    }

    private static func short(_ commit: String) -> String { String(commit.prefix(12)) }

    private static func commit(_ revision: String, _ tree: GitTree) async -> String? {
        await line(tree, ["rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"])
    }

    private func compared(_ stated: String, _ history: History, _ source: ResolvedSource) async -> String? {
        let name = source.path ?? source.identity
        guard let head = await Self.commit(history.head, history.tree) else { return nil }
        let isShallow = await Self.line(history.tree, ["rev-parse", "--is-shallow-repository"]) == "true"
        guard let base = await Self.commit(stated, history.tree) else {
            let reason = isShallow ? "the clone is shallow" : "it is a commit of another tree\(tree.map { " (\($0))" } ?? ""), or not fetched yet"
            return "the base-commit of the series, \(Self.short(stated)), is not in the repository of \(name): \(reason); "
                + "\(name) is at \(Self.short(head))\(Self.changed(source))"
        }
        return await relation(base, "the base-commit of the series, \(Self.short(stated))", head, history.tree, source, isShallow)
    }

    /// nil where the repository has no such branch.
    private func compared(branch: String, _ history: History, _ source: ResolvedSource) async -> String? {
        guard let head = await Self.commit(history.head, history.tree), let base = await Self.commit(branch, history.tree) else { return nil }
        let isShallow = await Self.line(history.tree, ["rev-parse", "--is-shallow-repository"]) == "true"
        return await relation(base, "the branch of the series, \(branch), at \(Self.short(base))", head, history.tree, source, isShallow)
    }

    private static func changed(_ source: ResolvedSource) -> String {
        source.identity.contains("+changes:") ? ", with changes that are not committed" : ""
    }

    /// - Parameter what: the base, for the reader.
    private func relation(
        _ base: String, _ what: String, _ head: String, _ tree: GitTree, _ source: ResolvedSource, _ isShallow: Bool
    ) async -> String {
        let name = source.path ?? source.identity
        if base == head { return "\(name) is at \(what)\(Self.changed(source))" }
        let at = "\(name) is at \(Self.short(head))\(Self.changed(source))"
        let version = await Self.version(base, tree).map { " (\($0))" } ?? ""
        if await Self.succeeds(tree, ["merge-base", "--is-ancestor", base, head]) {
            let count = await Self.line(tree, ["rev-list", "--count", "\(base)..\(head)"]) ?? "some"
            return "\(at), \(count) commit\(count == "1" ? "" : "s") after \(what)\(version)"
        }
        if isShallow { return "whether \(name) contains \(what), is not known: the clone is shallow; \(at)" }
        return "\(at), which does not contain \(what)\(version): "
            + "--kernel \(tree.folder)@\(Self.short(base)) is the source that the series was made on"
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
