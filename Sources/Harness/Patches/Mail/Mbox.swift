// SPDX-License-Identifier: GPL-2.0

/// Cuts an mbox into its mails.
///
/// A mail begins where `git mailsplit` begins one: at each line "From " with a time and a year, if the first line of the file is one. A file whose first
/// line is none is one mail.
struct Mbox: Equatable {
    /// One mail, without the line "From ".
    struct Mail: Equatable {
        /// Lines end in LF, but for CRs that are the mail's own.
        var bytes: [UInt8]
        /// Every line of its header ended in CR LF, as mails are transported; the CRs were taken off.
        var isTransportCRLF = false
        /// Its header ended in CR LF and some lines of its body did not.
        var isMixed = false
    }

    var mails: [Mail]
    /// The lines "From " are those of Google's Takeout, at which git does not begin a mail.
    var isTakeout = false

    init(_ bytes: [UInt8]) {
        let lines = ByteLines(bytes)
        var first = 0
        while first < lines.count, lines[first].trimmed.isEmpty { first += 1 }
        guard first < lines.count else {
            mails = []
            return
        }
        isTakeout = Self.isTakeoutLine(lines[first])
        let isMbox = isTakeout || Self.isFromLine(lines[first])
        var starts = [first]
        if isMbox {
            let takeout = isTakeout
            starts += (first + 1..<lines.count).filter { index in
                lines[index].begins(with: "From ") && (Self.isFromLine(lines[index]) || takeout && Self.isTakeoutLine(lines[index]))
            }
        }
        mails = starts.indices.map { index in
            let end = index + 1 < starts.count ? starts[index + 1] : lines.count
            return Self.mail(lines, (starts[index] + (isMbox ? 1 : 0))..<end)
        }
    }

    private static func mail(_ lines: ByteLines, _ range: Range<Int>) -> Mail {
        let header = range.prefix { !lines[$0].trimmed.isEmpty }
        let isCRLF = !header.isEmpty && header.allSatisfy { lines[$0].last == 0x0d }
        guard isCRLF else { return Mail(bytes: Array(lines.text(range))) }
        var mail = Mail(bytes: [], isTransportCRLF: true)
        mail.bytes.reserveCapacity(lines.text(range).count)
        for index in range {
            let line = lines[index]
            if line.last == 0x0d {
                mail.bytes += line.dropLast()
            } else {
                mail.bytes += line
                // The empty line between two mails is the mbox's; the last line may have no end.
                if !line.isEmpty, index + 1 < range.upperBound || lines.isComplete { mail.isMixed = true }
            }
            if index + 1 < lines.count || lines.isComplete { mail.bytes.append(0x0a) }
        }
        return mail
    }

    /// "From ", a time "12:34" or "12:34:56" and after it a year above 90, as mailsplit asks for. The year may be followed by anything.
    static func isFromLine(_ line: ArraySlice<UInt8>) -> Bool {
        func isDigit(_ offset: Int) -> Bool { line.indices.contains(offset) && (0x30...0x39).contains(line[offset]) }
        guard line.count >= 19, line.begins(with: "From "), let colon = line.dropLast().lastIndex(of: 0x3a) else { return false }
        guard isDigit(colon - 4), isDigit(colon - 2), isDigit(colon - 1), isDigit(colon + 1), isDigit(colon + 2) else { return false }
        let rest = line[(colon + 3)...].drop { $0 == 0x20 || (0x09...0x0d).contains($0) }
        return rest.number.map { $0.value > 90 } ?? false
    }

    /// "From 1750000000000000000@xxx Mon Nov 30 12:00:00 +0000 2026".
    static func isTakeoutLine(_ line: ArraySlice<UInt8>) -> Bool {
        guard line.begins(with: "From ") else { return false }
        let words = line.dropFirst(5).split(separator: 0x20)
        guard words.count >= 6, words[0].ends(with: "@xxx") else { return false }
        return words[0].dropLast(4).allSatisfy { (0x30...0x39).contains($0) } && words[0].count > 4
    }
}
