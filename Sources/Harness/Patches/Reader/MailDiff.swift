// SPDX-License-Identifier: GPL-2.0

/// Finds the diff in the parts of a mail.
struct MailDiff {
    let parts: MailParts
    /// As in `Mbox.Mail`.
    let isMixed: Bool
    let isTransportCRLF: Bool

    init(_ parts: MailParts, isMixed: Bool, isTransportCRLF: Bool) {
        self.parts = parts
        self.isMixed = isMixed
        self.isTransportCRLF = isTransportCRLF
    }

    /// Reads every part, and refuses what git would apply in another way than it is written.
    func read(into mail: inout ReadMail) throws(MailFault) {
        var diffs: [(part: MailParts.Part, reading: PatchDiff.Reading)] = []
        for part in parts.parts {
            let lines = ByteLines(part.bytes)
            switch part.role {
            case .signature, .html, .mail:
                let reading = try? PatchDiff.read(part.bytes, .again)
                guard reading?.files.isEmpty == true || (reading == nil && !Self.hasDiffLine(lines)) else { throw Self.diffIn(part) }
            case .text:
                let reading = try self.reading(part, lines, strip: mail.strip)
                if !reading.files.isEmpty { diffs.append((part, reading)) }
                mail.texts.append(part.bytes)
            }
        }
        try requireOneCommit(diffs.map(\.part))
        var seen: [[UInt8]: MailParts.Part] = [:]
        for (part, reading) in diffs {
            guard let first = seen.updateValue(part, forKey: reading.diff) else { continue }
            throw MailFault(
                what: "it has the same diff in two parts (\(first.title); \(part.title)), and git am would apply it twice",
                hint: "save one of them as a file, and give that file")
        }
        for diff in diffs {
            mail.reading.files += diff.reading.files
            mail.reading.diff += diff.reading.diff
            mail.reading.bidirectional += diff.reading.bidirectional
            if let charset = diff.part.charset, diff.reading.diff.contains(where: { $0 >= 0x80 }), !Self.isUTF8(charset) {
                mail.notes.append(
                    "\(mail.title): the diff has letters in the charset \(ShownText.shown(charset, limit: 40)); they are applied as these bytes, as git am does"
                )
            }
        }
        if diffs.count > 1 { mail.notes.append("\(mail.title) has a diff in each of \(diffs.count) parts; they are one patch, as for git am") }
        do throws(PatchDiff.Malformed) { try PatchDiff.requireNoEditOfRemoved(mail.reading.files) } catch { throw Self.fault(error) }
        if isMixed, mail.hasDiff {
            throw MailFault(
                what: "its lines end in CR LF and some only in LF: a program on the way changed some of them", hint: MailParts.sentHint)
        }
        mail.noDiffHint = noDiffHint()
    }

    private func reading(_ part: MailParts.Part, _ lines: ByteLines, strip: Int) throws(MailFault) -> PatchDiff.Reading {
        let hasDiff = Self.hasDiffLine(lines)
        if hasDiff { try requirePlain(part, lines) }
        let reading: PatchDiff.Reading
        do { reading = try PatchDiff.read(part.bytes, strip: strip) } catch { throw Self.fault(error) }
        if !part.isEncoded, !isTransportCRLF, let line = Self.carriageReturn(reading.diff) {
            throw MailFault(
                what:
                    "line \(line) of its diff ends in CR LF, and its header in LF: git am takes such a CR off, and the file would be another than the author's",
                hint:
                    "if the file has CRs, give the patch as a plain diff, which is read as it is: `git diff A B > FILE`; if a program on the way added them: \(MailParts.sentHint)"
            )
        }
        return reading
    }

    private static func fault(_ error: PatchDiff.Malformed) -> MailFault {
        MailFault(what: "line \(error.line) of the diff: \(error.what)", hint: error.hint)
    }

    // MARK: - What hides a diff

    private static func isDiffLine(_ line: ArraySlice<UInt8>) -> Bool {
        line.begins(with: "diff --git ") || line.begins(with: "--- a/") || line.begins(with: "+++ b/") || line.begins(with: "@@ -")
    }

    static func hasDiffLine(_ lines: ByteLines) -> Bool { (0..<lines.count).contains { isDiffLine(lines[$0]) } }

    private func requirePlain(_ part: MailParts.Part, _ lines: ByteLines) throws(MailFault) {
        if part.isFlowed {
            throw MailFault(
                what: "it is written as format=flowed, in which a mailer breaks and joins lines",
                hint:
                    "have it sent with `git send-email`, or turn format=flowed off (Thunderbird: mailnews.send_plaintext_flowed); get the patch from its repository"
            )
        }
        if (0..<lines.count).contains(where: { lines[$0].begins(with: "-----BEGIN PGP SIGNED MESSAGE-----") }) { throw Self.clearsigned }
        let crlf = (0..<lines.count).first { Self.isDiffLine(lines[$0]) && lines[$0].last == 0x0d }
        if let crlf, part.isEncoded {
            throw MailFault(
                what:
                    "line \(crlf + 1) of the \(part.title) that it encodes ends in CR LF; git am keeps such a CR (quoted-cr), and the patch would not apply",
                hint: "`b4 am` takes the CRs off, as `git am --quoted-cr=strip` does: give what b4 wrote")
        }
        if let crlf {
            throw MailFault(
                what: "line \(crlf + 1) of its text ends in CR LF, and its header in LF: a program on the way rewrote the patch",
                hint: "\(MailParts.sentHint), or convert the file: sed -i 's/\\r$//' FILE")
        }
    }

    static let clearsigned = MailFault(
        what: "its text is signed in place (BEGIN PGP SIGNED MESSAGE), which changes lines that begin with -",
        hint: "take the signature off: `gpg --decrypt FILE` writes the text as it was; PGP/MIME (multipart/signed) does not change it")

    private static func diffIn(_ part: MailParts.Part) -> MailFault {
        switch part.role {
        case .mail:
            MailFault(what: "a mail with a diff is attached to it", hint: "save the attached mail as a file, and give that file")
        default:
            MailFault(
                what: "its part \(part.title) has a diff, which git am would apply as well",
                hint: "save the part that is the patch as a file, and give that file")
        }
    }

    private static func isUTF8(_ charset: [UInt8]) -> Bool {
        ["utf-8", "utf8", "us-ascii"].contains(String(decoding: charset[...].lowercased, as: UTF8.self))
    }

    /// The first line that ends in CR LF.
    private static func carriageReturn(_ diff: [UInt8]) -> Int? {
        guard diff.contains(0x0d) else { return nil }
        let lines = ByteLines(diff)
        return (0..<lines.count).first { lines[$0].last == 0x0d }.map { $0 + 1 }
    }

    // MARK: - Several commits

    /// git am would make one commit of all of them.
    private func requireOneCommit(_ parts: [MailParts.Part]) throws(MailFault) {
        var count = 0
        for part in parts {
            let lines = ByteLines(part.bytes)
            count += max(Self.commits(lines), parts.count > 1 && Self.isMail(lines) ? 1 : 0)
        }
        guard count > 1 else { return }
        throw MailFault(
            what: "it has the patches of \(count) commits, and git am would make one of them",
            hint: parts.count > 1
                ? "save each attachment as a file, and give the files in their order" : "give each patch as a mail or a file of its own")
    }

    /// The commits that begin in a text: lines "From HASH Mon Sep 17 00:00:00 2001" of format-patch, and "commit HASH" of git log.
    static func commits(_ lines: ByteLines) -> Int {
        var count = 0
        for index in 0..<lines.count {
            let line = lines[index]
            if line.begins(with: "From "), Mbox.isFromLine(line), line.dropFirst(5).prefix(while: isHex).count >= 40 { count += 1 }
            if isCommit(lines, index) { count += 1 }
        }
        return count
    }

    private static func isHex(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) }

    /// "commit HASH", as git log writes it above "Author:".
    static func isCommit(_ lines: ByteLines, _ index: Int) -> Bool {
        let line = lines[index]
        guard line.begins(with: "commit ") else { return false }
        let hash = line.dropFirst(7).prefix(while: isHex)
        let rest = line[hash.endIndex...].trimmed
        guard hash.count >= 7, rest.isEmpty || rest.first == 0x28 else { return false }
        guard index + 1 < lines.count else { return false }
        let next = lines[index + 1]
        return ["Author:", "Merge:", "tree ", "Date:", "Reflog:", "gpg:"].contains { next.begins(with: $0) }
    }

    private static func isMail(_ lines: ByteLines) -> Bool {
        let header = MailHeader(lines, from: 0, to: lines.count)
        return header["subject"] != nil || header["from"] != nil || (lines.count > 0 && lines[0].elementsEqual("# HG changeset patch".utf8))
    }

    // MARK: - No diff

    /// What helps where no part has a diff.
    private func noDiffHint() -> String {
        let texts = parts.parts.filter { $0.role == .text }
        for part in texts {
            let charset = part.charset.map { String(decoding: $0[...].lowercased, as: UTF8.self) } ?? ""
            if ["utf-16", "utf-32", "utf-7", "ucs-"].contains(where: charset.hasPrefix) {
                return "its text is in \(ShownText.shown(charset, limit: 20)), and a diff is bytes: have it sent as UTF-8"
            }
            let lines = ByteLines(part.bytes)
            for index in 0..<lines.count {
                let line = lines[index]
                if line.begins(with: "-----BEGIN PGP MESSAGE-----") { return "it is encrypted: give what `gpg --decrypt` writes, with its header" }
                let inner = line.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x3e || $0 == 0x7c }
                guard inner.begins(with: "diff --git ") || inner.begins(with: "--- a/"), inner.startIndex > line.startIndex else { continue }
                return line.first == 0x3e || line.first == 0x7c
                    ? "it only quotes a diff, which git does not apply: give the mail that it answers"
                    : "its diff is indented, so git takes it as text: get it as it was written, with b4 or `git format-patch`"
            }
        }
        if !texts.contains(where: { $0.type.hasPrefix("text/") }), parts.parts.contains(where: { $0.role == .html }) {
            return "it is written as HTML: have it sent as plain text, with `git send-email`"
        }
        return SeriesReader.hint
    }
}
