// SPDX-License-Identifier: GPL-2.0

/// Reads one file of a series without git and without files: what the tests do with changed input.
///
/// The fields of a mail are those that its header has, undecoded. The rest is what `SeriesReader` does.
package enum SeriesText {
    /// The patches of a file.
    package struct Content: Sendable {
        /// The lines of each patch's diff that were validated.
        package var diffs: [[UInt8]] = []
        /// The names of the files that each touches.
        package var files: [[String]] = []
    }

    /// - Throws: `HarnessError` of kind `.input`, or a fault of the mail or the diff.
    package static func read(_ bytes: [UInt8]) throws -> Content {
        let mails: [ReadMail]
        switch FileShape(bytes) {
        case .mails: mails = try Mbox(bytes).mails.enumerated().map { try read($1, "mail \($0 + 1)") }
        case .stgit: mails = [try read(Mbox.Mail(bytes: PlainDiff.mail(stgit: bytes)), "mail")]
        case .mercurial:
            mails = try PlainDiff.mails(mercurial: bytes).enumerated().map { try read(Mbox.Mail(bytes: $1), "changeset \($0 + 1)") }
        case .diff: mails = [try PlainDiff.read(bytes, strip: 1, reference: "", origin: "diff")]
        case .refused(let what, let hint): throw HarnessError(.input, what, hint: hint)
        }
        let roles = try ThreadRoles(mails)
        try SeriesOrder.require(roles.patches.map(\.patch))
        var base = PatchBase()
        for mail in mails {
            base.read(mail.subject)
            for text in mail.texts { base.read(text) }
        }
        return Content(
            diffs: roles.patches.map(\.reading.diff), files: roles.patches.map { $0.reading.files.map { "\($0.old ?? "") \($0.new ?? "")" } })
    }

    private static func read(_ mail: Mbox.Mail, _ origin: String) throws -> ReadMail {
        let parts = try MailParts(mail.bytes)
        let subject = PatchSubject(String(decoding: parts.header["subject"] ?? [], as: UTF8.self))
        var read = ReadMail(origin: origin, subject: subject, reading: PatchDiff.Reading(), reference: "")
        read.id = parts.header.identifiers("message-id").first
        read.answers = Set(parts.header.identifiers("in-reply-to") + parts.header.identifiers("references"))
        try MailDiff(parts, isMixed: mail.isMixed, isTransportCRLF: mail.isTransportCRLF).read(into: &read)
        return read
    }

    /// The names of the files of a diff whose lines were validated.
    package static func files(ofValidated diff: [UInt8]) throws -> [String] {
        try PatchDiff.read(diff).files.map { "\($0.old ?? "") \($0.new ?? "")" }
    }
}
