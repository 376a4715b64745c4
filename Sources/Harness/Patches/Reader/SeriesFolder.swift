// SPDX-License-Identifier: GPL-2.0

/// A folder in the cache for one use by one process.
struct SeriesFolder: Sendable {
    private let folder: OwnedFolder

    var path: String { folder.path }

    init(_ cache: Cache) throws {
        let base = try cache.folder(Leftovers.series)
        OwnedFolder.sweep(base, prefix: Leftovers.prefix)
        do {
            folder = try OwnedFolder(in: base, prefix: Leftovers.prefix)
        } catch let error as HarnessError {
            throw HarnessError(.harness, "cannot make a folder in \(base): \(error.message)", hint: "set XDG_CACHE_HOME to a folder with space")
        }
    }

    func remove() { folder.remove() }
}
