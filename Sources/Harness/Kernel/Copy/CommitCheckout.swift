// SPDX-License-Identifier: GPL-2.0

import Crypto
import Foundation

/// A work tree of the harness, in which the commits of a tree under test are checked out, one at a time.
///
/// Its repository uses the objects of the tree's repository as alternates and writes nothing there: no worktree is registered, no
/// reference is made. git writes only the files that differ between two commits, so make compiles only the changes.
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
        let objects = try await tree.objects()
        let alternates = repository + "/objects/info/alternates"
        if Files.text(alternates) != objects + "\n" || KernelTree.version(folder) == nil {
            progress.report("checking out \(commit.prefix(12)) of \(tree.folder), for the first time")
            try Files.remove(alternates)
            try Files.remove(folder)
            try Files.remove(repository)
            try renewed()
            try Files.makeFolder(folder)
            try await git(["init", "--quiet", "--template="]).output()
            try Files.write(objects + "\n", to: alternates)
        }
        // A git that was killed leaves these files. Only the harness uses this repository.
        try Files.remove(repository + "/index.lock")
        try Files.remove(repository + "/HEAD.lock")
        let interrupted = FileStatus(busy) != nil
        try Files.write(commit, to: busy)
        // Without it git would write a file again of which only the time is new, and make would compile it.
        _ = try? await git(["update-index", "-q", "--refresh"]).output()
        try Task.checkCancellation()
        try await git(["checkout", "--quiet", "--force", "--detach", commit]).output()
        if interrupted { try await git(["clean", "--quiet", "-ffdx"]).output() }
        try Files.remove(busy)
    }

    /// The inputs of the commit's configuration and of its modules.
    func inputs(_ commit: String) async throws -> TreeInputs {
        var configuration = SHA256()
        var module = SHA256()
        for line in try await git(["ls-tree", "-r", "-z", commit]).output().split(separator: "\0") {
            // MODE TYPE HASH<tab>PATH
            guard let tab = line.firstIndex(of: "\t") else { continue }
            let path = String(line[line.index(after: tab)...])
            let whole = Array(line.utf8)
            let name = Array("\(line.prefix(6))\t\(path)".utf8)
            configuration.update(data: TreeInputs.mayConfigure(path) ? whole : name)
            module.update(data: TreeInputs.mayReachModules(path) ? whole : name)
        }
        return TreeInputs(configuration: ContentHash.hex(configuration.finalize()), module: ContentHash.hex(module.finalize()))
    }
}
