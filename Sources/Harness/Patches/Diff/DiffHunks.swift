// SPDX-License-Identifier: GPL-2.0

/// The first line of a hunk: "@@ -7,3 +7,4 @@ int f(void)".
struct Hunk: Equatable {
    var start: Int
    var old: Int
    var newStart: Int
    var new: Int

    init?(_ line: ArraySlice<UInt8>) {
        guard line.begins(with: "@@ -"), let before = Self.range(line.dropFirst(4)), before.rest.begins(with: " +"),
            let after = Self.range(before.rest.dropFirst(2)), after.rest.begins(with: " @@")
        else { return nil }
        (start, old, newStart, new) = (before.start, before.count, after.start, after.count)
    }

    private static func range(_ bytes: ArraySlice<UInt8>) -> (start: Int, count: Int, rest: ArraySlice<UInt8>)? {
        guard let start = bytes.number else { return nil }
        guard start.rest.first == UInt8(ascii: ",") else { return (start.value, 1, start.rest) }
        guard let count = start.rest.dropFirst().number else { return nil }
        return (start.value, count.value, count.rest)
    }
}

extension DiffReader {
    mutating func hunks(_ file: inout PatchDiff.File) throws(Malformed) {
        while at < lines.count, lines[at].begins(with: "@@ ") {
            guard let hunk = Hunk(lines[at]) else { throw bad("this is no hunk's first line: \(shown)") }
            file.hunks.append(hunk.start)
            at += 1
            try self.hunk(hunk, &file)
        }
        guard !file.hunks.isEmpty else { throw bad("\(file.name) has no hunk") }
    }

    private mutating func hunk(_ hunk: Hunk, _ file: inout PatchDiff.File) throws(Malformed) {
        var (old, new) = (hunk.old, hunk.new)
        var (oldLine, newLine) = (hunk.start, hunk.newStart)
        let first = at
        var isChange = false
        while old > 0 || new > 0 {
            guard at < lines.count else {
                at = lines.count - 1
                throw bad(
                    "the hunk is truncated: \(old) old and \(new) new lines are missing",
                    hint: "the file ends in the middle of the patch; get it again, with b4 or `git format-patch`")
            }
            let line = lines[at]
            switch line.first {
            case 0x20, nil: (old, new, oldLine, newLine) = (old - 1, new - 1, oldLine + 1, newLine + 1)
            case 0x2d:
                note(line, of: file, oldLine, isAdded: false)
                (old, oldLine, isChange) = (old - 1, oldLine + 1, true)
                file.deleted += 1
            case 0x2b:
                note(line, of: file, newLine, isAdded: true)
                (new, newLine, isChange) = (new - 1, newLine + 1, true)
                file.added += 1
            case 0x5c where at > first && isNoNewline(line): break
            default:
                throw bad(
                    "this is no line of a hunk: \(shown); a mailer may have wrapped the patch",
                    hint: "get the patch as it was sent (b4, lore's raw link), or have it sent with `git send-email`")
            }
            guard old >= 0, new >= 0 else { throw excess() }
            at += 1
        }
        guard isChange else { throw bad("the hunk changes nothing") }
        if at < lines.count, at > first, isNoNewline(lines[at]) { at += 1 }
        try requireEnd()
    }

    private func isNoNewline(_ line: ArraySlice<UInt8>) -> Bool { line.begins(with: "\\ ") && line.count >= 11 }

    private func excess() -> Malformed {
        bad(
            "the hunk has more lines than its header has: \(shown)",
            hint:
                "git would leave these lines out. If the patch was edited by hand, `git apply --recount` or `git format-patch` writes right numbers; "
                + "if a program added a line below it, take that line out")
    }

    /// git ignores what follows a hunk, also where it was meant as a part of it.
    private func requireEnd() throws(Malformed) {
        guard kind != .again, at < lines.count else { return }
        let line = lines[at]
        guard let first = line.first, first == 0x20 || first == 0x2b || first == 0x2d else { return }
        if line.elementsEqual("-- ".utf8) || line.elementsEqual("--".utf8) || line.begins(with: "--- ") { return }
        throw excess()
    }

    private mutating func note(_ line: ArraySlice<UInt8>, of file: PatchDiff.File, _ number: Int, isAdded: Bool) {
        // All of these characters begin with E2 80 or E2 81.
        guard line.contains(0xe2) else { return }
        var found: [String] = []
        for scalar in String(decoding: line, as: UTF8.self).unicodeScalars where ShownText.isBidirectionalControl(scalar) {
            let name = ShownText.name(scalar)
            if !found.contains(name) { found.append(name) }
        }
        guard !found.isEmpty else { return }
        reading.bidirectional.append(PatchDiff.Bidirectional(file: file.name, line: number, isAdded: isAdded, characters: found))
    }

    /// Reads the data of a binary file: after the patch, and optionally before.
    mutating func binary() throws(Malformed) {
        func isMethod(_ line: ArraySlice<UInt8>) -> Bool { line.begins(with: "literal ") || line.begins(with: "delta ") }
        guard at < lines.count, isMethod(lines[at]) else { throw bad("the binary part has no data") }
        var count = 0
        while count < 2, at < lines.count, isMethod(lines[at]) {
            at += 1
            while at < lines.count, !lines[at].isEmpty {
                // A letter for the number of bytes, then five characters for each four bytes.
                let line = lines[at]
                guard line.count >= 6, (line.count - 1) % 5 == 0, let first = line.first,
                    (0x41...0x5a).contains(first) || (0x61...0x7a).contains(first)
                else { throw bad("this is no line of a binary part: \(shown)") }
                at += 1
            }
            guard at < lines.count else {
                at -= 1
                throw bad("the binary part is truncated: the empty line at its end is missing")
            }
            at += 1
            count += 1
        }
    }
}
