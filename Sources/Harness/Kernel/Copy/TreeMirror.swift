// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc

/// The harness's copy of a tree under test: one folder for each origin, updated file by file, so that make compiles only the changes.
struct TreeMirror: Sendable {
    /// The tree under test, which is only read.
    var origin: String
    /// The copy.
    var folder: String

    /// The files that replace some of the origin's.
    var overlay: Overlay?

    /// The origin changed while it was copied; the caller scans it again.
    struct Changed: Error {}

    /// Copies the files that differ, and removes those that the origin no longer has.
    ///
    /// The first copy keeps the origin's times. A later one has the present time, so that it is newer than any object made of
    /// the file that it replaces. An unchanged file is not touched.
    ///
    /// - Returns: the index with the mirror's new state, and how many files were written or removed.
    /// - Throws: `Changed`; `HarnessError`; `CancellationError`. The mirror may then be half new: the next call copies every file that
    ///   differs from the index that it is given.
    func sync(_ index: TreeIndex) async throws -> (index: TreeIndex, changes: Int) {
        let first = FileStatus(folder) == nil
        let jobs = try await blocking { try plan(index, first: first) }
        let copied = try await copied(jobs)
        return try await blocking {
            var index = index
            // The origin's part of a record stays; the mirror's part is new.
            for (path, record) in copied where index.records[path] != nil {
                index.records[path]?.mirrored = record.mirrored
                index.records[path]?.mirrorModified = record.mirrorModified
            }
            return (index, jobs.count + (first && overlay == nil ? 0 : try removeExtra(index)))
        }
    }

    /// The files to copy. Makes the folders for them.
    private func plan(_ index: TreeIndex, first: Bool) throws -> [Job] {
        let now = FileStatus.now()
        try Files.makeFolder(folder)
        var jobs: [Job] = []
        var made: Set<String> = []
        func add(_ path: String, _ record: TreeIndex.Record, from source: String, modified: Int64) throws {
            let target = folder + "/" + path
            if record.mirrored == record.identity, let status = FileStatus(target), status.modified == record.mirrorModified { return }
            let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
            try Cancellation.check()
            if made.insert(parent).inserted { try makeParent(parent) }
            jobs.append(Job(path: path, source: source, record: record, modified: modified))
        }
        for (path, record) in index.records where !record.generated && overlay?.files[path] == nil {
            let source = record.outside ? try TreeScan.outside(origin + "/" + path, root: origin) : nil
            try add(path, record, from: source ?? origin + "/" + path, modified: first && record.modified > 0 ? min(record.modified, now) : now)
        }
        for case (let path, let file?) in overlay?.files ?? [:] {
            var record = index.records[path] ?? TreeIndex.Record(size: 0, modified: 0, changed: 0, inode: 0, identity: "")
            record.identity = file.identity
            try add(path, record, from: file.path, modified: now)
        }
        return jobs
    }

    /// One file to copy.
    private struct Job: Sendable {
        var path: String
        /// The file that is copied.
        var source: String
        var record: TreeIndex.Record
        /// The time to give the copy.
        var modified: Int64
    }

    /// Copies the files, several at a time; their folders are there.
    private func copied(_ jobs: [Job]) async throws -> [(String, TreeIndex.Record)] {
        let batches = stride(from: 0, to: jobs.count, by: 500).map { (number: $0, jobs: jobs[$0..<min($0 + 500, jobs.count)]) }
        return try await concurrently(batches, limit: Cancellation.width) { batch in
            try await blocking { try batch.jobs.map { ($0.path, try copy($0, temporary: "\(folder)/.ppiov-copy-\(batch.number)")) } }
        }.flatMap(\.self)
    }

    private func makeParent(_ parent: String) throws {
        guard !parent.isEmpty, !Files.isFolder(folder + "/" + parent) || FileStatus(folder + "/" + parent)?.kind == .link else { return }
        // There may be a file or a link in the place of a folder that the origin now has.
        var path = folder
        for part in parent.split(separator: "/") {
            path += "/" + part
            if let status = FileStatus(path), status.kind != .folder { try Files.remove(path) }
        }
        try Files.makeFolder(folder + "/" + parent)
    }

    /// - Returns: the record with the mirror's new state.
    private func copy(_ job: Job, temporary: String) throws -> TreeIndex.Record {
        try Cancellation.check()
        var record = job.record
        let source = job.source
        let target = folder + "/" + job.path
        if let status = FileStatus(target), status.kind == .folder || record.identity.utf8.first == UInt8(ascii: "l") { try Files.remove(target) }
        if record.identity.utf8.first == UInt8(ascii: "l") {
            guard let link = try? FileManager.default.destinationOfSymbolicLink(atPath: source), "l" + ContentHash.of(link) == record.identity else {
                throw Changed()
            }
            try Files.trying("copy \(source)") { try FileManager.default.createSymbolicLink(atPath: target, withDestinationPath: link) }
            FileStatus.setModified(target, job.modified)
        } else {
            guard let hash = try HashedCopy.copy(source, to: temporary, executable: record.identity.utf8.first == UInt8(ascii: "x")),
                hash == record.identity.dropFirst()
            else {
                try? Files.remove(temporary)
                throw Changed()
            }
            FileStatus.setModified(temporary, job.modified)
            guard Glibc.rename(temporary, target) == 0 else {
                throw HarnessError(
                    .harness, "cannot put \(target) into place: \(String(cString: strerror(errno)))", hint: "remove \(folder) and run again")
            }
        }
        record.mirrored = record.identity
        record.mirrorModified = FileStatus(target)?.modified ?? 0
        return record
    }

    /// Whether the mirror has a file that it must not have.
    private func isExtra(_ path: String, _ index: TreeIndex) -> Bool {
        if let file = overlay?.files[path] { return file == nil }
        return index.records[path]?.generated ?? true
    }

    /// Removes files that neither the index nor the overlay has, and the folders that this empties.
    private func removeExtra(_ index: TreeIndex) throws -> Int {
        var removed = 0
        for path in try TreeScan.everything(folder) where isExtra(path, index) {
            try Files.remove(folder + "/" + path)
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
