// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Lets go of what nobody has asked for lately, where each new kernel or agent leaves one more: snapshots, guest images.
///
/// All of it can be made again in seconds, and without this a developer's cache grows by gigabytes a day.
enum CacheAge {
    /// So many stay however old they are.
    static let kept = 16
    /// What was used within so many seconds stays however many there are: another run may be about to use it.
    static let safe: Int64 = 24 * 3600

    /// Says that an entry was used now.
    static func use(_ path: String) { FileStatus.setModified(path, FileStatus.now()) }

    /// Removes the entries of a folder that were used least recently; what fails is left for the next time.
    ///
    /// - Parameter isEntry: which names count; the others are not touched.
    static func prune(_ folder: String, now: Int64 = FileStatus.now(), _ isEntry: (String) -> Bool) {
        let entries = Disk.names(in: folder).filter(isEntry).compactMap { name in
            FileStatus(folder + "/" + name).map { (path: folder + "/" + name, used: $0.modified) }
        }
        for entry in entries.sorted(by: { $0.used > $1.used }).dropFirst(kept) where now - entry.used > safe * 1_000_000_000 {
            try? Disk.remove(entry.path)
        }
    }
}
