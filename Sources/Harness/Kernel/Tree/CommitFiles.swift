// SPDX-License-Identifier: GPL-2.0

/// The files of a commit, as its trees have them.
struct CommitFiles: Sendable {
    let commit: String
    let format: BlobFormat
    /// The output of `git ls-tree -r -z`: "MODE TYPE HASH<tab>PATH" and a NUL byte for each.
    private let list: [UInt8]
    /// Where each file's entry begins in it.
    private let entries: [String: Int]

    init(commit: String, format: BlobFormat, list: [UInt8]) {
        self.commit = commit
        self.format = format
        self.list = list
        var entries: [String: Int] = [:]
        entries.reserveCapacity(list.count / 90)
        list.withUnsafeBufferPointer { bytes in
            var start = 0
            while start < bytes.count {
                let end = bytes[start...].firstIndex(of: 0) ?? bytes.count
                defer { start = end + 1 }
                // A submodule is no file.
                guard end - start > 12, bytes[start + 7] == UInt8(ascii: "b"), let tab = bytes[start..<end].firstIndex(of: UInt8(ascii: "\t")) else {
                    continue
                }
                entries[String(decoding: bytes[(tab + 1)..<end], as: UTF8.self)] = start
            }
        }
        self.entries = entries
    }

    var count: Int { entries.count }

    var paths: some Sequence<String> { entries.keys }

    func has(_ path: String) -> Bool { entries[path] != nil }

    /// Whether the commit has the file with this content and mode.
    func has(_ path: String, as record: TreeIndex.Record) -> Bool {
        guard let start = entries[path], !record.outside, record.blob.utf8.count == format.digits, start + 12 + format.digits <= list.count else {
            return false
        }
        let letter: UInt8
        switch (list[start], list[start + 1], list[start + 3]) {
        case (_, UInt8(ascii: "2"), _): letter = UInt8(ascii: "l")
        case (_, _, UInt8(ascii: "7")): letter = UInt8(ascii: "x")
        default: letter = UInt8(ascii: "-")
        }
        return record.identity.utf8.first == letter && list[(start + 12)..<(start + 12 + format.digits)].elementsEqual(record.blob.utf8)
    }
}

extension GitTree {
    /// The files of the work tree's commit. An object that replaces another (`git replace`) does not count: a checkout does not have it.
    ///
    /// - Throws: `HarnessError` of kind `.input` with git's own message.
    func head() async throws -> CommitFiles {
        async let name = line(["--no-replace-objects", "rev-parse", "--verify", "HEAD^{commit}"])
        async let format = objectFormat()
        let commit = try await name
        guard let format = BlobFormat(rawValue: try await format) else {
            throw HarnessError(.input, "the repository of \(folder) has objects of a format that ppiov does not know", hint: "use a newer ppiov")
        }
        return CommitFiles(commit: commit, format: format, list: try await output(["--no-replace-objects", "ls-tree", "-r", "-z", commit]))
    }
}
