// SPDX-License-Identifier: GPL-2.0

import Foundation

/// A folder in the cache for one use by one process.
struct SeriesFolder: Sendable {
    let path: String

    init(_ cache: Cache) throws {
        let folder = try cache.folder("series")
        // The folders of processes that were killed.
        for name in Files.names(in: folder) {
            guard let pid = name.split(separator: "-").first.flatMap({ Int32($0) }), kill(pid, 0) != 0, errno == ESRCH else { continue }
            try Files.remove(folder + "/" + name)
        }
        path = "\(folder)/\(getpid())-\(UUID().uuidString.prefix(8))"
        try Files.makeFolder(path)
    }

    func remove() { try? Files.remove(path) }
}
