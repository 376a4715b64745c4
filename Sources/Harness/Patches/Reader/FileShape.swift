// SPDX-License-Identifier: GPL-2.0

/// The kind of a file, by its first lines.
enum FileShape: Equatable {
    case mails
    case diff
    /// Written by `stg export`: a subject, an empty line, fields, the text.
    case stgit
    /// Written by `hg export`.
    case mercurial
    /// Cannot be read: what it is, and what helps.
    case refused(String, hint: String)

    private static let compressed: [[UInt8]] = [
        [0x1f, 0x8b], [0xfd, 0x37, 0x7a], [0x28, 0xb5, 0x2f, 0xfd], [0x42, 0x5a, 0x68], [0x50, 0x4b, 0x03, 0x04],
    ]

    init(_ bytes: [UInt8]) {
        if Self.compressed.contains(where: bytes.starts) {
            self = .refused("is compressed", hint: "unpack it first: gunzip, unxz, unzstd or unzip")
            return
        }
        if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) || bytes.prefix(64).filter({ $0 == 0 }).count > 16 {
            self = .refused("is UTF-16", hint: "PowerShell's `>` writes it so; use `git format-patch -o FOLDER`, or `git diff --output=FILE`")
            return
        }
        let lines = ByteLines(bytes)
        guard let first = (0..<lines.count).first(where: { !lines[$0].trimmed.isEmpty }) else {
            self = .refused("is empty", hint: SeriesReader.hint)
            return
        }
        let line = lines[first].trimmed
        if line.begins(with: "From ") || line.begins(with: "From:") || line.begins(with: "Subject:") {
            self = .mails
        } else if line.elementsEqual("# HG changeset patch".utf8) {
            self = .mercurial
        } else if line.begins(with: "# This series applies on GIT commit") {
            self = .refused("lists the patches of a series", hint: "give the folder that it is in")
        } else if Self.isStGit(lines, first) {
            self = .stgit
        } else if Self.isMail(lines, first) {
            self = .mails
        } else if MailDiff.hasDiffLine(lines) || (0..<lines.count).contains(where: { Self.isPlainDiff(lines, $0) }) {
            self = .diff
        } else {
            self = Self.neither(lines)
        }
    }

    private static func isPlainDiff(_ lines: ByteLines, _ index: Int) -> Bool {
        if lines[index].begins(with: "diff --cc ") || lines[index].begins(with: "diff --combined ") { return true }
        return lines[index].begins(with: "--- ") && index + 1 < lines.count && lines[index + 1].begins(with: "+++ ")
    }

    private static func isStGit(_ lines: ByteLines, _ first: Int) -> Bool {
        guard first + 2 < lines.count, lines[first + 1].trimmed.isEmpty else { return false }
        return (["From:", "Author:", "Date:"] as [StaticString]).contains { lines[first + 2].begins(with: $0) }
    }

    /// All lines up to an empty one are fields, and some are of a mail. A patch of Debian may have fields of its own.
    private static func isMail(_ lines: ByteLines, _ first: Int) -> Bool {
        let header = MailHeader(lines, from: first, to: lines.count)
        guard header["from"] != nil || header["subject"] != nil else { return false }
        return header.end > first && lines[header.end - 1].trimmed.isEmpty
    }

    private static func neither(_ lines: ByteLines) -> FileShape {
        for index in 0..<lines.count {
            let inner = lines[index].drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x3e || $0 == 0x7c || $0 == 0x2a }
            guard inner.begins(with: "diff --git "), inner.startIndex > lines[index].startIndex else { continue }
            return .refused(
                "has a diff that is quoted or indented, which git takes as text",
                hint: "a graph of `git log --graph` or a quote is before its lines; get it as it was written: `git format-patch`")
        }
        return .refused("is neither a mail nor a diff", hint: SeriesReader.hint)
    }
}
