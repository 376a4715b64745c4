// SPDX-License-Identifier: GPL-2.0

/// A mail or a diff that was read, before it is known what it is in the series.
struct ReadMail: Sendable {
    var origin: String
    var subject: PatchSubject
    var author: String?
    var date: String?
    var message = ""
    /// Its Message-ID.
    var id: String?
    /// The Message-IDs of the mails that it answers.
    var answers: Set<String> = []
    var reading: PatchDiff.Reading
    var strip = 1
    /// The file that git reads the diff of: what `git mailinfo` made of the mail, or the plain diff as it is.
    var reference: String
    /// The text, with what is below "---" and the diff: where trailers are read.
    var texts: [[UInt8]] = []
    /// What the reader is to know about it.
    var notes: [String] = []
    /// Why its diff was not read, in a mail that is no patch by its subject.
    var fault: String?
    /// What helps where it has no diff.
    var noDiffHint = SeriesReader.hint

    var hasDiff: Bool { !reading.files.isEmpty }

    var title: String { "\(origin), \"\(subject.text)\"" }

    var patch: Patch {
        Patch(
            origin: origin, subject: subject.text.isEmpty ? "(no subject)" : subject.text, author: author, date: date, message: message,
            number: subject.number, count: subject.count, version: subject.version, diff: reading.diff, files: reading.files, strip: strip)
    }
}
