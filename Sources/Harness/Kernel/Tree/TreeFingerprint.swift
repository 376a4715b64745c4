// SPDX-License-Identifier: GPL-2.0

import Crypto
import Foundation
import Glibc

/// What lstat(2) returns for everything below a folder, as one key: while it is the same, no file has changed.
///
/// It costs about as much as `git status`; to load the index, to list the commit's files and to compare them costs several times as much.
struct TreeFingerprint: Codable, Sendable, Equatable {
    /// Of the paths, kinds, modes, sizes, inodes and times, without the top folder's .git.
    var key: String
    /// When the last of them changed, in nanoseconds since 1970.
    var lastChange: Int64

    /// - Throws: `HarnessError` of kind `.input` where a folder cannot be read; `CancellationError`.
    init(_ root: String) async throws {
        // Folders of the first two levels, each a part of the work.
        let top = try await blocking { try Walk(root, "", isRecursive: false) }
        let second = try await concurrently(top.folders, limit: Cancellation.width) { folder in
            try await blocking { try Walk(root, folder, isRecursive: false) }
        }
        let third = try await concurrently(second.flatMap(\.folders), limit: Cancellation.width) { folder in
            try await blocking { try Walk(root, folder, isRecursive: true) }
        }
        let walks = ([top] + second + third).sorted { $0.folder < $1.folder }
        key = Cache.key(walks.flatMap { [$0.folder, $0.digest] })
        lastChange = walks.map(\.lastChange).max() ?? 0
    }

    /// Whether a later change of a file must have given it another time.
    func isSettled(_ now: Int64) -> Bool { now - lastChange > TreeScan.granularity }

    /// One part: the entries of a folder, and where it is recursive of those below it.
    private struct Walk: Sendable {
        let folder: String
        var digest = ""
        var lastChange: Int64 = 0
        /// The folders in it, where the walk is not recursive.
        var folders: [String] = []

        init(_ root: String, _ folder: String, isRecursive: Bool) throws {
            self.folder = folder
            var hash = SHA256()
            var waiting = [folder]
            while let next = waiting.popLast() {
                try Cancellation.check()
                let inner = try read(root, next, &hash)
                if isRecursive { waiting += inner } else { folders += inner }
            }
            digest = ContentHash.hex(hash.finalize())
        }

        /// Adds the entries of a folder.
        ///
        /// - Returns: the folders among them.
        private mutating func read(_ root: String, _ folder: String, _ hash: inout SHA256) throws -> [String] {
            let place = folder.isEmpty ? root : root + "/" + folder
            guard let stream = opendir(place) else {
                throw HarnessError(
                    .input, "cannot read the folder \(place): \(String(cString: strerror(errno)))", hint: "check that you may read the whole tree")
            }
            defer { closedir(stream) }
            var inner: [String] = []
            var bytes = Array(folder.utf8) + [0]
            while let entry = readdir(stream) {
                withUnsafePointer(to: &entry.pointee.d_name) { name in
                    let name = UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self)
                    if name[0] == 0x2e, name[1] == 0 || name[1] == 0x2e && name[2] == 0 || folder.isEmpty && strcmp(name, ".git") == 0 { return }
                    var status = stat()
                    guard fstatat(dirfd(stream), name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return }
                    bytes.append(contentsOf: UnsafeRawBufferPointer(start: name, count: strlen(name) + 1))
                    let isFolder = status.st_mode & S_IFMT == S_IFDIR
                    let modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
                    let changed = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
                    // A folder's own times change with its entries, which are all here.
                    let values =
                        isFolder
                        ? (Int64(status.st_mode), 0, 0, 0, 0)
                        : (
                            Int64(status.st_mode), Int64(status.st_size), modified, changed,
                            Int64(bitPattern: UInt64(status.st_ino))
                        )
                    withUnsafeBytes(of: values) { bytes.append(contentsOf: $0) }
                    if isFolder {
                        let name = String(cString: name)
                        inner.append(folder.isEmpty ? name : folder + "/" + name)
                    } else {
                        lastChange = max(lastChange, modified, changed)
                    }
                }
            }
            bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
            return inner
        }
    }
}

/// The name that a tree had, and what it was found from.
struct TreeMemo: Codable, Sendable, Equatable {
    var format = "1"
    var fingerprint: TreeFingerprint
    /// The commit of a git tree; nil without a repository.
    var commit: String?
    /// Files that are not the commit's, and those of them that git ignores: the rules for it are in files outside of the tree, too.
    var new: [String]
    var ignored: [String]
    /// Symbolic links: the key has no content of what they lead to.
    var links: [String]
    var identity: String

    /// nil where the name may change without a change of the key.
    init?(_ state: TreeState, _ fingerprint: TreeFingerprint, now: Int64) {
        guard fingerprint.isSettled(now), !state.index.records.values.contains(where: \.outside) else { return nil }
        self.fingerprint = fingerprint
        commit = state.head?.commit
        (new, ignored, links) = (state.new, state.ignored.sorted(), state.links)
        identity = state.identity
    }

    /// The memo in a file; nil where there is none.
    init?(file: String) {
        guard let data = FileManager.default.contents(atPath: file), let memo = try? JSONDecoder().decode(Self.self, from: data),
            memo.format == format
        else { return nil }
        self = memo
    }

    /// Whether the tree still has that name.
    ///
    /// - Throws: `HarnessError` of kind `.input` where a link leads to a folder that the tree does not have.
    func isCurrent(_ fingerprint: TreeFingerprint, commit: String?, root: String) async throws -> Bool {
        guard self.fingerprint == fingerprint, self.commit == commit else { return false }
        for link in links where try TreeScan.outside(root + "/" + link, root: root) != nil { return false }
        guard let git = GitTree(root) else { return commit == nil }
        return try await git.ignored(new).sorted() == ignored
    }
}
