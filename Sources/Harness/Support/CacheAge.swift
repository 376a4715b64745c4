// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Removes the cache entries that were used least recently. For snapshots and guest images, of which each new kernel or agent adds one.
///
/// They can be made again in seconds. Without this the cache of a developer grows by gigabytes a day.
enum CacheAge {
    /// The number of entries that stay, of any age.
    static let kept = 16
    /// An entry that was used within this many seconds stays, whatever their number: another run may be about to use it.
    static let safe: Int64 = 24 * 3600

    /// Records that an entry is used now.
    static func use(_ path: String) { FileStatus.setModified(path, FileStatus.now()) }

    /// Removes the entries of a folder that were used least recently. An entry that cannot be removed is tried again the next time.
    ///
    /// - Parameter isEntry: whether a name is an entry; other names are not touched.
    static func prune(_ folder: String, now: Int64 = FileStatus.now(), _ isEntry: (String) -> Bool) {
        let entries = Files.names(in: folder).filter(isEntry).compactMap { name in
            FileStatus(folder + "/" + name).map { (path: folder + "/" + name, used: $0.modified) }
        }
        for entry in entries.sorted(by: { $0.used > $1.used }).dropFirst(kept) where now - entry.used > safe * 1_000_000_000 {
            try? Files.remove(entry.path)
        }
    }
}
