// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc

/// The harness's own copy of a tree under test: one stable folder per origin, brought up to date file by file, so that
/// make sees only what changed.
struct TreeMirror: Sendable {
    /// The tree under test, which is only read.
    var origin: String
    /// The copy.
    var folder: String

    /// The origin changed while it was copied; the caller looks again.
    struct Changed: Error {}

    /// Copies what differs, removes what is gone.
    ///
    /// The first copy keeps the origin's times. A later one has the present, so that it is newer than any object made of
    /// what it replaces. What did not change is not touched.
    ///
    /// - Returns: the index with what the mirror now holds, and how many files were written or removed.
    /// - Throws: `Changed`; `HarnessError`; `CancellationError`. The mirror may then be half new: the index given to the
    ///   next call says what it held, and whatever differs from it is copied again.
    func sync(_ index: TreeIndex) throws -> (index: TreeIndex, changes: Int) {
        var index = index
        let first = FileStatus(folder) == nil
        let now = FileStatus.now()
        try Disk.makeFolder(folder)
        var changes = 0
        var made: Set<String> = []
        for (path, record) in index.records where !record.generated {
            let target = folder + "/" + path
            if record.mirrored == record.identity, let status = FileStatus(target), status.modified == record.mirrorModified { continue }
            try Task.checkCancellation()
            let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
            if made.insert(parent).inserted { try makeParent(parent) }
            try copy(path, record, to: target, modified: first && record.modified > 0 ? min(record.modified, now) : now)
            index.records[path]?.mirrored = record.identity
            index.records[path]?.mirrorModified = FileStatus(target)?.modified ?? 0
            changes += 1
        }
        return (index, changes + (first ? 0 : try removeStrangers(index)))
    }

    private func makeParent(_ parent: String) throws {
        guard !parent.isEmpty, !Disk.isFolder(folder + "/" + parent) || FileStatus(folder + "/" + parent)?.kind == .link else { return }
        // A file or a link may stand where the origin now has a folder.
        var path = folder
        for part in parent.split(separator: "/") {
            path += "/" + part
            if let status = FileStatus(path), status.kind != .folder { try Disk.remove(path) }
        }
        try Disk.makeFolder(folder + "/" + parent)
    }

    private func copy(_ path: String, _ record: TreeIndex.Record, to target: String, modified: Int64) throws {
        let source = origin + "/" + path
        if let status = FileStatus(target), status.kind == .folder || record.identity.hasPrefix("l") { try Disk.remove(target) }
        if record.identity.hasPrefix("l") {
            guard let link = try? FileManager.default.destinationOfSymbolicLink(atPath: source), "l" + ContentHash.of(link) == record.identity else {
                throw Changed()
            }
            try Disk.trying("copy \(source)") { try FileManager.default.createSymbolicLink(atPath: target, withDestinationPath: link) }
        } else {
            guard let data = FileManager.default.contents(atPath: source), ContentHash.of(data) == record.identity.dropFirst() else { throw Changed() }
            let temporary = folder + "/.ppiov-copy"
            try Disk.trying("copy \(source) to \(target)") {
                try data.write(to: URL(fileURLWithPath: temporary))
                let mode = record.identity.hasPrefix("x") ? 0o755 : 0o644
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: temporary)
            }
            guard Glibc.rename(temporary, target) == 0 else {
                throw HarnessError(.harness, "cannot put \(target) into place: \(String(cString: strerror(errno)))", hint: "remove \(folder) and run again")
            }
        }
        FileStatus.setModified(target, modified)
    }

    /// Removes files the index does not name, and folders left empty.
    private func removeStrangers(_ index: TreeIndex) throws -> Int {
        var removed = 0
        for path in try TreeScan.everything(folder) where index.records[path].map({ $0.generated }) ?? true {
            try Disk.remove(folder + "/" + path)
            removed += 1
            var parent = path
            while let slash = parent.lastIndex(of: "/") {
                parent = String(parent[..<slash])
                guard rmdir(folder + "/" + parent) == 0 else { break }
            }
        }
        return removed
    }
}
