// SPDX-License-Identifier: GPL-2.0

import Foundation

/// The harness's record of a tree under test, kept between runs so that only changed files are read again.
struct TreeIndex: Sendable, Equatable {
    struct Record: Sendable, Equatable {
        /// The origin's file when it was last hashed.
        var size: Int64
        var modified: Int64
        var inode: UInt64
        /// "x", "-" or "l" (executable, plain, symbolic link), then the content's SHA-256.
        var identity: String
        /// The mirror's file: the identity last copied, and the copy's modification time; "" and 0 where there is none.
        var mirrored: String = ""
        var mirrorModified: Int64 = 0
        /// Made by an in-tree build and removed from the mirror by `make mrproper`: not part of the source.
        var generated = false
    }

    var records: [String: Record] = [:]

    static let header = "ppiov tree index 1"

    /// An index that cannot be read counts as empty: every file is then hashed again.
    init(file: String) {
        guard let data = FileManager.default.contents(atPath: file) else { return }
        var fields = data.split(separator: 0, omittingEmptySubsequences: false).makeIterator()
        guard let first = fields.next(), String(decoding: first, as: UTF8.self) == Self.header else { return }
        while let path = fields.next(), !path.isEmpty, let line = fields.next() {
            let values = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
            guard values.count == 7, let size = Int64(values[0]), let modified = Int64(values[1]), let inode = UInt64(values[2]),
                let mirrorModified = Int64(values[5])
            else {
                records = [:]
                return
            }
            records[String(decoding: path, as: UTF8.self)] = Record(
                size: size, modified: modified, inode: inode, identity: values[3], mirrored: values[4], mirrorModified: mirrorModified,
                generated: values[6] == "1")
        }
    }

    init() {}

    func write(to file: String) throws {
        var text: [UInt8] = Array(Self.header.utf8) + [0]
        for (path, record) in records {
            text += path.utf8
            text.append(0)
            text +=
                "\(record.size) \(record.modified) \(record.inode) \(record.identity) \(record.mirrored) \(record.mirrorModified) \(record.generated ? 1 : 0)"
                .utf8
            text.append(0)
        }
        try Files.write(Data(text), to: file)
    }

    /// The index of the tree with an overlay on it.
    func with(_ overlay: Overlay) -> TreeIndex {
        var index = self
        for (path, file) in overlay.files {
            guard let file else {
                index.records[path] = nil
                continue
            }
            index.records[path, default: Record(size: 0, modified: 0, inode: 0, identity: "")].identity = file.identity
            index.records[path]?.generated = false
        }
        return index
    }

    /// The key of the whole content: every path with its kind and its bytes, and no times.
    var contentKey: String {
        let lines = records.filter { !$0.value.generated }.map { "\($0.key)\u{0}\($0.value.identity)" }.sorted()
        return String(ContentHash.of(lines.joined(separator: "\n")).prefix(20))
    }
}
