// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import Results

/// Lists and hashes the files of a tree under test; reads only.
enum TreeScan {
    /// Every file and symbolic link below a plain folder, without .git and the products of compilers and Kbuild.
    static func sources(_ root: String) throws -> [String] { try folder(root).paths.filter { !TreeFiles.isProduct($0) } }

    /// A plain folder, without what an in-tree build generates.
    static func folder(_ root: String) throws -> TreeListing { try TreeListing(root, skipping: ["include/config", "include/generated"]) }

    /// Every file and symbolic link below a folder of the harness, without .git.
    static func everything(_ root: String) throws -> [String] { try TreeListing(root).paths }

    /// A source file that is newer than a product of the tree; nil where there is none. What a build makes after vmlinux does not count.
    static func source(newerThan product: String, in root: String) throws -> String? {
        guard let built = FileStatus(product) else { return nil }
        let apart = ["Documentation/", "tools/", "samples/", "usr/"]
        return try sources(root).first { path in
            guard TreeFiles.mayBeRead(path), !TreeFiles.isInGeneratedFolder(path), !apart.contains(where: path.begins) else { return false }
            guard !(path.begins(with: "arch/") && path.holds("/boot/")) else { return false }
            return (FileStatus(root + "/" + path)?.modified ?? 0) > built.modified
        }
    }

    /// Brings `index` up to date with the files `paths` of `root`: hashes those of which the size, a time or the inode is new.
    ///
    /// A file that was changed within the last seconds is hashed again the next time: two writes may have the same time.
    ///
    /// - Parameter format: the format of git's hashes, where the files are compared with a commit.
    /// - Throws: `HarnessError` of kind `.input` where a file cannot be read, changes while it is read, or is not part of the tree that names it;
    ///   `CancellationError`.
    static func refresh(_ index: TreeIndex, root: String, paths: [String], format: BlobFormat? = nil) async throws -> TreeIndex {
        let now = FileStatus.now()
        let batches = stride(from: 0, to: paths.count, by: 2000).map { paths[$0..<min($0 + 2000, paths.count)] }
        let records = try await concurrently(batches, limit: Cancellation.width) { batch in
            try await blocking {
                try batch.compactMap { path in try record(root, path, old: index.records[path], now: now, format).map { (path, $0) } }
            }
        }
        var fresh = TreeIndex()
        fresh.records.reserveCapacity(paths.count)
        for (path, record) in records.joined() {
            // Two names that are equal to Swift and not to the kernel.
            guard fresh.records.updateValue(record, forKey: path) == nil else {
                throw HarnessError(
                    .input, "\(root) has two files whose names differ only in the form of a letter: \(path)", hint: "rename or remove one of them")
            }
        }
        return fresh
    }

    /// The seconds, in nanoseconds, within which a file system may give two writes the same time.
    static let granularity: Int64 = 3_000_000_000

    /// nil where there is no file or link.
    private static func record(
        _ root: String, _ path: String, old: TreeIndex.Record?, now: Int64, _ format: BlobFormat?
    ) throws -> TreeIndex.Record? {
        try Cancellation.check()
        let file = root + "/" + path
        guard var status = FileStatus(file), status.kind == .file || status.kind == .link else { return nil }
        if let old, old.generated || old.isCurrent(status, format) { return old }
        for _ in 0..<5 {
            let content: Content
            do {
                content = try Content(file, status, root: root, format)
            } catch let error as HarnessError {
                if FileStatus(file) == nil { return nil }
                throw error
            }
            guard let after = FileStatus(file), after.kind == .file || after.kind == .link else { return nil }
            if after == status {
                let trusted = now - max(status.modified, status.changed) > granularity
                return TreeIndex.Record(
                    size: status.size, modified: status.modified, changed: trusted ? status.changed : -1, inode: status.inode,
                    identity: content.identity, blob: content.blob, mirrored: old?.mirrored ?? "", mirrorModified: old?.mirrorModified ?? 0,
                    survived: old?.survived ?? false, outside: content.isOutside)
            }
            status = after
        }
        throw HarnessError(.input, "\(file) changes while it is read", hint: "end the programs that write there, then run again")
    }

    /// What a path has for the build.
    private struct Content {
        var identity: String
        var blob = ""
        var isOutside = false

        init(_ path: String, _ status: FileStatus, root: String, _ format: BlobFormat?) throws {
            guard status.kind == .link else {
                let (hash, blob) = try ContentHash.ofFile(path, size: status.size, format)
                identity = (status.executable ? "x" : "-") + hash
                self.blob = blob
                return
            }
            if let target = try TreeScan.outside(path, root: root), let file = FileStatus(target) {
                identity = (file.executable ? "x" : "-") + (try ContentHash.ofFile(target))
                isOutside = true
                return
            }
            let target = try Files.trying("read the link \(path)") { try FileManager.default.destinationOfSymbolicLink(atPath: path) }
            identity = "l" + ContentHash.of(target)
            blob = format.map { ContentHash.blob(Array(target.utf8), $0) } ?? ""
        }
    }

    /// The file outside of the tree that a symbolic link leads to; nil where it leads to none.
    ///
    /// - Throws: `HarnessError` of kind `.input` for a link to a folder with sources: its files are no part of the tree, and a build reads them.
    static func outside(_ link: String, root: String) throws -> String? {
        guard let resolved = realpath(link, nil) else { return nil }
        defer { free(resolved) }
        let target = String(cString: resolved)
        guard target != root, !target.begins(with: root + "/") else { return nil }
        switch FileStatus(target)?.kind {
        case .file: return target
        case .folder:
            let names = TreeListing.isObjects(target) ? [] : Files.names(in: target)
            guard let first = names.first(where: TreeFiles.mayBeRead) else { return nil }
            throw HarnessError(
                .input, "\(link) is a symbolic link to a folder outside of the tree, \(target), which has sources (\(first))",
                hint: "put a copy of the folder in the link's place, or mount it there: `mount --bind \(target) ...`; ppiov follows links to files")
        default: return nil
        }
    }

    /// A file's kind and the hash of its content, or a link's target.
    static func identity(_ path: String, _ status: FileStatus) throws -> String {
        guard status.kind == .link else { return (status.executable ? "x" : "-") + (try ContentHash.ofFile(path)) }
        let target = try Files.trying("read the link \(path)") { try FileManager.default.destinationOfSymbolicLink(atPath: path) }
        return "l" + ContentHash.of(target)
    }
}
