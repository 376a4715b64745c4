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

    /// What stands in the place of some of the origin's files.
    var overlay: Overlay?

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
    func sync(_ index: TreeIndex) async throws -> (index: TreeIndex, changes: Int) {
        var index = index
        let first = FileStatus(folder) == nil
        let now = FileStatus.now()
        try Disk.makeFolder(folder)
        var jobs: [Job] = []
        var made: Set<String> = []
        func job(_ path: String, _ record: TreeIndex.Record, from source: String, modified: Int64) throws {
            let target = folder + "/" + path
            if record.mirrored == record.identity, let status = FileStatus(target), status.modified == record.mirrorModified { return }
            let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
            if made.insert(parent).inserted { try makeParent(parent) }
            jobs.append(Job(path: path, source: source, record: record, modified: modified))
        }
        for (path, record) in index.records where !record.generated && overlay?.files[path] == nil {
            try job(path, record, from: origin + "/" + path, modified: first && record.modified > 0 ? min(record.modified, now) : now)
        }
        for case (let path, let file?) in overlay?.files ?? [:] {
            var record = index.records[path] ?? TreeIndex.Record(size: 0, modified: 0, inode: 0, identity: "")
            record.identity = file.identity
            try job(path, record, from: file.path, modified: now)
        }
        // What the index says of the origin stays; what the mirror holds is new.
        for (path, record) in try await copied(jobs) where index.records[path] != nil {
            index.records[path]?.mirrored = record.mirrored
            index.records[path]?.mirrorModified = record.mirrorModified
        }
        return (index, jobs.count + (first && overlay == nil ? 0 : try removeStrangers(index)))
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
        let pieces = stride(from: 0, to: jobs.count, by: 500).map { jobs[$0..<min($0 + 500, jobs.count)] }
        return try await withThrowingTaskGroup(of: [(String, TreeIndex.Record)].self) { group in
            var waiting = pieces.enumerated().makeIterator()
            func start() {
                guard let (number, piece) = waiting.next() else { return }
                group.addTask { try piece.map { ($0.path, try copy($0, temporary: "\(folder)/.ppiov-copy-\(number)")) } }
            }
            for _ in 0..<max(2, ProcessInfo.processInfo.activeProcessorCount) { start() }
            var records: [(String, TreeIndex.Record)] = []
            records.reserveCapacity(jobs.count)
            while let done = try await group.next() {
                records += done
                start()
            }
            return records
        }
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

    /// - Returns: the record of what the mirror then holds.
    private func copy(_ job: Job, temporary: String) throws -> TreeIndex.Record {
        try Task.checkCancellation()
        var record = job.record
        let source = job.source
        let target = folder + "/" + job.path
        if let status = FileStatus(target), status.kind == .folder || record.identity.hasPrefix("l") { try Disk.remove(target) }
        if record.identity.hasPrefix("l") {
            guard let link = try? FileManager.default.destinationOfSymbolicLink(atPath: source), "l" + ContentHash.of(link) == record.identity else {
                throw Changed()
            }
            try Disk.trying("copy \(source)") { try FileManager.default.createSymbolicLink(atPath: target, withDestinationPath: link) }
            FileStatus.setModified(target, job.modified)
        } else {
            guard let hash = try HashedCopy.copy(source, to: temporary, executable: record.identity.hasPrefix("x")),
                hash == record.identity.dropFirst()
            else {
                try? Disk.remove(temporary)
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

    private func isStranger(_ path: String, _ index: TreeIndex) -> Bool {
        if let file = overlay?.files[path] { return file == nil }
        return index.records[path]?.generated ?? true
    }

    /// Removes files that neither the index nor the overlay has, and folders left empty.
    private func removeStrangers(_ index: TreeIndex) throws -> Int {
        var removed = 0
        for path in try TreeScan.everything(folder) where isStranger(path, index) {
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
