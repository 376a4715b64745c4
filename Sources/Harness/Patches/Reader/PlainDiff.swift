// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Reads a file that is no mail: a diff with text before it, and what StGit and Mercurial export.
enum PlainDiff {
    /// - Parameters:
    ///   - reference: a file with these bytes, which git reads.
    ///   - origin: the file's name in errors.
    /// - Throws: `HarnessError` of kind `.input` that names the line.
    static func read(_ bytes: [UInt8], strip: Int, reference: String, origin: String) throws -> ReadMail {
        let lines = ByteLines(bytes)
        let commits = (0..<lines.count).filter { MailDiff.isCommit(lines, $0) || isBareCommit(lines[$0]) }
        guard commits.count < 2 else {
            throw HarnessError(
                .input, "\(origin) is the output of `git log -p` or `git show`: it has \(commits.count) commits, as one diff, the newest first",
                hint: "`git format-patch -o FOLDER FIRST^..LAST` writes each as a patch, in their order")
        }
        let text = (0..<lines.count).prefix { !lines[$0].begins(with: "diff --git ") && !lines[$0].begins(with: "--- ") }
        if text.contains(where: { lines[$0].begins(with: "-----BEGIN PGP SIGNED MESSAGE-----") }) { throw refusal(origin, MailDiff.clearsigned) }
        let name = (URL(fileURLWithPath: origin).lastPathComponent as NSString).deletingPathExtension
        var mail = ReadMail(origin: origin, subject: PatchSubject(""), reading: PatchDiff.Reading(), strip: strip, reference: reference)
        mail.subject.text = ShownText.shown(name)
        read(text.map { lines[$0] }, isCommit: !commits.isEmpty, into: &mail)
        do throws(PatchDiff.Malformed) {
            mail.reading = try PatchDiff.read(bytes, strip: strip)
        } catch {
            throw HarnessError(
                .input, "\(origin): line \(error.line) of the diff: \(error.what)",
                hint: error.hint ?? "get the patch again, with b4 or `git format-patch`")
        }
        guard mail.hasDiff else {
            throw HarnessError(.input, "\(origin): there is no diff that git reads: no file with its hunks", hint: SeriesReader.hint)
        }
        mail.texts = [bytes]
        return mail
    }

    private static func refusal(_ origin: String, _ fault: MailFault) -> HarnessError {
        HarnessError(.input, "\(origin): \(fault.what)", hint: fault.hint)
    }

    /// "commit" and a whole hash, whatever is below it.
    private static func isBareCommit(_ line: ArraySlice<UInt8>) -> Bool {
        guard line.begins(with: "commit ") else { return false }
        let hash = line.dropFirst(7).prefix { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        let rest = line[hash.endIndex...].trimmed
        return (hash.count == 40 || hash.count == 64) && (rest.isEmpty || rest.first == 0x28)
    }

    /// The subject and author in the text before a diff, where git log or a quilt patch has them.
    private static func read(_ text: [ArraySlice<UInt8>], isCommit: Bool, into mail: inout ReadMail) {
        for line in text where mail.author == nil {
            if line.begins(with: "Author: ") || line.begins(with: "From: ") {
                mail.author = ShownText.shown(line[line.index(after: line.firstIndex(of: 0x3a) ?? line.startIndex)...].trimmed, limit: 300)
            }
        }
        if let line = text.first(where: { $0.begins(with: "Subject: ") }) {
            mail.subject = PatchSubject(String(decoding: line.dropFirst(9), as: UTF8.self))
        } else if isCommit, let line = text.first(where: { $0.begins(with: "    ") && !$0.trimmed.isEmpty }) {
            mail.subject.text = ShownText.shown(line.trimmed)
        }
        mail.message = text.map { ShownText.shown($0) }.joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    // MARK: - Other tools

    /// A file of `stg export` as a mail: its first line is the subject.
    static func mail(stgit bytes: [UInt8]) -> [UInt8] {
        let lines = ByteLines(bytes)
        var header: [UInt8] = []
        var subject: ArraySlice<UInt8>?
        var at = 0
        while at < lines.count {
            let line = lines[at]
            if line.trimmed.isEmpty {
                // Between the subject, the fields and the text.
            } else if line.begins(with: "Author:") {
                header += Array("From:".utf8) + line.dropFirst(7) + [0x0a]
            } else if line.begins(with: "From:") || line.begins(with: "Date:") {
                header += line + [0x0a]
            } else if subject == nil {
                subject = line
            } else {
                break
            }
            at += 1
        }
        return header + Array("Subject: ".utf8) + (subject ?? []) + Array("\nContent-Type: text/plain; charset=UTF-8\n\n".utf8)
            + lines.text(at..<lines.count)
    }

    /// The changesets of a file of `hg export`, each as a mail.
    static func mails(mercurial bytes: [UInt8]) -> [[UInt8]] {
        let lines = ByteLines(bytes)
        let starts = (0..<lines.count).filter { lines[$0].trimmed.elementsEqual("# HG changeset patch".utf8) }
        return starts.indices.map { index in
            mail(changeset: lines, starts[index]..<(index + 1 < starts.count ? starts[index + 1] : lines.count))
        }
    }

    private static func mail(changeset lines: ByteLines, _ range: Range<Int>) -> [UInt8] {
        var header: [UInt8] = []
        var at = range.lowerBound
        while at < range.upperBound, lines[at].begins(with: "# ") {
            if lines[at].begins(with: "# User ") { header += Array("From: ".utf8) + lines[at].dropFirst(7) + [0x0a] }
            at += 1
        }
        let subject = (at..<range.upperBound).first { !lines[$0].trimmed.isEmpty && !lines[$0].begins(with: "diff ") }
        if let subject {
            header += Array("Subject: ".utf8) + lines[subject].trimmed + [0x0a]
            at = subject + 1
        }
        return header + Array("Content-Type: text/plain; charset=UTF-8\n\n".utf8) + lines.text(at..<range.upperBound)
    }
}
