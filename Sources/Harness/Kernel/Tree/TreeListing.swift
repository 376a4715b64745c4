// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import Results

/// The paths of a tree's files, from its top.
struct TreeListing: Sendable {
    /// Every file and symbolic link, without .git, without the object folders of `make O=`, and without other kernel trees (a worktree inside the
    /// tree).
    private(set) var paths: [String] = []
    /// The symbolic links among them.
    private(set) var links: [String] = []
    /// The folders with a repository of their own: submodules, and clones inside the tree.
    private(set) var repositories: [String] = []

    /// Reads the folders below `root`.
    ///
    /// - Parameter skipping: folders, from the top.
    /// - Throws: `HarnessError` of kind `.input` where a folder cannot be read, or a name is not UTF-8; `CancellationError`.
    init(_ root: String, skipping: Set<String> = []) throws {
        var folders = [""]
        while let folder = folders.popLast() {
            try Cancellation.check()
            try read(root, folder, skipping, &folders)
        }
    }

    private mutating func read(_ root: String, _ folder: String, _ skipping: Set<String>, _ folders: inout [String]) throws {
        let place = folder.isEmpty ? root : root + "/" + folder
        guard let stream = opendir(place) else {
            throw HarnessError(
                .input, "cannot read the folder \(place): \(String(cString: strerror(errno)))", hint: "check that you may read the whole tree")
        }
        defer { closedir(stream) }
        let before = (paths.count, folders.count, links.count)
        var (isRepository, hasSourceLink) = (false, false)
        while let entry = readdir(stream) {
            let name = try Self.name(entry, in: place)
            if name == "." || name == ".." { continue }
            if name == ".git" {
                isRepository = true
                continue
            }
            let path = folder.isEmpty ? name : folder + "/" + name
            switch Self.kind(entry, root + "/" + path) {
            case .folder: if !skipping.contains(path) { folders.append(path) }
            case .link:
                paths.append(path)
                links.append(path)
                if name == "source" { hasSourceLink = true }
            case .file: paths.append(path)
            default: break
            }
        }
        guard !folder.isEmpty else { return }
        if hasSourceLink && Self.isObjects(place) || isRepository && KernelTree.version(place) != nil {
            paths.removeLast(paths.count - before.0)
            folders.removeLast(folders.count - before.1)
            links.removeLast(links.count - before.2)
        } else if isRepository {
            repositories.append(folder)
        }
    }

    /// Whether a folder is that of `make O=`.
    static func isObjects(_ folder: String) -> Bool {
        FileStatus(folder + "/source")?.kind == .link && FileStatus(folder + "/include/config")?.kind == .folder
    }

    private static func name(_ entry: UnsafeMutablePointer<dirent>, in folder: String) throws -> String {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            String(validatingCString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
        }
        guard let name else {
            throw HarnessError(
                .input, "\(folder) has a file whose name is not UTF-8",
                hint: "rename or remove it: `LC_ALL=C ls -b \(Command.quote(folder))` shows its bytes")
        }
        return name
    }

    private static func kind(_ entry: UnsafeMutablePointer<dirent>, _ path: String) -> FileStatus.Kind? {
        switch Int32(entry.pointee.d_type) {
        case 4: .folder
        case 8: .file
        case 10: .link
        case 0: FileStatus(path)?.kind
        default: nil
        }
    }

    /// Whether a path is in a repository inside the tree.
    private func isForeign(_ path: String) -> Bool { repositories.contains { path.begins(with: $0 + "/") } }

    /// The paths that are part of a git tree's source: the commit's, new ones that are not ignored, and ignored ones that a build may read.
    ///
    /// - Throws: `HarnessError` of kind `.input` where the file system gives one file two names.
    func source(of git: GitTree, _ head: CommitFiles) async throws -> (paths: [String], new: [String], ignored: Set<String>) {
        var chosen: [String] = []
        chosen.reserveCapacity(paths.count)
        var new: [String] = []
        for path in paths {
            if head.has(path) {
                chosen.append(path)
            } else if TreeFiles.isProduct(path) || TreeFiles.isInGeneratedFolder(path) {
                continue
            } else if !isForeign(path) {
                new.append(path)
            } else if !TreeFiles.isHidden(path) {
                chosen.append(path)
            }
        }
        let known = chosen.count
        let ignored = try await git.ignored(new)
        for path in new {
            if !ignored.contains(path) || TreeFiles.mayBeRead(path) {
                chosen.append(path)
            } else if !TreeFiles.isHidden(path), FileStatus(git.folder + "/" + path)?.kind == .link {
                // Refused where it leads to a folder of sources.
                _ = try TreeScan.outside(git.folder + "/" + path, root: git.folder)
            }
        }
        if known < head.count { chosen += try unlisted(head, in: git.folder) }
        return (chosen, new, ignored)
    }

    /// The commit's files that are there although no folder lists them under this name.
    private func unlisted(_ head: CommitFiles, in root: String) throws -> [String] {
        let listed = Set(paths)
        var found: [String] = []
        var lowercased: [String: String]?
        for path in head.paths where !listed.contains(path) {
            guard let status = FileStatus(root + "/" + path), status.kind == .file || status.kind == .link, !Self.isBehindLink(path, root) else {
                continue
            }
            let names = lowercased ?? Dictionary(paths.map { ($0.lowercased(), $0) }) { first, _ in first }
            lowercased = names
            if let other = names[path.lowercased()], FileStatus(root + "/" + other)?.inode == status.inode {
                throw HarnessError(
                    .input, "\(root) is on a file system that does not distinguish upper and lower case: \(path) and \(other) are one file",
                    hint: "clone the tree to a file system that does: the kernel has files whose names differ only in case")
            }
            found.append(path)
        }
        return found
    }

    private static func isBehindLink(_ path: String, _ root: String) -> Bool {
        var above = path
        while let slash = above.utf8.lastIndex(of: UInt8(ascii: "/")) {
            above = String(above[..<slash])
            if FileStatus(root + "/" + above)?.kind == .link { return true }
        }
        return false
    }
}
