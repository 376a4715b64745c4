// SPDX-License-Identifier: GPL-2.0

import Crypto
import Foundation
import Results

/// A work tree of the harness, in which the commits of a tree under test are checked out, one at a time.
///
/// Its repository uses the objects of the tree's repository as alternates and writes nothing there: no worktree is registered, no
/// reference is made. Only where the tree is a partial clone, git fetches into it what the commit lacks. git writes only the files that differ between two commits, so make compiles only the changes.
struct CommitCheckout: Sendable {
    /// The tree under test, which is only read.
    let tree: GitTree
    /// The work tree.
    let folder: String

    private var repository: String { folder + ".git" }
    /// A file that exists while a checkout is under way.
    private var busy: String { folder + ".busy" }

    private func git(_ arguments: [String]) -> Command {
        var command = GitTree.isolated(
            [
                "-c", "core.autocrlf=false", "-c", "core.fsmonitor=false", "-c", "gc.auto=0", "-c", "advice.detachedHead=false", "-c",
                "checkout.workers=0",
                "--git-dir=\(repository)", "--work-tree=\(folder)",
            ] + arguments)
        command.directory = folder
        return command
    }

    /// Checks out a commit. The caller is the only user of the folder.
    ///
    /// - Parameter renewed: called before the work tree is made for the first time, or again.
    func checkOut(_ commit: String, progress: Progress, renewed: () throws -> Void) async throws {
        try await tree.complete(commit, progress: progress)
        let format = try await tree.objectFormat()
        let lenders = try await lenders().map { $0 + "\n" }.joined()
        let alternates = repository + "/objects/info/alternates"
        let isSame = Files.text(alternates) == lenders && Files.text(repository + "/config")?.holds("sha256") == (format == "sha256")
        if !isSame || KernelTree.version(folder) == nil {
            progress.report("checking out \(commit.prefix(12)) of \(tree.folder), for the first time")
            try Files.remove(alternates)
            try Files.remove(folder)
            try Files.remove(repository)
            try renewed()
            try Files.makeFolder(folder)
            try await git(["init", "--quiet", "--template=", "--object-format=\(format)"]).output()
            try Files.write(lenders, to: alternates)
        }
        // A kernel is named by the commit's bytes: no line end, keyword or encoding is converted, whatever its .gitattributes say.
        try Files.makeFolder(repository + "/info")
        try Files.write("* -text !eol -filter -ident !working-tree-encoding\n", to: repository + "/info/attributes")
        // A git that was killed leaves these files. Only the harness uses this repository.
        try Files.remove(repository + "/index.lock")
        try Files.remove(repository + "/HEAD.lock")
        let interrupted = FileStatus(busy) != nil
        try Files.write(commit, to: busy)
        // Without it git would write a file again of which only the time is new, and make would compile it.
        _ = try? await git(["update-index", "-q", "--refresh"]).output()
        try Task.checkCancellation()
        do {
            try await git(["checkout", "--quiet", "--force", "--detach", commit]).output()
        } catch let error as HarnessError where error.evidence.contains(where: GitTree.namesMissing) {
            throw HarnessError(
                .input, "the repository of \(tree.folder) lacks files of the commit \(commit.prefix(12))", hint: GitTree.partialHint(tree.folder),
                evidence: error.evidence)
        }
        if interrupted { try await git(["clean", "--quiet", "-ffdx"]).output() }
        try Files.remove(busy)
    }

    /// The folders of objects that the tree's repository reads. It may itself borrow some, and git follows a relative path only once.
    private func lenders() async throws -> [String] {
        var folders = [try await tree.objects()]
        var next = 0
        while next < folders.count, next < 16 {
            let folder = folders[next]
            next += 1
            for line in (Files.text(folder + "/info/alternates") ?? "").filledLines where !line.begins(with: "#") {
                let path = line.begins(with: "/") ? String(line) : folder + "/" + line
                let place = URL(fileURLWithPath: path).standardizedFileURL.path
                if !folders.contains(place) { folders.append(place) }
            }
        }
        return folders
    }

    /// The inputs of the commit's configuration and of its modules.
    func inputs(_ commit: String) async throws -> TreeInputs {
        var configuration = SHA256()
        var module = SHA256()
        for line in try await git(["ls-tree", "-r", "-z", commit]).bytes().split(separator: 0) {
            // MODE TYPE HASH<tab>PATH
            guard let tab = line.firstIndex(of: UInt8(ascii: "\t")) else { continue }
            let path = String(decoding: line[(tab + 1)...], as: UTF8.self)
            let name = line.prefix(6) + line[tab...]
            configuration.update(data: TreeInputs.mayConfigure(path) ? line : name)
            module.update(data: TreeInputs.mayReachModules(path) ? line : name)
        }
        return TreeInputs(configuration: ContentHash.hex(configuration.finalize()), module: ContentHash.hex(module.finalize()))
    }
}
