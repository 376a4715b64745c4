// SPDX-License-Identifier: GPL-2.0

import Foundation
import Synchronization

/// What processes that were killed left behind, and no living process owns.
public enum Leftovers {
    /// The beginning of the names of temporary folders.
    static let prefix = "ppiov-"

    /// Where the folders of sockets are made: `$XDG_RUNTIME_DIR`, then `/tmp`.
    static var runtime: [String] {
        let given = ProcessInfo.processInfo.environment["XDG_RUNTIME_DIR"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        return [given, "/tmp"].compactMap { $0 }
    }

    /// `TMPDIR`, or /tmp.
    static var temporary: String {
        let path = NSTemporaryDirectory()
        return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// By path, held until this process ends: it owns the unfinished files with its tag.
    private static let own = Mutex<[String: FileLock]>([:])

    /// The beginning of the name of the lock of a process, in the cache's `locks`.
    private static let process = "process-"

    /// Removes the temporary folders, and what was not finished in the cache. What this process makes from now on is its own until it ends.
    public static func sweep(_ cache: Cache) {
        sweepProcesses(cache)
        for base in Set(runtime + [temporary, cache.root + "/" + series]) { OwnedFolder.sweep(base, prefix: prefix) }
        // A snapshot is made by the process that holds its lock.
        let snapshots = cache.root + "/snapshots"
        for name in Files.names(in: snapshots) where name.hasSuffix(unfinished) {
            let key = name.dropLast(unfinished.count)
            guard let lock = try? FileLock.acquireIfFree("\(snapshots)/\(key).lock") else { continue }
            try? Files.remove(snapshots + "/" + name)
            lock.release()
        }
    }

    private static func sweepProcesses(_ cache: Cache) {
        // A cache that cannot be written is reported by what needs it.
        guard let locks = try? cache.folder("locks") else { return }
        own.withLock { own in
            let path = locks + "/" + process + Files.processTag
            // Another process that sweeps may remove the file between its creation and the lock.
            while own[path] == nil, let free = try? FileLock.acquireIfFree(path) { own[path] = FileStatus(path) == nil ? nil : free }
        }
        for name in Files.names(in: locks) where name.hasPrefix(process) {
            let tag = name.dropFirst(process.count)
            guard tag != Files.processTag, let lock = try? FileLock.acquireIfFree(locks + "/" + name) else { continue }
            for folder in Files.names(in: cache.root) {
                for entry in Files.names(in: cache.root + "/" + folder) where entry.contains(".tmp-\(tag)-") {
                    try? Files.remove("\(cache.root)/\(folder)/\(entry)")
                }
            }
            try? Files.remove(locks + "/" + name)
            lock.release()
        }
    }

    /// To be called when the command has ended and has removed what it made.
    public static func end(_ cache: Cache) {
        own.withLock { own in
            let path = cache.root + "/locks/" + process + Files.processTag
            guard own[path] != nil else { return }
            try? Files.remove(path)
            own[path] = nil
        }
    }

    /// The folder in the cache for the repositories of series.
    static let series = "series"

    /// The end of the name of a snapshot that is being made.
    static let unfinished = ".making"
}
