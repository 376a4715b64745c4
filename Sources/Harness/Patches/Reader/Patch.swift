// SPDX-License-Identifier: GPL-2.0

/// One patch of a series: the fields of its mail, and its diff.
///
/// Its texts are as they are printed: with escapes for what a terminal would obey.
public struct Patch: Sendable, Equatable {
    /// The file, and the mail in it: "fixes.mbox, mail 3".
    public var origin: String
    /// Without "[PATCH 2/5]".
    public var subject: String
    /// "Name <address>"; nil of a plain diff.
    public var author: String?
    /// As in the mail; nil of a plain diff.
    public var date: String?
    /// The text between subject and diff, with its trailers.
    public var message: String
    /// Its number in the series; nil where the subject has none.
    public var number: Int?
    /// The number of patches in the series; nil where the subject does not have it.
    public var count: Int?
    /// "3" of "v3" in the subject, "2.1" of "v2.1"; nil where there is none.
    public var version: String?
    /// The lines of the diff that were validated, byte for byte: what git gets.
    var diff: [UInt8]
    /// The files it touches.
    var files: [PatchDiff.File]
    /// As `-p` of `git apply`.
    var strip = 1

    /// Every path that it reads or writes.
    var paths: Set<String> { Set(files.flatMap { [$0.old, $0.new].compactMap { $0 } }) }

    /// The patch and its mail, for errors.
    var title: String { "\(origin), \"\(subject)\"" }
}

/// Patches in the order in which they are applied, and notes on what else was in their mails.
public struct PatchSeries: Sendable, Equatable {
    public var patches: [Patch] = []
    /// A line for each mail that is not a patch (the cover letter, answers), and for what a reader of a patch does not see.
    public var notes: [String] = []
    /// What its mails state about the source that it was made for.
    public var base = PatchBase()

    /// The `base-commit:` of any of its mails.
    public var baseCommit: String? { base.commit }
}

/// What the mails of a series state about the source that it was made for.
public struct PatchBase: Sendable, Equatable {
    /// The hash after `base-commit:`.
    public var commit: String?
    /// The name after `base-branch:`, `branch:` or `base-tree:`.
    public var branch: String?
    /// What is after `prerequisite-patch-id:`, `prerequisite-change-id:` and `prerequisite-message-id:`, in the order of the mails.
    public var prerequisites: [String] = []
    /// The words of the subjects' brackets that may name a tree: "net-next".
    public var trees: [String] = []

    /// Reads the lines of a mail's text.
    mutating func read(_ text: [UInt8]) {
        let lines = ByteLines(text)
        for index in 0..<lines.count {
            let line = lines[index]
            guard let colon = line.prefix(40).firstIndex(of: 0x3a) else { continue }
            let value = ShownText.shown(line[(colon + 1)...].trimmed, limit: 200)
            switch String(decoding: line[..<colon].lowercased, as: UTF8.self) {
            case "base-commit": if value.count >= 12, value.allSatisfy(\.isHexDigit) { commit = commit ?? value }
            case "base-branch", "branch", "base-tree": if !value.isEmpty, !value.contains(" ") { branch = branch ?? value }
            case "prerequisite-patch-id", "prerequisite-change-id", "prerequisite-message-id":
                if !value.isEmpty, !prerequisites.contains(value) { prerequisites.append(value) }
            default: continue
            }
        }
    }

    /// Reads the words in a subject's brackets.
    mutating func read(_ subject: PatchSubject) {
        for word in subject.words where !trees.contains(word) {
            let name = word.lowercased()
            guard let first = name.first, first.isLetter, !["patch", "rfc", "resend", "v0", "external", "ext"].contains(where: name.hasPrefix) else {
                continue
            }
            guard !name.contains("/"), name.dropFirst().contains(where: { !$0.isNumber && $0 != "." }) || first != "v", name != "of" else { continue }
            trees.append(word)
        }
    }
}
