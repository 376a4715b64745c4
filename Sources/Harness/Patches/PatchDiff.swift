// SPDX-License-Identifier: GPL-2.0

/// Reads which files a diff touches, before git or patch(1) applies it.
enum PatchDiff {
    /// Which diffs are accepted.
    enum Kind {
        /// What `git apply` accepts: text between the files, new and removed files, renames, modes, binary parts.
        case any
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

        /// The file's name for the reader.
        var name: String { new ?? old ?? "" }
    }

    /// The fault of a diff, and its line.
    struct Malformed: Error, Equatable {
        var line: Int
        var what: String
    }

    /// The files that a diff touches, in its order.
    ///
    /// Only files of the tree are accepted: no path that leads out of it, or into a repository's own folder. A file that is removed is not
    /// edited as well.
    static func files(_ diff: [UInt8], _ kind: Kind = .any) throws(Malformed) -> [File] {
        var reader = Reader(diff, kind)
        try reader.read()
        return reader.files
    }

    private struct Reader {
        let lines: [String]
        let kind: Kind
        var at = 0
        var files: [File] = []

        init(_ diff: [UInt8], _ kind: Kind) {
            self.kind = kind
            var lines = diff.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
            if lines.last == "" { lines.removeLast() }
            self.lines = lines
        }

        func bad(_ what: String) -> Malformed { Malformed(line: at + 1, what: what) }

        mutating func read() throws(Malformed) {
            if let line = lines.firstIndex(where: { Self.isStructure($0) && $0.hasSuffix("\r") }) {
                at = line
                throw bad("its lines end in CR LF, those of the kernel in LF")
            }
            while at < lines.count {
                let line = lines[at]
                if line == "-- " { break }  // git's signature follows
                if line.hasPrefix("diff --git ") {
                    try section(git: true)
                } else if line.hasPrefix("--- "), at + 1 < lines.count, lines[at + 1].hasPrefix("+++ ") {
                    try section(git: false)
                } else if line.hasPrefix("@@ ") {
                    throw bad("a hunk without a file")
                } else {
                    guard kind == .any || line.isEmpty else { throw noEdit() }
                    at += 1
                }
            }
            guard !files.isEmpty else { throw Malformed(line: 1, what: "there is no diff") }
            try requireNoEditOfRemoved()
        }

        func noEdit() -> Malformed { bad("this is no part of a diff that edits files: \"\(lines[at].prefix(60))\"") }

        private static func isStructure(_ line: String) -> Bool {
            ["diff --git ", "--- ", "+++ ", "@@ "].contains { line.hasPrefix($0) }
        }

        /// A file's part: git's own lines, if any, then the two names, then hunks.
        private mutating func section(git: Bool) throws(Malformed) {
            var file = File(line: at + 1)
            var plain: String?
            if git {
                plain = Self.common(lines[at])
                at += 1
            }
            var (isNew, isGone, isBinary) = (false, false, false)
            lines: while at < lines.count {
                let line = lines[at]
                switch true {
                case line.hasPrefix("--- ") && at + 1 < lines.count && lines[at + 1].hasPrefix("+++ "):
                    file.old = try name(line, side: "a")
                    at += 1
                    file.new = try name(lines[at], side: "b")
                    at += 1
                    try hunks(&file)
                    break lines
                case kind == .editsOnly && !line.hasPrefix("index "): throw noEdit()
                case line.hasPrefix("rename from "), line.hasPrefix("copy from "): file.old = try path(Self.rest(line, 2))
                case line.hasPrefix("rename to "), line.hasPrefix("copy to "): file.new = try path(Self.rest(line, 2))
                case line.hasPrefix("new file mode"): isNew = true
                case line.hasPrefix("deleted file mode"): isGone = true
                case line.hasPrefix("GIT binary patch"), line.hasPrefix("Binary files "): isBinary = true
                case line.hasPrefix("old mode"), line.hasPrefix("new mode"), line.hasPrefix("similarity"), line.hasPrefix("dissimilarity"),
                    line.hasPrefix("index "):
                    break
                case isBinary && !line.hasPrefix("diff --git ") && line != "-- ": break
                default: break lines
                }
                at += 1
            }
            if file.old == nil, file.new == nil {
                guard let plain else { throw bad("it does not name the file it changes") }
                let path = try path(plain)
                file.old = isNew ? nil : path
                file.new = isGone ? nil : path
            }
            files.append(file)
        }

        private mutating func hunks(_ file: inout File) throws(Malformed) {
            while at < lines.count, lines[at].hasPrefix("@@ ") {
                guard let (start, old, new) = Self.counts(lines[at]) else { throw bad("this is no hunk's first line: \"\(lines[at].prefix(60))\"") }
                file.hunks.append(start)
                at += 1
                try hunk(old, new)
            }
            guard !file.hunks.isEmpty else { throw bad("\(file.name) has no hunk") }
        }

        private mutating func hunk(_ old: Int, _ new: Int) throws(Malformed) {
            var (old, new) = (old, new)
            var isChange = false
            while old > 0 || new > 0 {
                guard at < lines.count else { throw bad("the hunk is truncated: \(old) old and \(new) new lines are missing") }
                switch lines[at].first {
                case " ", nil: (old, new) = (old - 1, new - 1)
                case "-": (old, isChange) = (old - 1, true)
                case "+": (new, isChange) = (new - 1, true)
                case "\\": break
                default: throw bad("this is no line of a hunk: \"\(lines[at].prefix(60))\"; a mailer may have wrapped the patch")
                }
                guard old >= 0, new >= 0 else { throw bad("the hunk has more lines than its header has") }
                at += 1
            }
            guard isChange || kind == .any else { throw bad("the hunk changes nothing") }
            if at < lines.count, lines[at].hasPrefix("\\") { at += 1 }
            // git would ignore such a line.
            if at < lines.count, let first = lines[at].first, "+- ".contains(first), !["-- ", "--"].contains(lines[at]), !lines[at].hasPrefix("--- ")
            {
                throw bad("the hunk has more lines than its header has")
            }
        }

        private static func counts(_ line: String) -> (start: Int, old: Int, new: Int)? {
            let words = line.split(separator: " ")
            guard words.count >= 4, words[3].hasPrefix("@@"), words[1].first == "-", words[2].first == "+" else { return nil }
            func range(_ word: Substring) -> (Int, Int)? {
                let parts = word.dropFirst().split(separator: ",", omittingEmptySubsequences: false)
                guard (1...2).contains(parts.count), let line = Int(parts[0]), (0...10_000_000).contains(line) else { return nil }
                guard parts.count == 2 else { return (line, 1) }
                return Int(parts[1]).flatMap { (0...10_000_000).contains($0) ? (line, $0) : nil }
            }
            guard let old = range(words[1]), let new = range(words[2]) else { return nil }
            return (old.0, old.1, new.1)
        }

        /// "x/y.c" of "diff --git a/x/y.c b/x/y.c"; nil where the two differ.
        private static func common(_ line: String) -> String? {
            let names = line.dropFirst("diff --git ".count)
            guard names.hasPrefix("a/"), names.utf8.count % 2 == 1 else { return nil }
            let half = names.utf8.count / 2
            let (first, second) = (names.utf8.prefix(half), names.utf8.dropFirst(half + 1))
            guard let old = String(first), let new = String(second), new.hasPrefix("b/"), old.dropFirst(2) == new.dropFirst(2) else { return nil }
            return String(old.dropFirst(2))
        }

        private static func rest(_ line: String, _ words: Int) -> String {
            line.split(separator: " ", maxSplits: words, omittingEmptySubsequences: false).last.map(String.init) ?? ""
        }

        private func name(_ line: String, side: String) throws(Malformed) -> String? {
            let word = line.dropFirst(4).split(separator: "\t", maxSplits: 1).first.map(String.init) ?? ""
            if word == "/dev/null" { return nil }
            // -p1; the first part may have any name: "a/", "b/", "linux-7.3.orig/".
            guard !word.hasPrefix("/"), !word.hasPrefix("\""), let slash = word.firstIndex(of: "/"), kind == .any || word.hasPrefix(side + "/") else {
                throw bad("\"\(word.prefix(80))\" is no path of the form \(side)/FILE")
            }
            return try path(String(word[word.index(after: slash)...]))
        }

        private func path(_ path: String) throws(Malformed) -> String {
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            guard !path.hasPrefix("\""), parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && $0.lowercased() != ".git" }),
                !path.utf8.contains(0)
            else {
                throw bad("the path \"\(path.prefix(80))\" leads out of the tree, or names no file of it")
            }
            return path
        }

        /// A patch may name a file twice, but may not remove and edit it.
        private func requireNoEditOfRemoved() throws(Malformed) {
            for (index, file) in files.enumerated() {
                guard let old = file.old, file.new != old else { continue }
                let gone = file.new == nil
                let others = files.enumerated().filter { $0.offset != index }.map(\.element)
                if gone, others.contains(where: { $0.old == old || $0.new == old }) {
                    throw Malformed(line: 1, what: "it removes \(old) and edits it as well")
                }
            }
        }
    }
}
