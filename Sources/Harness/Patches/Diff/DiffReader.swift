// SPDX-License-Identifier: GPL-2.0

/// Finds the files of a diff where `git apply` finds them, and reads their lines.
struct DiffReader {
    typealias Malformed = PatchDiff.Malformed

    let lines: ByteLines
    let kind: PatchDiff.Kind
    let strip: Int
    var at = 0
    var reading = PatchDiff.Reading()

    init(_ lines: ByteLines, _ kind: PatchDiff.Kind, strip: Int) {
        self.lines = lines
        self.kind = kind
        self.strip = strip
    }

    func bad(_ what: String, hint: String? = nil) -> Malformed { Malformed(line: at + 1, what: what, hint: hint) }

    /// The line that is read, for an error.
    var shown: String { "\"\(ShownText.shown(lines[at], limit: 60))\"" }

    mutating func read() throws(Malformed) -> PatchDiff.Reading {
        try requireNoCRLF()
        while at < lines.count {
            let line = lines[at]
            let first = at
            if line.begins(with: "diff --git ") {
                guard try gitSection() else { continue }
            } else if isTraditional(at) {
                try traditionalSection()
            } else {
                try requireNoLostChange(line)
                guard kind != .editsOnly || line.isEmpty || line.elementsEqual("-- ".utf8) else { throw notEditing() }
                if kind == .editsOnly, line.elementsEqual("-- ".utf8) { break }
                at += 1
                continue
            }
            if at == lines.count, !lines.isComplete, kind != .editsOnly {
                at -= 1
                throw bad("the last line has no line end, so a part of the patch may be missing")
            }
            reading.diff += lines.text(first..<at)
        }
        try PatchDiff.requireNoEditOfRemoved(reading.files)
        return reading
    }

    func notEditing() -> Malformed { bad("this is no part of a diff that edits files: \(shown)") }

    /// "--- " and "+++ " lines and a hunk: a file of a diff without git's own lines.
    private func isTraditional(_ index: Int) -> Bool {
        guard index + 1 < lines.count, lines[index].begins(with: "--- "), lines[index + 1].begins(with: "+++ ") else { return false }
        return kind == .editsOnly || (index + 2 < lines.count && lines[index + 2].begins(with: "@@ -"))
    }

    private func requireNoCRLF() throws(Malformed) {
        for index in 0..<lines.count where lines[index].last == 0x0d {
            let line = lines[index]
            guard line.begins(with: "diff --git ") || line.begins(with: "--- ") || line.begins(with: "+++ ") || line.begins(with: "@@ -") else {
                continue
            }
            throw Malformed(
                line: index + 1, what: "its lines end in CR LF, those of the kernel in LF",
                hint: "a program on the way rewrote the file; get it as it was written, or convert it: sed -i 's/\\r$//' FILE")
        }
    }

    /// Refuses lines outside of a file that stand for a change which git would not make.
    private func requireNoLostChange(_ line: ArraySlice<UInt8>) throws(Malformed) {
        guard kind != .again else { return }
        if line.begins(with: "@@ -"), Hunk(line) != nil {
            throw bad(
                "a hunk without a file", hint: "the lines `--- a/FILE` and `+++ b/FILE` above it are missing: a part of the patch was not copied")
        }
        if line.begins(with: "diff --cc ") || line.begins(with: "diff --combined ") {
            throw bad(
                "this is the combined diff of a merge, which git does not apply: \(shown)",
                hint: "give the commits that were merged: `git format-patch --no-merges`")
        }
        if (line.begins(with: "Binary files ") || line.begins(with: "Files ")) && line.ends(with: " differ") { throw binaryWithoutData() }
        if line.begins(with: "Only in "), let colon = line.firstIndex(of: 0x3a), line[colon...].dropFirst(2).firstIndex(of: 0x20) == nil,
            line[line.index(line.startIndex, offsetBy: 8)..<colon].firstIndex(of: 0x20) == nil
        {
            throw bad("the diff does not have a file that is only on one side: \(shown)", hint: "make it with `diff -Naur`, or with git")
        }
    }

    func binaryWithoutData() -> Malformed {
        bad("the diff says that a binary file differs, and does not have its data: \(shown)", hint: "make it with `git format-patch --binary`")
    }

    // MARK: - One file

    /// Reads a file of a diff without git's own lines.
    private mutating func traditionalSection() throws(Malformed) {
        var file = PatchDiff.File(line: at + 1)
        let names = DiffNames(strip: strip, isEditsOnly: kind == .editsOnly)
        let (old, new) = (try name(names, side: "a"), try nextName(names, side: "b"))
        if let first = old?.prefix, first == new?.prefix, strip == 1, kind != .editsOnly, first != "a", first != "b" {
            at -= 2
            throw bad(
                "both names begin with the folder \"\(ShownText.shown(first))\": it is not certain that it is to be taken off, as of a/ and b/",
                hint:
                    "make the diff with `git diff`, or with `diff -u linux.orig/FILE linux/FILE`; of -p0, with a `series` file that has -p0 at its name"
            )
        }
        switch (old, new) {
        case (let old?, let new?):
            // The shorter is the file: "x.c.orig" and "x.c".
            guard old.path == new.path || old.path.hasPrefix(new.path) || new.path.hasPrefix(old.path) else {
                at -= 2
                throw bad("its two names are of two files: \(old.path) and \(new.path)", hint: "a rename needs git's lines: make the patch with git")
            }
            let path = old.path.utf8.count < new.path.utf8.count ? old.path : new.path
            if old.isEpoch == new.isEpoch {
                (file.old, file.new) = (path, path)
            } else {
                (file.old, file.new) = old.isEpoch ? (nil, path) : (path, nil)
            }
        default: (file.old, file.new) = (old?.path, new?.path)
        }
        guard file.old != nil || file.new != nil else { throw bad("it does not name the file that it changes") }
        try hunks(&file)
        reading.files.append(file)
    }

    private mutating func name(_ names: DiffNames, side: StaticString) throws(Malformed) -> DiffNames.Name? {
        let name: DiffNames.Name?
        do { name = try names.name(lines[at].dropFirst(4), side: side) } catch { throw bad(error.what, hint: error.hint) }
        at += 1
        return name
    }

    private mutating func nextName(_ names: DiffNames, side: StaticString) throws(Malformed) -> DiffNames.Name? { try name(names, side: side) }

    /// Reads a file that begins with "diff --git".
    ///
    /// - Returns: false where nothing of a file follows the line: for git it is text.
    private mutating func gitSection() throws(Malformed) -> Bool {
        var header = GitHeader(line: at + 1, names: DiffNames(strip: strip, isEditsOnly: kind == .editsOnly))
        let first = at
        at += 1
        reading: while at < lines.count {
            let line = lines[at]
            if line.begins(with: "--- "), at + 1 < lines.count, lines[at + 1].begins(with: "+++ ") {
                header.old = .some(try name(header.names, side: "a"))
                header.new = .some(try name(header.names, side: "b"))
                break reading
            }
            if kind == .editsOnly, !line.begins(with: "index ") {
                throw notEditing()
            }
            do {
                guard try header.read(line) else { break reading }
            } catch { throw bad(error.what, hint: error.hint) }
            at += 1
        }
        let isData = at < lines.count && lines[at].elementsEqual("GIT binary patch".utf8)
        let isHunk = at < lines.count && lines[at].begins(with: "@@ -")
        if isHunk, header.old == nil { throw bad("a hunk without a file: the lines `--- a/FILE` and `+++ b/FILE` are missing above it") }
        guard at > first + 1 || isData || kind == .editsOnly else { return false }
        if at < lines.count, lines[at].begins(with: "Binary files ") || lines[at].begins(with: "Files "), lines[at].ends(with: " differ") {
            throw binaryWithoutData()
        }
        var file: PatchDiff.File
        let end = at
        at = first
        do { file = try header.file(lines[first].dropFirst("diff --git ".utf8.count)) } catch { throw bad(error.what, hint: error.hint) }
        at = end
        if isData {
            file.isBinary = true
            at += 1
            try binary()
        } else if isHunk {
            try hunks(&file)
            if header.isNew, !file.hunks.allSatisfy({ $0 == 0 }) || file.deleted > 0 { throw bad("\(file.name) is new, and has lines before") }
        } else if !header.isComplete {
            throw bad("\(file.name) has no hunk", hint: kind == .editsOnly ? nil : "the rest of the patch was not copied; get it again")
        }
        self.reading.files.append(file)
        return true
    }
}
