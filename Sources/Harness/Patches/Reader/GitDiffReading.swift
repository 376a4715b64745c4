// SPDX-License-Identifier: GPL-2.0

import Foundation

/// git's own reading of the diffs of a series.
///
/// `git apply --numstat` reads all that `git am` would apply, and applies nothing. A diff in which git reads other files than ppiov, or other numbers of lines, is refused.
enum GitDiffReading {
    /// git outside of any repository: a repository around the folder it is started in would give it another configuration, and a prefix for paths.
    static func git(_ arguments: [String], in folder: String) -> Command {
        var command = GitTree.isolated(arguments)
        command.environment["GIT_DIR"] = folder + "/no-repository"
        command.directory = folder
        return command
    }

    /// - Parameter folder: of the harness.
    /// - Throws: `HarnessError` of kind `.input` that names the mail.
    static func requireSame(_ mails: [ReadMail], in folder: String) async throws {
        for strip in Set(mails.map(\.strip)).sorted() {
            let mails = mails.filter { $0.strip == strip }
            // In parts: the length of a command line has a limit.
            for start in stride(from: 0, to: mails.count, by: 200) {
                let part = Array(mails[start..<min(start + 200, mails.count)])
                do {
                    try compare(part, try await numstat(part.map(\.reference), strip: strip, in: folder))
                } catch let error as HarnessError where error.cause == .toolFailed {
                    for mail in part { try await requireReadable(mail, in: folder) }
                    throw error
                }
            }
        }
    }

    private static func numstat(_ files: [String], strip: Int, in folder: String) async throws -> String {
        try await git(["apply", "--numstat", "-z", "-p\(strip)", "--"] + files, in: folder).output(orThrow: .input)
    }

    private static func requireReadable(_ mail: ReadMail, in folder: String) async throws {
        do {
            _ = try await numstat([mail.reference], strip: mail.strip, in: folder)
        } catch let error as HarnessError where error.cause == .toolFailed {
            throw HarnessError(
                .input, "git does not read the diff of \(mail.title)",
                hint: "a line of the text before the diff may look like a part of a diff: indent it, or give what `git diff` alone writes",
                evidence: error.evidence.map { ShownText.shown($0.replacingOccurrences(of: mail.reference, with: "the diff")) })
        }
    }

    /// Compares git's list, "ADDED TAB REMOVED TAB NAME NUL" for each file, with the files that were read.
    private static func compare(_ mails: [ReadMail], _ output: String) throws {
        var rest = output.split(separator: "\0", omittingEmptySubsequences: true)[...]
        for mail in mails {
            for file in mail.reading.files {
                let expected = (file.isBinary ? "-\t-" : "\(file.added)\t\(file.deleted)") + "\t" + file.name
                let found = rest.popFirst()
                guard let found, found.utf8.elementsEqual(expected.utf8) else { throw different(mail, ours: expected, git: found.map(String.init)) }
            }
        }
        if let found = rest.first, let mail = mails.last { throw different(mail, ours: nil, git: String(found)) }
    }

    private static func different(_ mail: ReadMail, ours: String?, git: String?) -> HarnessError {
        func shown(_ entry: String?) -> String {
            guard let entry else { return "no further file" }
            let parts = entry.split(separator: "\t", maxSplits: 2)
            return parts.count == 3 ? "\(ShownText.shown(parts[2])) with +\(parts[0]) -\(parts[1])" : ShownText.shown(entry)
        }
        return HarnessError(
            .input, "git reads another diff in \(mail.title) than was validated: \(shown(git)), where \(shown(ours)) is",
            hint: "write the patch with `git format-patch`, which is read in one way only")
    }
}
