// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Reads mails: their fields with `git mailinfo`, their parts and their diff itself.
///
/// What git makes of the same mail is compared with it: a mail in which `git am` would apply other lines is refused.
struct MailReader: Sendable {
    /// A folder for the files of one input.
    let folder: String
    /// As `-p` of `git apply`.
    var strip = 1

    /// - Throws: `HarnessError` of kind `.input` that names the mail and what helps.
    func read(_ mail: Mbox.Mail, _ index: Int, origin: String) async throws -> ReadMail {
        let file = folder + "/\(index)"
        try Files.write(Data(mail.bytes), to: file)
        var notes: [String] = []
        let info = try await information(file, origin: origin, &notes)
        let subject = PatchSubject(info.subject ?? "")
        var read = ReadMail(origin: origin, subject: subject, reading: PatchDiff.Reading(), strip: strip, reference: file + ".diff")
        guard info.subject != nil || info.author != nil else {
            throw HarnessError(.input, "\(origin) has neither a subject nor an author: it is not a mail", hint: SeriesReader.hint)
        }
        (read.author, read.date) = (info.author, info.date)
        read.message = shownMessage(FileManager.default.contents(atPath: file + ".message") ?? Data())
        if info.subject == nil, let line = read.message.split(separator: "\n").first {
            // As git am, which takes the first line of the message: a patch of quilt may have only "From:".
            read.subject.text = String(line)
        }
        read.notes = notes.map { "\(read.title): \($0)" }
        do throws(MailFault) {
            let parts = try MailParts(mail.bytes)
            read.id = parts.header.identifiers("message-id").first
            read.answers = Set(parts.header.identifiers("in-reply-to") + parts.header.identifiers("references"))
            try MailDiff(parts, isMixed: mail.isMixed, isTransportCRLF: mail.isTransportCRLF).read(into: &read)
            try requireSame(read)
        } catch {
            guard subject.number == 0 || subject.isReply else {
                throw HarnessError(.input, "\(read.title): \(error.what)", hint: error.hint ?? "get the patch again, with b4 or `git format-patch`")
            }
            (read.reading, read.fault) = (PatchDiff.Reading(), error.what)
        }
        return read
    }

    private func shownMessage(_ data: Data) -> String {
        let lines = ByteLines(Array(data))
        let text = (0..<lines.count).map { ShownText.shown(lines[$0]) }.joined(separator: "\n")
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private struct Information {
        var subject: String?
        var author: String?
        var date: String?
    }

    private func information(_ file: String, origin: String, _ notes: inout [String]) async throws -> Information {
        let output: String
        do {
            output = try await mailinfo("-u", file)
        } catch let error as HarnessError where error.cause == .toolFailed {
            // As "error: cannot convert from y to UTF-8".
            guard let charset = error.evidence.lazy.compactMap(Self.unknownCharset).first else { throw unreadable(origin, error) }
            notes.append("its charset \"\(ShownText.shown(charset, limit: 40))\" is not known; its text is taken as UTF-8")
            do {
                output = try await mailinfo("-n", file)
            } catch let error as HarnessError where error.cause == .toolFailed {
                throw unreadable(origin, error)
            }
        }
        var fields: [String: String] = [:]
        for line in output.utf8.split(separator: 0x0a) {
            guard let colon = line.firstIndex(of: 0x3a) else { continue }
            let name = String(decoding: line[..<colon], as: UTF8.self)
            let value = String(decoding: line[line.index(after: colon)...], as: UTF8.self).trimmingCharacters(in: .whitespaces)
            // Only the first line of a field of several.
            if fields[name] == nil { fields[name] = value }
        }
        var author: String?
        if let name = fields["Author"], let address = fields["Email"] { author = ShownText.shown("\(name) <\(address)>", limit: 300) }
        return Information(subject: fields["Subject"], author: author, date: fields["Date"].map { ShownText.shown($0, limit: 100) })
    }

    private func mailinfo(_ encoding: String, _ file: String) async throws -> String {
        var command = GitDiffReading.git(["mailinfo", encoding, "-k", file + ".message", file + ".diff"], in: folder)
        command.input = file
        return try await command.output(orThrow: .input)
    }

    private static func unknownCharset(_ line: String) -> String? {
        let (start, end) = ("cannot convert from ", " to UTF-8")
        guard let from = line.range(of: start), let to = line.range(of: end, options: .backwards), from.upperBound <= to.lowerBound else {
            return nil
        }
        return String(line[from.upperBound..<to.lowerBound])
    }

    private func unreadable(_ origin: String, _ error: HarnessError) -> HarnessError {
        HarnessError(
            .input, "git cannot read \(origin) as a mail", hint: SeriesReader.hint, evidence: error.evidence.map { ShownText.shown($0) })
    }

    /// Compares the validated diff with that of `git mailinfo`, which is what `git am` would apply.
    private func requireSame(_ read: ReadMail) throws(MailFault) {
        let bytes = FileManager.default.contents(atPath: read.reference).map(Array.init) ?? []
        let other: PatchDiff.Reading
        do {
            other = try PatchDiff.read(bytes, .again, strip: strip)
        } catch {
            throw MailFault(
                what: "git am would read another diff in it than was validated: \(error.what)",
                hint: "save the patch in it as a file, and give that file")
        }
        guard other.diff != read.reading.diff else { return }
        func names(_ reading: PatchDiff.Reading) -> String {
            reading.files.isEmpty ? "none" : reading.files.prefix(5).map(\.name).joined(separator: ", ") + (reading.files.count > 5 ? ", ..." : "")
        }
        throw MailFault(
            what:
                "git am would apply another diff than the one in its parts: of the files \(names(other)), where the parts have \(names(read.reading))",
            hint: "save the patch in it as a file, and give that file")
    }
}
