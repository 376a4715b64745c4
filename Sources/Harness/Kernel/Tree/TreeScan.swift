// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc

/// Lists and hashes the files of a tree under test; reads only.
enum TreeScan {
    /// Suffixes of files that compilers and Kbuild make; a kernel source has no such file.
    private static let products = [".o", ".ko", ".a", ".cmd", ".mod", ".mod.c", ".o.d", ".dwo", ".gcno", ".su"]

    /// Every file and symbolic link below a plain folder, without .git and the products of compilers and Kbuild.
    static func sources(_ root: String) throws -> [String] {
        try walk(root, skipping: ["include/config", "include/generated"]).filter { !isProduct($0) }
    }

    /// Every file and symbolic link below a folder, without .git.
    static func everything(_ root: String) throws -> [String] { try walk(root, skipping: []) }

    private static func walk(_ root: String, skipping: Set<String>) throws -> [String] {
        var paths: [String] = []
        var folders = [""]
        while let folder = folders.popLast() {
            try Cancellation.check()
            guard let stream = opendir(root + "/" + folder) else {
                throw HarnessError(
                    .input, "cannot read the folder \(root)/\(folder): \(String(cString: strerror(errno)))",
                    hint: "check that you may read the whole tree")
            }
            defer { closedir(stream) }
            while let entry = readdir(stream) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
                }
                if name == "." || name == ".." || name == ".git" { continue }
                let path = folder.isEmpty ? name : folder + "/" + name
                var kind = Int32(entry.pointee.d_type)
                if kind == DT_UNKNOWN { kind = kindOf(root + "/" + path) }
                if kind == DT_DIR {
                    if !skipping.contains(path) { folders.append(path) }
                } else if kind == DT_REG || kind == DT_LNK {
                    paths.append(path)
                }
            }
        }
        return paths
    }

    private static let DT_DIR: Int32 = 4, DT_REG: Int32 = 8, DT_LNK: Int32 = 10, DT_UNKNOWN: Int32 = 0

    private static func kindOf(_ path: String) -> Int32 {
        switch FileStatus(path)?.kind {
        case .file: DT_REG
        case .folder: DT_DIR
        case .link: DT_LNK
        default: DT_UNKNOWN
        }
    }

    private static func isProduct(_ path: String) -> Bool {
        if path.utf8.first == UInt8(ascii: "."), path == ".config" || path.hasPrefix(".tmp_") || path == ".version" { return true }
        if path == "vmlinux" || path == "System.map" || path == "Module.symvers" || path == "modules.order" { return true }
        return products.contains { path.utf8.count > $0.utf8.count && path.hasSuffix($0) }
    }

    /// Brings `index` up to date with the files `paths` of `root`: hashes those whose size, time or inode is new.
    ///
    /// A file that was changed within the last second is hashed again the next time: two writes may have the same modification time.
    ///
    /// - Throws: `HarnessError` of kind `.input` where a file cannot be read; `CancellationError`.
    static func refresh(_ index: TreeIndex, root: String, paths: [String]) async throws -> TreeIndex {
        let now = FileStatus.now()
        let batches = stride(from: 0, to: paths.count, by: 2000).map { paths[$0..<min($0 + 2000, paths.count)] }
        let records = try await concurrently(batches, limit: Cancellation.width) { batch in
            try await blocking {
                try batch.compactMap { path in try record(root + "/" + path, old: index.records[path], now: now).map { (path, $0) } }
            }
        }
        var fresh = TreeIndex()
        fresh.records.reserveCapacity(paths.count)
        for (path, record) in records.joined() { fresh.records[path] = record }
        return fresh
    }

    /// nil where there is no file or link.
    private static func record(_ path: String, old: TreeIndex.Record?, now: Int64) throws -> TreeIndex.Record? {
        try Cancellation.check()
        guard let status = FileStatus(path), status.kind == .file || status.kind == .link else { return nil }
        let kind = status.kind == .link ? "l" : status.executable ? "x" : "-"
        if let old,
            old.generated
                || (old.size == status.size && old.modified == status.modified && old.inode == status.inode && old.identity.hasPrefix(kind))
        {
            return old
        }
        let trusted = now - status.modified > 1_000_000_000
        return TreeIndex.Record(
            size: status.size, modified: trusted ? status.modified : -1, inode: status.inode, identity: try identity(path, status),
            mirrored: old?.mirrored ?? "", mirrorModified: old?.mirrorModified ?? 0)
    }

    /// A file's kind and the hash of its content, or a link's target.
    static func identity(_ path: String, _ status: FileStatus) throws -> String {
        guard status.kind == .link else { return (status.executable ? "x" : "-") + (try ContentHash.ofFile(path)) }
        let target = try Files.trying("read the link \(path)") { try FileManager.default.destinationOfSymbolicLink(atPath: path) }
        return "l" + ContentHash.of(target)
    }
}
