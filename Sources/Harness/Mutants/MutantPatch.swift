// SPDX-License-Identifier: GPL-2.0

/// Reads a unified diff closely enough to know what it will touch before patch(1) gets it.
///
/// A mutant changes C sources and headers that are there. It adds and removes no file and renames none, so putting those
/// files back puts the tree back; and it changes nothing that decides the configuration, so one configuration serves all.
enum MutantPatch {
    /// The files the diff changes, each once, from the top of the tree.
    ///
    /// - Throws: `HarnessError` of kind `.input` that names what is wrong.
    static func files(_ lines: ArraySlice<String>, path: String) throws -> [String] {
        var files: [String] = []
        var at = lines.startIndex
        func bad(_ what: String) -> HarnessError {
            HarnessError(.input, "\(path):\(at + 1): \(what)", hint: "make the diff with `diff -u a/FILE b/FILE` or `git diff`")
        }
        while at < lines.endIndex {
            let line = lines[at]
            if line == "-- " { break }  // what follows is git's signature
            if line.isEmpty || line.hasPrefix("diff --git ") || line.hasPrefix("index ") {
                at += 1
                continue
            }
            guard line.hasPrefix("--- ") else { throw bad("this is no part of a diff that changes files: \"\(line.prefix(60))\"") }
            guard at + 1 < lines.endIndex, lines[at + 1].hasPrefix("+++ ") else { throw bad("\"---\" without \"+++\" below it") }
            let old = try name(line, side: "a", bad)
            let new = try name(lines[at + 1], side: "b", bad)
            guard old == new else { throw bad("a mutant renames nothing: \(old) becomes \(new)") }
            guard !files.contains(old) else { throw bad("\(old) comes twice") }
            at += 2
            var hunks = 0
            while at < lines.endIndex, lines[at].hasPrefix("@@ ") {
                guard let counts = counts(lines[at]) else { throw bad("this is no hunk's first line: \"\(lines[at].prefix(60))\"") }
                at += 1
                at = try end(ofHunk: counts, in: lines, from: at, bad)
                hunks += 1
            }
            guard hunks > 0 else { throw bad("\(old) has no hunk") }
            files.append(old)
        }
        guard !files.isEmpty else {
            throw HarnessError(.input, "\(path): there is no diff below the header", hint: "docs/mutants.md says how a mutant is written")
        }
        return files
    }

    private static func name(_ line: String, side: String, _ bad: (String) -> HarnessError) throws -> String {
        let word = line.dropFirst(4).split(separator: "\t", maxSplits: 1).first.map(String.init) ?? ""
        guard word != "/dev/null" else { throw bad("a mutant adds and removes no files") }
        guard word.hasPrefix(side + "/") else { throw bad("\"\(word)\" does not begin with \(side)/") }
        let path = String(word.dropFirst(2))
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard !parts.isEmpty, parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }), !path.utf8.contains(0) else {
            throw bad("\"\(word)\" leads out of the tree")
        }
        guard path.hasSuffix(".c") || path.hasSuffix(".h"), !TreeInputs.mayConfigure(path) else {
            throw bad("\(path) is not a C source or header of the kernel itself")
        }
        return path
    }

    /// The lines that a hunk takes of the old and the new file.
    private static func counts(_ line: String) -> (old: Int, new: Int)? {
        let words = line.split(separator: " ")
        guard words.count >= 4, words[0] == "@@", words[3] == "@@", words[1].first == "-", words[2].first == "+" else { return nil }
        func count(_ word: Substring) -> Int? {
            let parts = word.dropFirst().split(separator: ",", omittingEmptySubsequences: false)
            guard (1...2).contains(parts.count), let line = Int(parts[0]), line >= 0 else { return nil }
            guard parts.count == 2 else { return 1 }
            return Int(parts[1]).flatMap { $0 >= 0 ? $0 : nil }
        }
        guard let old = count(words[1]), let new = count(words[2]) else { return nil }
        return (old, new)
    }

    private static func end(
        ofHunk counts: (old: Int, new: Int), in lines: ArraySlice<String>, from start: Int, _ bad: (String) -> HarnessError
    ) throws -> Int {
        var (old, new) = counts
        var changes = 0
        var at = start
        while old > 0 || new > 0 {
            guard at < lines.endIndex else { throw bad("the hunk is cut short") }
            switch lines[at].first {
            case " ", nil:
                old -= 1
                new -= 1
            case "-":
                old -= 1
                changes += 1
            case "+":
                new -= 1
                changes += 1
            case "\\": break
            default: throw bad("this is no line of a hunk: \"\(lines[at].prefix(60))\"")
            }
            guard old >= 0, new >= 0 else { throw bad("the hunk has more lines than it says") }
            at += 1
        }
        if at < lines.endIndex, lines[at].hasPrefix("\\") { at += 1 }
        guard changes > 0 else { throw bad("the hunk changes nothing") }
        return at
    }
}
