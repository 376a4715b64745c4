// SPDX-License-Identifier: GPL-2.0

import Dispatch
import Foundation
import Synchronization

/// Patches in the order in which they are applied, and notes on the mails that are not patches.
public struct PatchSeries: Sendable, Equatable {
    public var patches: [Patch]
    /// A line for each mail that is not a patch: the cover letter, replies.
    public var notes: [String]
    /// The `base-commit:` of any of its mails.
    public var baseCommit: String?
}

/// Reads series as `git am` does: mboxes, mails, format-patch's files, plain diffs.
///
/// git splits and parses the mails (mailsplit, mailinfo). The reader writes only to the cache.
struct SeriesReader: Sendable {
    var cache: Cache

    /// - Parameter paths: files, or folders of *.patch, *.diff, *.eml, *.mbox and *.mbx files, read in the order of their names.
    /// - Throws: `HarnessError` of kind `.input` that names the file, the mail and the line.
    func read(_ paths: [String]) async throws -> PatchSeries {
        var series = PatchSeries(patches: [], notes: [])
        let place = try SeriesFolder(cache)
        defer { place.remove() }
        let work = place.path
        for (index, file) in try paths.flatMap(Self.files).enumerated() {
            let folder = work + "/\(index)"
            try Files.makeFolder(folder)
            try await read(file, work: folder, into: &series)
        }
        guard !series.patches.isEmpty else {
            throw HarnessError(.input, "there is no patch in \(paths.joined(separator: ", "))", hint: Self.hint, evidence: series.notes)
        }
        try Self.requireOrder(series.patches)
        return series
    }

    private static let hint = "give an mbox (`b4 am -o- MESSAGE-ID > series.mbox`), a folder that `git format-patch -o FOLDER` filled, or diffs"
    private static let suffixes = [".patch", ".diff", ".eml", ".mbox", ".mbx"]

    private static func files(_ path: String) throws -> [String] {
        if path == "-" { return ["/dev/stdin"] }
        guard !path.isEmpty, FileStatus(path) != nil else { throw HarnessError(.input, "there is no series at \"\(path)\"", hint: hint) }
        guard Files.isFolder(path) else { return [path] }
        let names = Files.names(in: path).filter { name in !name.hasPrefix(".") && suffixes.contains { name.hasSuffix($0) } }
        guard !names.isEmpty else {
            throw HarnessError(
                .input, "there is no patch in the folder \(path): no file \(suffixes.map { "*" + $0 }.joined(separator: ", "))", hint: hint)
        }
        return names.map { path + "/" + $0 }
    }

    private func read(_ file: String, work: String, into series: inout PatchSeries) async throws {
        let (data, name) = try await content(file, work: work)
        guard data.count <= 256 << 20 else { throw HarnessError(.input, "\(file) has \(data.count >> 20) MiB: too large for a series") }
        switch Kind(data) {
        case .mails:
            try await mails(name, called: file == "/dev/stdin" ? "standard input" : file, work: work, into: &series)
        case .diff:
            series.patches.append(try diff(Array(data), of: file))
        case .compressed:
            throw HarnessError(.input, "\(file) is compressed", hint: "unpack it first: gunzip, unxz or unzstd")
        case .neither:
            throw HarnessError(.input, "\(file) is neither a mail nor a diff", hint: Self.hint)
        }
    }

    /// - Returns: the content, and a file that has it.
    private func content(_ file: String, work: String) async throws -> (Data, file: String) {
        if file == "/dev/stdin" {
            let data = try await Self.standardInput()
            let copy = work + "/standard input"
            try Files.write(data, to: copy)
            return (data, copy)
        }
        // A read of a device or a FIFO may block.
        let target = URL(fileURLWithPath: file).resolvingSymlinksInPath().path
        guard FileStatus(target)?.kind == .file, let data = FileManager.default.contents(atPath: file) else {
            throw HarnessError(.input, "cannot read \(file) as a file", hint: Self.hint)
        }
        return (data, URL(fileURLWithPath: file).standardizedFileURL.path)
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

    /// The kind of a file, by its first lines.
    private enum Kind {
        case mails, diff, compressed, neither

        init(_ data: Data) {
            if [[0x1f, 0x8b], [0xfd, 0x37], [0x28, 0xb5], [0x42, 0x5a]].contains(Array(data.prefix(2))) {
                self = .compressed
                return
            }
            let lines = data.prefix(64 << 10).split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
            let head = lines.prefix { !$0.hasPrefix("diff --git ") && !$0.hasPrefix("--- ") }
            let isMail =
                lines.first?.hasPrefix("From ") == true
                || head.contains { line in
                    ["from:", "subject:"].contains { line.lowercased().hasPrefix($0) }
                }
            self = isMail ? .mails : Self.hasDiff(data) ? .diff : .neither
        }

        private static func hasDiff(_ data: Data) -> Bool {
            let text = data.split(separator: UInt8(ascii: "\n"))
            return text.contains { $0.starts(with: "diff --git ".utf8) }
                || zip(text, text.dropFirst()).contains {
                    $0.0.starts(with: "--- ".utf8) && $0.1.starts(with: "+++ ".utf8)
                }
        }
    }

    private func diff(_ bytes: [UInt8], of file: String) throws -> Patch {
        let name = URL(fileURLWithPath: file).lastPathComponent
        let files = try files(bytes, of: file)
        return Patch(origin: file, subject: (name as NSString).deletingPathExtension, message: "", diff: bytes, files: files)
    }

    private func files(_ diff: [UInt8], of origin: String) throws -> [PatchDiff.File] {
        do throws(PatchDiff.Malformed) {
            return try PatchDiff.files(diff)
        } catch {
            let isCRLF = error.what.contains("CR LF")
            throw HarnessError(
                .input, "\(origin): line \(error.line) of the diff: \(error.what)",
                hint: isCRLF
                    ? "use the mail as it was sent (b4, lore's raw link), or convert the file: sed -i 's/\\r$//'"
                    : "get the patch again, with b4 or `git format-patch`")
        }
    }

    // MARK: - Mails

    private func mails(_ path: String, called file: String, work: String, into series: inout PatchSeries) async throws {
        let folder = work + "/mails"
        try Files.makeFolder(folder)
        do {
            _ = try await GitTree.isolated(["mailsplit", "-d8", "-b", "--keep-cr", "-o" + folder, "--", path]).output(orThrow: .input)
        } catch let error as HarnessError where error.cause == .toolFailed {
            throw HarnessError(.input, "git cannot split \(file) as an mbox", hint: Self.hint, evidence: error.evidence)
        }
        let mails = Files.names(in: folder)
        guard !mails.isEmpty else { throw HarnessError(.input, "there is no mail in \(file)", hint: Self.hint) }
        for (index, mail) in mails.enumerated() {
            let origin = mails.count == 1 ? file : "\(file), mail \(index + 1)"
            if let patch = try await self.mail(folder + "/" + mail, origin: origin, into: &series) { series.patches.append(patch) }
        }
    }

    /// - Returns: nil for a mail of the series that is not a patch.
    private func mail(_ mail: String, origin: String, into series: inout PatchSeries) async throws -> Patch? {
        var command = GitTree.isolated(["mailinfo", "-u", "-k", mail + ".message", mail + ".diff"])
        command.input = mail
        let info: String
        do {
            info = try await command.output(orThrow: .input)
        } catch let error as HarnessError where error.cause == .toolFailed {
            throw HarnessError(.input, "git cannot read \(origin) as a mail", hint: Self.hint, evidence: error.evidence)
        }
        var fields: [String: String] = [:]
        for line in info.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[String(line[..<colon])] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        let subject = PatchSubject(fields["Subject"] ?? "")
        let message = (Files.text(mail + ".message") ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
        let diff = FileManager.default.contents(atPath: mail + ".diff").map(Array.init) ?? []
        if let base = Self.trailer("base-commit", in: Files.text(mail) ?? "") { series.baseCommit = series.baseCommit ?? base }
        let title = "\(origin), \"\(subject.text)\""
        if subject.number == 0 {
            series.notes.append("\(title) is the cover letter")
            return nil
        }
        if subject.isReply {
            series.notes.append("\(title) is a reply, and is left out")
            return nil
        }
        guard fields["Subject"] != nil || fields["Author"] != nil else {
            throw HarnessError(.input, "\(origin) has neither a subject nor an author: it is not a mail", hint: Self.hint)
        }
        let files = try files(diff, of: title)
        var author: String?
        if let name = fields["Author"], let address = fields["Email"] { author = "\(name) <\(address)>" }
        return Patch(
            origin: origin, subject: subject.text.isEmpty ? "(no subject)" : subject.text, author: author, date: fields["Date"], message: message,
            number: subject.number, count: subject.count, version: subject.version, diff: diff, files: files)
    }

    private static func trailer(_ name: String, in text: String) -> String? {
        for line in text.split(separator: "\n") where line.lowercased().hasPrefix(name + ":") {
            let value = line.dropFirst(name.count + 1).trimmingCharacters(in: .whitespacesAndNewlines)
            if value.count >= 12, value.allSatisfy(\.isHexDigit) { return value }
        }
        return nil
    }

    // MARK: - Order

    /// Checks that the numbers in the subjects are in order.
    static func requireOrder(_ patches: [Patch]) throws {
        // A subject in two versions; a first version mostly has no "v1".
        let versions = Dictionary(grouping: patches, by: \.subject).values.map { Set($0.map { $0.version ?? 1 }) }.first { $0.count > 1 }
        if let versions {
            throw HarnessError(
                .input, "these are several versions of a series: " + versions.sorted().map { "v\($0)" }.joined(separator: ", "),
                hint: "give one of them; `b4 am` gets the newest")
        }
        // Several series in a row are applied as one; each counts from 1.
        var last: Patch?
        for patch in patches {
            let before = last
            last = patch.number == nil ? nil : patch
            if patch.number == nil || patch.number == 1, let before, before.number != before.count { throw Self.outOfOrder(patches, patch) }
            guard let number = patch.number, let count = patch.count else { continue }
            if number > count { throw HarnessError(.input, "\(patch.origin) has the number \(number)/\(count)") }
            if number == 1 { continue }
            guard let before, before.count == count, let previous = before.number else {
                if patches.count == 1 { continue }  // only one patch of a series
                throw Self.outOfOrder(patches, patch)
            }
            guard number == previous + 1 else { throw Self.outOfOrder(patches, patch) }
        }
        if let last, let number = last.number, let count = last.count, number < count, patches.count > 1 {
            throw HarnessError(
                .input, "the series ends with patch \(number) of \(count)",
                hint: "get the rest of it: `b4 am` lists the mails that are missing")
        }
    }

    private static func outOfOrder(_ patches: [Patch], _ patch: Patch) -> HarnessError {
        let order = patches.map { patch in patch.number.flatMap { number in patch.count.map { "\(number)/\($0)" } } ?? "-" }
        return HarnessError(
            .input,
            "the series is out of order at \(patch.number.map { "patch \($0) of \(patch.count ?? 0)" } ?? "a patch without a number"), \"\(patch.subject)\": the order is \(order.joined(separator: " "))",
            hint: "sort them, or get them again: `b4 am` sorts them, and a folder is read in the order of its names")
    }
}
