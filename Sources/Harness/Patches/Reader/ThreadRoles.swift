// SPDX-License-Identifier: GPL-2.0

/// Tells the patches of a thread from its cover letter and its answers.
///
/// A mail with a diff is a patch. One without is left out where it can be none: a cover letter by its number 0 or as the first mail of the thread, and an
/// answer by what it answers. Everything else without a diff is refused: its diff may have been lost.
struct ThreadRoles {
    var patches: [ReadMail] = []
    var notes: [String] = []

    init(_ mails: [ReadMail]) throws {
        let answered = mails.reduce(into: Set<String>()) { $0.formUnion($1.answers) }
        for mail in mails {
            if mail.subject.number == 0 {
                notes.append("\(mail.title) is the cover letter" + (mail.hasDiff || mail.fault != nil ? "; the diff in it is not applied" : ""))
            } else if mail.hasDiff {
                try addPatch(mail, mails)
            } else {
                try leaveOut(mail, mails, answered)
            }
        }
        for mail in patches {
            notes += mail.notes
            notes += Self.bidirectional(mail)
        }
    }

    private mutating func addPatch(_ mail: ReadMail, _ mails: [ReadMail]) throws {
        if mail.subject.isReply {
            let same = mails.first { $0.origin != mail.origin && !$0.subject.isReply && $0.reading.diff == mail.reading.diff }
            guard let same else {
                throw HarnessError(
                    .input, "\(mail.title) is an answer, and has a diff that git am would apply",
                    hint:
                        "`b4 am` writes the patches of a thread without its answers; or take this mail out, or, if it is a patch of the series, \"Re:\" out of its subject"
                )
            }
            notes.append("\(mail.title) is an answer, and is left out; its diff is that of \(same.origin)")
            return
        }
        if let id = mail.id, let same = patches.first(where: { $0.id == id }) {
            guard same.reading.diff == mail.reading.diff else {
                throw HarnessError(
                    .input, "\(mail.title) and \(same.origin) have the same Message-ID, and other diffs", hint: "give the one that is meant")
            }
            notes.append("\(mail.title) is the same mail as \(same.origin), and is left out")
            return
        }
        patches.append(mail)
    }

    private mutating func leaveOut(_ mail: ReadMail, _ mails: [ReadMail], _ answered: Set<String>) throws {
        let isAnswer = mail.subject.isReply || !mail.answers.isEmpty
        if let fault = mail.fault {
            notes.append("\(mail.title) is an answer, and is left out; what looks like a diff in it is none: \(fault)")
        } else if let number = mail.subject.number {
            let isThere = mails.contains {
                $0.hasDiff && !$0.subject.isReply && $0.subject.number == number && $0.subject.count == mail.subject.count
                    && ($0.subject.version ?? "1") == (mail.subject.version ?? "1")
            }
            guard mail.subject.isReply || (isAnswer && isThere) else { throw Self.noDiff(mail) }
            notes.append("\(mail.title) is an answer without a diff, and is left out")
        } else if isAnswer {
            notes.append("\(mail.title) is an answer without a diff and without a number, and is left out")
        } else if let id = mail.id, answered.contains(id) {
            notes.append("\(mail.title) is the first mail of its thread, without a diff and without a number: it is taken as the cover letter")
        } else {
            throw Self.noDiff(mail)
        }
    }

    private static func noDiff(_ mail: ReadMail) -> HarnessError {
        HarnessError(.input, "\(mail.title): there is no diff in it, and it is neither a cover letter nor an answer", hint: mail.noDiffHint)
    }

    /// A line for each place in which a diff is drawn in another order than it is compiled.
    private static func bidirectional(_ mail: ReadMail) -> [String] {
        let found = mail.reading.bidirectional
        var notes = found.prefix(8).map { place in
            "\(mail.title): \(ShownText.shown(place.file)), line \(place.line)\(place.isAdded ? "" : " (removed)"), has \(place.characters.joined(separator: ", ")):"
                + " the line is drawn in another order than it is compiled"
        }
        if found.count > notes.count { notes.append("\(mail.title): \(found.count - notes.count) more lines have such characters") }
        return notes
    }
}
