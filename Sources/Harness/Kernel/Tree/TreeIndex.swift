// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc

/// The harness's record of a tree under test, kept between runs so that only changed files are read again.
struct TreeIndex: Sendable, Equatable {
    struct Record: Sendable, Equatable {
        /// The origin's file when it was last hashed. The time of its last change (`st_ctime`), unlike that of its content, cannot be set: it
        /// differs after an edit that keeps size and time.
        var size, modified, changed: Int64
        var inode: UInt64
        /// "x", "-" or "l" (executable, plain, symbolic link), then the content's SHA-256.
        var identity: String
        /// git's hash of the content; "" where there is no repository to compare it with.
        var blob = ""
        /// The mirror's file: the identity last copied, and the copy's modification time; "" and 0 where there is none.
        var mirrored: String = ""
        var mirrorModified: Int64 = 0
        /// Made by an in-tree build and removed from the mirror by `make mrproper`: not part of the source.
        var generated = false
        /// `make mrproper` did not remove it.
        var survived = false
        /// A symbolic link to a file outside of the tree: content and copy are that file's.
        var outside = false

        /// Whether the file is as it was when it was hashed.
        ///
        /// - Parameter format: that of the hash in `blob`, where one is needed.
        func isCurrent(_ status: FileStatus, _ format: BlobFormat?) -> Bool {
            !outside && size == status.size && modified == status.modified && changed == status.changed && inode == status.inode
                && identity.utf8.first == status.letter && (format == nil || blob.utf8.count == format?.digits)
        }
    }

    var records: [String: Record] = [:]

    static let header = "ppiov tree index 2"

    /// An index that cannot be read counts as empty: every file is then hashed again.
    init(file: String) {
        guard let data = FileManager.default.contents(atPath: file) else { return }
        records = data.withUnsafeBytes(Self.records) ?? [:]
    }

    init() {}

    /// nil where the bytes are no index.
    private static func records(_ bytes: UnsafeRawBufferPointer) -> [String: Record]? {
        var reader = FieldReader(rest: bytes[...])
        guard reader.text(until: 0) == header else { return nil }
        var records: [String: Record] = [:]
        records.reserveCapacity(bytes.count / 200)
        while !reader.rest.isEmpty {
            guard let path = reader.text(until: 0), let size = reader.number(), let modified = reader.number(), let changed = reader.number(),
                let inode = reader.number(), let identity = reader.text(), let blob = reader.text(), let mirrored = reader.text(),
                let mirrorModified = reader.number(), let flags = reader.text(until: 0)
            else { return nil }
            records[path] = Record(
                size: size, modified: modified, changed: changed, inode: UInt64(bitPattern: inode), identity: identity, blob: blob,
                mirrored: mirrored, mirrorModified: mirrorModified, generated: flags.contains("g"), survived: flags.contains("s"),
                outside: flags.contains("o"))
        }
        return records
    }

    func write(to file: String) throws {
        var text: [UInt8] = Array(Self.header.utf8) + [0]
        text.reserveCapacity(records.count * 256)
        for (path, record) in records {
            text += path.utf8
            text.append(0)
            text += "\(record.size) \(record.modified) \(record.changed) \(Int64(bitPattern: record.inode)) ".utf8
            text += "\(record.identity) \(record.blob) \(record.mirrored) \(record.mirrorModified) ".utf8
            text += "\(record.generated ? "g" : "")\(record.survived ? "s" : "")\(record.outside ? "o" : "")".utf8
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
            index.records[path, default: Record(size: 0, modified: 0, changed: 0, inode: 0, identity: "")].identity = file.identity
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

/// Reads the fields of an index.
private struct FieldReader {
    var rest: Slice<UnsafeRawBufferPointer>

    /// The text before a byte, which is skipped; nil where there is none.
    mutating func text(until end: UInt8 = UInt8(ascii: " ")) -> String? {
        guard let stop = rest.firstIndex(of: end) else { return nil }
        defer { rest = rest[(stop + 1)...] }
        return String(decoding: rest[..<stop], as: UTF8.self)
    }

    mutating func number() -> Int64? {
        var value: Int64 = 0
        var negative = false
        var digits = 0
        for (index, byte) in zip(rest.indices, rest) {
            switch byte {
            case UInt8(ascii: " "):
                rest = rest[(index + 1)...]
                return digits == 0 ? nil : negative ? -value : value
            case UInt8(ascii: "-") where index == rest.startIndex: negative = true
            case UInt8(ascii: "0")...UInt8(ascii: "9") where digits < 19:
                value = value &* 10 &+ Int64(byte - UInt8(ascii: "0"))
                digits += 1
            default: return nil
            }
        }
        return nil
    }
}
