// SPDX-License-Identifier: GPL-2.0

/// The files of a tree under test at one moment, and its name by their content.
struct TreeState: Sendable {
    var index: TreeIndex
    /// The commit that a git tree is on.
    let head: CommitFiles?
    /// Files that are not the commit's, those of them that git ignores, and all symbolic links.
    var new: [String] = []
    var ignored: Set<String> = []
    var links: [String] = []

    /// "git:COMMIT" where every file is the commit's and there is no other; "git:COMMIT+changes:KEY" where files differ, are missing or are new;
    /// "folder:KEY" without a repository.
    var identity: String {
        guard let head else { return "folder:" + index.contentKey }
        var same = 0
        var changes: [String] = []
        for (path, record) in index.records where !record.generated {
            if head.has(path, as: record) { same += 1 } else { changes.append(path + "\0" + record.identity) }
        }
        if same < head.count { changes += head.paths.filter { index.records[$0]?.generated ?? true }.map { $0 + "\0gone" } }
        return changes.isEmpty ? "git:" + head.commit : "git:\(head.commit)+changes:" + Cache.key(changes.sorted())
    }

    /// Whether there may be files of an in-tree build that `make mrproper` was not tried on.
    var hasUncleaned: Bool {
        index.records.contains { path, record in !record.generated && !record.survived && head?.has(path) != true }
    }
}
