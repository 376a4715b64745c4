// SPDX-License-Identifier: GPL-2.0

import Dispatch
import Foundation
import Synchronization

/// Reads series as `git am` does: mboxes, mails, format-patch's files, plain diffs, quilt folders and Maildirs.
///
/// Each mail is cut into its parts here, once, and git gets the lines that were validated. `git mailinfo` reads the fields of a mail, and what it makes of
/// the diff is compared. The reader writes only to the cache.
struct SeriesReader: Sendable {
    var cache: Cache

    static let hint = "give an mbox (`b4 am -o- MESSAGE-ID > series.mbox`), a folder that `git format-patch -o FOLDER` filled, or diffs"

    /// - Parameter paths: files; folders of *.patch, *.diff, *.eml, *.mbox and *.mbx files, read in the order of their names; folders with a file `series`;
    ///   Maildirs; "-" for standard input.
    /// - Throws: `HarnessError` of kind `.input` that names the file, the mail and the line.
    func read(_ paths: [String]) async throws -> PatchSeries {
        let place = try SeriesFolder(cache)
        defer { place.remove() }
        let files = try SeriesFiles(paths)
        var mails: [ReadMail] = []
        var series = PatchSeries()
        series.notes = files.notes
        var inputs: [String: SeriesFiles.Input] = [:]
        for (index, input) in files.inputs.enumerated() {
            let folder = place.path + "/\(index)"
            try Files.makeFolder(folder)
            for mail in try await read(input, folder: folder, &series.notes) {
                inputs[mail.origin] = input
                mails.append(mail)
            }
        }
        let roles = try ThreadRoles(mails)
        series.notes += roles.notes
        guard !roles.patches.isEmpty else {
            throw HarnessError(
                .input, "there is no patch in \(paths.map { ShownText.shown($0) }.joined(separator: ", "))", hint: Self.hint, evidence: series.notes
            )
        }
        try await GitDiffReading.requireSame(roles.patches, in: place.path)
        series.patches = try ordered(roles.patches.map(\.patch), inputs, &series.notes)
        try Self.requireDistinct(series.patches)
        series.notes += partNotes(series.patches)
        for mail in mails {
            series.base.read(mail.subject)
            for text in mail.texts { series.base.read(text) }
        }
        if !series.base.prerequisites.isEmpty {
            let count = series.base.prerequisites.count
            series.notes.append(
                "the series names \(count) patch\(count == 1 ? "" : "es") that it needs before it: \(series.base.prerequisites.prefix(8).joined(separator: ", "))"
            )
        }
        return series
    }

    /// Puts the mails of each Maildir into the order of their numbers, and checks the order of all patches whose place no file `series` gives.
    private func ordered(_ patches: [Patch], _ inputs: [String: SeriesFiles.Input], _ notes: inout [String]) throws -> [Patch] {
        var patches = patches
        for maildir in Set(inputs.values.compactMap(\.maildir)) {
            let places = patches.indices.filter { inputs[patches[$0].origin]?.maildir == maildir }
            let given = places.map { patches[$0] }
            let sorted = SeriesOrder.sorted(maildir: given)
            guard sorted != given else { continue }
            notes.append(
                "the mails of the Maildir \(ShownText.shown(maildir)) are applied in the order of their numbers, not of their files' names")
            for (place, patch) in zip(places, sorted) { patches[place] = patch }
        }
        try SeriesOrder.require(patches.filter { inputs[$0.origin]?.isOrdered != true })
        return patches
    }

    private func partNotes(_ patches: [Patch]) -> [String] {
        guard patches.count == 1, let patch = patches.first, let number = patch.number, let count = patch.count, count > 1 else { return [] }
        return ["\(patch.title) is patch \(number) of \(count); the others are not given"]
    }

    /// Two paths that are drawn in the same way may be other bytes: one that Swift takes for the other is refused.
    private static func requireDistinct(_ patches: [Patch]) throws {
        var seen: [String: [UInt8]] = [:]
        for path in patches.flatMap({ $0.files.flatMap { [$0.old, $0.new].compactMap { $0 } } }) {
            let bytes = Array(path.utf8)
            if let other = seen[path], other != bytes {
                throw HarnessError(
                    .input, "the series names the file \(ShownText.shown(path)) in two ways, with letters that are composed and that are not",
                    hint: "write the name in one way")
            }
            seen[path] = bytes
        }
    }

    // MARK: - One file

    private func read(_ input: SeriesFiles.Input, folder: String, _ notes: inout [String]) async throws -> [ReadMail] {
        let name = input.path == "/dev/stdin" ? "standard input" : ShownText.shown(input.path)
        var bytes = try await content(input.path, name)
        guard bytes.count <= 256 << 20 else { throw HarnessError(.input, "\(name) has \(bytes.count >> 20) MiB: too large for a series") }
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) {
            bytes.removeFirst(3)
            notes.append("\(name) begins with a byte order mark, which is left out")
        }
        switch FileShape(bytes) {
        case .mails: return try await mails(bytes, name, MailReader(folder: folder, strip: input.strip), &notes)
        case .stgit: return [try await MailReader(folder: folder).read(Mbox.Mail(bytes: PlainDiff.mail(stgit: bytes)), 1, origin: name)]
        case .mercurial:
            let changesets = PlainDiff.mails(mercurial: bytes)
            if changesets.count > 1 { notes.append("\(name) has \(changesets.count) changesets, each is a patch; git am takes them for one") }
            var mails: [ReadMail] = []
            for (index, changeset) in changesets.enumerated() {
                let origin = changesets.count == 1 ? name : "\(name), changeset \(index + 1)"
                mails.append(try await MailReader(folder: folder).read(Mbox.Mail(bytes: changeset), index + 1, origin: origin))
            }
            return mails
        case .diff:
            let reference = folder + "/diff"
            try Files.write(Data(bytes), to: reference)
            return [try PlainDiff.read(bytes, strip: input.strip, reference: reference, origin: name)]
        case .refused(let what, let hint):
            let isList = URL(fileURLWithPath: input.path).lastPathComponent == "series"
            throw HarnessError(.input, "\(name) \(what)", hint: isList ? "give the folder that the file `series` is in" : hint)
        }
    }

    private func mails(_ bytes: [UInt8], _ name: String, _ reader: MailReader, _ notes: inout [String]) async throws -> [ReadMail] {
        let mbox = Mbox(bytes)
        guard !mbox.mails.isEmpty else { throw HarnessError(.input, "there is no mail in \(name)", hint: Self.hint) }
        if mbox.isTakeout {
            notes.append("\(name) is of Google's Takeout: it has \(mbox.mails.count) mails, which git am takes for one")
        }
        var mails: [ReadMail] = []
        for (index, mail) in mbox.mails.enumerated() {
            try Task.checkCancellation()
            mails.append(try await reader.read(mail, index + 1, origin: mbox.mails.count == 1 ? name : "\(name), mail \(index + 1)"))
        }
        return mails
    }

    private func content(_ file: String, _ name: String) async throws -> [UInt8] {
        if file == "/dev/stdin" { return Array(try await Self.standardInput()) }
        // A read of a device or a FIFO may block.
        let target = URL(fileURLWithPath: file).resolvingSymlinksInPath().path
        guard FileStatus(target)?.kind == .file, let data = FileManager.default.contents(atPath: file) else {
            throw HarnessError(.input, "cannot read \(name) as a file", hint: Self.hint)
        }
        return Array(data)
    }

    /// All of standard input; the writer may be slow.
    private static func standardInput() async throws -> Data {
        let input = DispatchIO(type: .stream, fileDescriptor: STDIN_FILENO, queue: .global()) { _ in }
        let read = Mutex(Data())
        let error = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                input.read(offset: 0, length: .max, queue: .global()) { isDone, part, error in
                    if let part { read.withLock { $0.append(contentsOf: part) } }
                    if isDone { continuation.resume(returning: error) }
                }
            }
        } onCancel: {
            input.close(flags: .stop)
        }
        try Task.checkCancellation()
        guard error == 0 else { throw HarnessError(.input, "cannot read standard input: \(String(cString: strerror(error)))", hint: hint) }
        return read.withLock { $0 }
    }
}
