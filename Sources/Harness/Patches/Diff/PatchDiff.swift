// SPDX-License-Identifier: GPL-2.0

/// Reads which files a diff touches, before git or patch(1) applies it.
enum PatchDiff {
    /// Which diffs are accepted.
    enum Kind {
        /// What `git apply` accepts: text between the files, new and removed files, renames, modes, binary parts.
        case any
        /// As `any`, and what follows a hunk is not judged: for a diff whose lines were validated before.
        case again
        /// Unified diffs from a/ to b/ and git's `diff --git` and `index` lines, nothing else; each hunk changes a line.
        case editsOnly
    }

    /// What a diff does to one file.
    struct File: Sendable, Equatable {
        /// The line of the diff where it begins, from 1.
        var line = 0
        /// Before; nil where the patch makes the file.
        var old: String?
        /// After; nil where the patch removes it.
        var new: String?
        /// The first line of each hunk, in the file before.
        var hunks: [Int] = []
        /// The lines that its hunks add.
        var added = 0
        /// The lines that its hunks remove.
        var deleted = 0
        /// It is changed by git's binary parts, not by hunks.
        var isBinary = false

        /// The file's name for the reader.
        var name: String { new ?? old ?? "" }
    }

    /// A character in a changed line that changes the order in which the line is drawn.
    struct Bidirectional: Sendable, Equatable {
        var file: String
        /// In the file: after the patch for a line that is added, before it for one that is removed.
        var line: Int
        var isAdded: Bool
        /// Each once: "U+202E".
        var characters: [String]
    }

    /// The fault of a diff, and its line.
    struct Malformed: Error, Equatable {
        var line: Int
        var what: String
        /// What helps in this case; nil where another copy of the patch is what helps.
        var hint: String?
    }

    /// A diff that was read.
    struct Reading: Sendable, Equatable {
        /// In the diff's order; a file may be in it more than once.
        var files: [File] = []
        /// The lines that were validated, byte for byte, and no other: without the text before, between and after the files.
        var diff: [UInt8] = []
        var bidirectional: [Bidirectional] = []
    }

    /// Reads a diff. One without any file has no fault.
    ///
    /// Only files of the tree are accepted: no path that leads out of it, or into a repository's own folder. A file that is removed is not
    /// edited as well.
    ///
    /// - Parameter strip: as `-p` of `git apply`: 1 where the names have a first part like `a/`, 0 where they have none.
    static func read(_ diff: [UInt8], _ kind: Kind = .any, strip: Int = 1) throws(Malformed) -> Reading {
        var reader = DiffReader(ByteLines(diff), kind, strip: strip)
        return try reader.read()
    }

    /// The files that a diff touches, in its order; one at least.
    static func files(_ diff: [UInt8], _ kind: Kind = .any) throws(Malformed) -> [File] {
        let files = try read(diff, kind).files
        guard !files.isEmpty else { throw Malformed(line: 1, what: "there is no diff") }
        return files
    }

    /// A patch may name a file twice, but may not remove and edit it.
    static func requireNoEditOfRemoved(_ files: [File]) throws(Malformed) {
        var touched: [String: Int] = [:]
        for file in files {
            for name in Set([file.old, file.new].compactMap { $0 }) { touched[name, default: 0] += 1 }
        }
        for file in files {
            if let old = file.old, file.new == nil, touched[old, default: 0] > 1 {
                throw Malformed(
                    line: file.line, what: "it removes \(old) and edits it as well",
                    hint: "if it is several commits in one diff, give each as a patch of its own: `git format-patch`")
            }
        }
    }
}
