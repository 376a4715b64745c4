// SPDX-License-Identifier: GPL-2.0

import Foundation

/// A source after each patch of a series.
public struct AppliedSeries: Sendable {
    /// The source after one patch of the series, and all before it.
    struct State: Sendable {
        var patch: Patch
        /// The files that differ from the unpatched source.
        var overlay: Overlay
        /// A remark for the user, such as that a three-way merge was needed.
        var note: String?
    }

    var states: [State]

    /// After `count` patches; nil for 0, which is the source without the series.
    func overlay(after count: Int) -> Overlay? { count == 0 ? nil : states[count - 1].overlay }
}

/// A repository of the harness with the files of a source that a series touches, in which the series is applied as `git am` does.
///
/// Every patch is applied here first, before a tree that is built.
struct SeriesRepository: Sendable {
    /// The folder of the repository and its work tree.
    private let folder: String
    private let base: String
    /// The name of the source in errors.
    private let name: String
    private let objects: String?

    private var work: String { folder + "/work" }

    /// - Parameters:
    ///   - base: the source's folder, which is only read.
    ///   - name: its name in errors.
    ///   - objects: a repository's folder of objects, where a three-way merge may find the blobs that a patch was made against.
    init(in folder: String, base: String, name: String, objects: String?) async throws {
        self.folder = folder
        self.base = base
        self.name = name
        self.objects = objects
        try Files.makeFolder(work)
        try await git(["init", "--quiet", "--template="]).output()
        // Before a .gitattributes of the source or the series: a file is the bytes that the patch has.
        try Files.makeFolder(folder + "/git/info")
        try Files.write("* -text -ident -filter -eol -working-tree-encoding merge\n", to: folder + "/git/info/attributes")
    }

    private func git(_ arguments: [String]) -> Command {
        var command = GitTree.isolated(
            ["-c", "core.autocrlf=false", "-c", "core.quotePath=false", "-c", "gc.auto=0", "--git-dir=\(folder)/git", "--work-tree=\(work)"]
                + arguments)
        command.directory = work
        return command
    }

    /// Applies all patches.
    ///
    /// - Throws: `HarnessError` of kind `.input` that names the patch, the file and the hunk, and how many patches were applied.
    func apply(_ series: PatchSeries) async throws -> AppliedSeries {
        let paths = series.patches.reduce(into: Set<String>()) { $0.formUnion($1.paths) }
        for path in paths.sorted() { try copy(path) }
        try await git(["add", "--all", "--force"]).output()
        let start = try await tree()
        var last = start
        var applied = AppliedSeries(states: [])
        for (index, patch) in series.patches.enumerated() {
            try Task.checkCancellation()
            let note = try await apply(patch, number: index + 1, of: series, on: last)
            let tree = try await tree()
            applied.states.append(try await state(after: patch, tree, number: index + 1, since: start, known: paths, note: note))
            last = tree
        }
        return applied
    }

    /// Copies a file of the source, where the source has it.
    private func copy(_ path: String) throws {
        var parent = ""
        for part in path.split(separator: "/").dropLast() {
            parent += (parent.isEmpty ? "" : "/") + part
            guard let kind = FileStatus(base + "/" + parent)?.kind, kind != .folder else { continue }
            throw HarnessError(.input, "the series changes \(path), and in \(name) \(parent) is \(kind == .link ? "a symbolic link" : "no folder")")
        }
        guard let status = FileStatus(base + "/" + path) else { return }
        guard status.kind == .file || status.kind == .link else {
            throw HarnessError(.input, "the series changes \(path), which is not a file in \(name)")
        }
        try Files.makeFolder(((work + "/" + path) as NSString).deletingLastPathComponent)
        try Files.copy(base + "/" + path, to: work + "/" + path)
    }

    /// Writes the index as a tree, and returns its name.
    private func tree() async throws -> String { try await git(["write-tree"]).output().trimmingCharacters(in: .whitespacesAndNewlines) }

    private func state(
        after patch: Patch, _ tree: String, number: Int, since base: String, known: Set<String>, note: String?
    ) async throws -> AppliedSeries.State {
        let names = try await git(["diff-tree", "-r", "-z", "--no-renames", "--name-only", base, tree]).output().split(separator: "\0").map(
            String.init)
        if let other = names.first(where: { !known.contains($0) }) {
            throw HarnessError(
                .input, "git changed \(ShownText.shown(other)), which no patch up to \(number), \"\(patch.subject)\", names",
                hint: "write the patch with `git format-patch`, which is read in one way only")
        }
        let folder = folder + "/states/\(number)"
        try Files.makeFolder(folder)
        try await git(["checkout-index", "--all", "--force", "--prefix=\(folder)/"]).output()
        return AppliedSeries.State(patch: patch, overlay: try Overlay(names, in: folder), note: note)
    }

    // MARK: - One patch

    private func apply(_ patch: Patch, number: Int, of series: PatchSeries, on tree: String) async throws -> String? {
        let file = folder + "/patch"
        try Files.write(Data(patch.diff), to: file)
        let plain: HarnessError
        do {
            try await git(["apply", "--index", "--whitespace=nowarn", "-p\(patch.strip)", file]).output(orThrow: .input)
            return nil
        } catch let error as HarnessError where error.cause == .toolFailed {
            plain = error
        }
        do {
            var merge = git(["apply", "--index", "--3way", "--whitespace=nowarn", "-p\(patch.strip)", file])
            // For this command only: git updates the times of objects in an alternate that it would otherwise write itself.
            merge.environment["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = objects
            merge.unset.removeAll { $0 == "GIT_ALTERNATE_OBJECT_DIRECTORIES" }
            try await merge.output(orThrow: .input)
            return "a three-way merge was needed"
        } catch let error as HarnessError where error.cause == .toolFailed {
            try await git(["read-tree", "--reset", "-u", tree]).output()
            throw await failure(patch, number: number, of: series, plain.evidence, merge: error.evidence)
        }
    }

    private func failure(_ patch: Patch, number: Int, of series: PatchSeries, _ output: [String], merge: [String]) async -> HarnessError {
        let count = series.patches.count
        var message = "patch \(number) of \(count), \"\(patch.subject)\", does not apply to \(name)"
        if let place = Self.place(output, in: patch) { message += ": \(place)" }
        message += number == 1 ? "; none applied" : "; the \(number - 1) before it did"
        var hints: [String] = []
        if (try? await git(["apply", "--index", "--check", "--reverse", "-p\(patch.strip)", folder + "/patch"]).output()) != nil {
            hints.append("that source already has its changes")
        }
        if let base = series.baseCommit { hints.append("the series has base-commit: \(base)") }
        hints.append(Self.hint(output, merge: merge))
        return HarnessError(.input, message, hint: hints.joined(separator: "; "), evidence: Self.messages(output))
    }

    /// What helps, by the words of git.
    private static func hint(_ output: [String], merge: [String]) -> String {
        func has(_ text: String) -> Bool { output.contains { $0.contains(text) } }
        if has("without full index line") {
            return "its binary part does not have the whole hash of the file: `git format-patch --binary --full-index`"
        }
        if has("already exists in") { return "the patch makes a file that the source has: is a part of the series in it already?" }
        if has("does not exist in index") || has("No such file or directory") {
            return
                "the source has no such file: was the patch made for another kernel, are patches missing before it, or are its names without a/ and b/?"
        }
        if merge.contains(where: { $0.contains("with conflicts") }) {
            return "a three-way merge ended in conflicts; rebase the series, or give its base with --kernel"
        }
        return
            "a three-way merge was not possible without the blobs that the patch was made against; rebase the series, or give its base with --kernel"
    }

    /// git's output without its prefixes.
    static func messages(_ output: [String]) -> [String] {
        output.map { line in line.hasPrefix("error: ") ? String(line.dropFirst("error: ".count)) : line }.filter { !$0.isEmpty }.prefix(8).map {
            ShownText.shown($0)
        }
    }

    /// The file, and where git names a line, the hunk that begins there: "io_uring/zcrx.c, hunk 3 (line 512)".
    static func place(_ output: [String], in patch: Patch) -> String? {
        for line in output {
            guard line.hasPrefix("error: patch failed: ") else { continue }
            let word = line.dropFirst("error: patch failed: ".count)
            guard let colon = word.lastIndex(of: ":"), let number = Int(word[word.index(after: colon)...]) else { continue }
            let path = String(word[..<colon])
            let hunks = patch.files.first { $0.old == path || $0.new == path }?.hunks ?? []
            guard let hunk = hunks.firstIndex(of: number) else { return "\(path), line \(number)" }
            return "\(path), hunk \(hunk + 1) of \(hunks.count) (line \(number))"
        }
        for line in output where line.hasPrefix("error: ") {
            return String(line.dropFirst("error: ".count))
        }
        return nil
    }
}
