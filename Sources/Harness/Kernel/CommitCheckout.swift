// SPDX-License-Identifier: GPL-2.0

import Crypto
import Foundation

/// A work tree of the harness's own with the commits of a tree under test, one at a time.
///
/// Its repository borrows the objects of the tree's own, in which nothing is written: no worktree is registered there, no reference
/// made. git writes only the files that differ from one commit to the next, so make compiles only what changed.
struct CommitCheckout: Sendable {
    /// The tree under test, which is only read.
    let tree: GitTree
    /// The work tree.
    let folder: String

    private var repository: String { folder + ".git" }
    /// There while a checkout goes on.
    private var busy: String { folder + ".busy" }

    private func git(_ arguments: [String]) -> Command {
        var command = GitTree.alone(
            [
                "-c", "core.autocrlf=false", "-c", "core.fsmonitor=false", "-c", "gc.auto=0", "-c", "advice.detachedHead=false", "-c",
                "checkout.workers=0",
                "--git-dir=\(repository)", "--work-tree=\(folder)",
            ] + arguments)
        command.directory = folder
        return command
    }

    /// Makes the work tree that commit. The caller is the only one who uses the folder.
    ///
    /// - Parameter renewed: called before the work tree is made for the first time, or anew.
    func checkOut(_ commit: String, progress: Progress, renewed: () throws -> Void) async throws {
        let objects = try await tree.objects()
        let alternates = repository + "/objects/info/alternates"
        if Disk.text(alternates) != objects + "\n" || KernelTree.version(folder) == nil {
            progress.say("checking out \(commit.prefix(12)) of \(tree.folder), for the first time")
            try Disk.remove(alternates)
            try Disk.remove(folder)
            try Disk.remove(repository)
            try renewed()
            try Disk.makeFolder(folder)
            try await git(["init", "--quiet", "--template="]).output()
            try Disk.write(objects + "\n", to: alternates)
        }
        // Of a git that was killed; nobody else is here.
        try Disk.remove(repository + "/index.lock")
        try Disk.remove(repository + "/HEAD.lock")
        let interrupted = FileStatus(busy) != nil
        try Disk.write(commit, to: busy)
        // A file whose time alone is new would be written again, and compiled.
        _ = try? await git(["update-index", "-q", "--refresh"]).output()
        try Task.checkCancellation()
        try await git(["checkout", "--quiet", "--force", "--detach", commit]).output()
        if interrupted { try await git(["clean", "--quiet", "-ffdx"]).output() }
        try Disk.remove(busy)
    }

    /// What of the commit decides its configuration and its modules.
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
