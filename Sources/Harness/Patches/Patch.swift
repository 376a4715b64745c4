// SPDX-License-Identifier: GPL-2.0

import Foundation

/// One patch of a series: the fields of its mail, and its diff.
public struct Patch: Sendable, Equatable {
    /// The file, and the mail in it: "fixes.mbox, mail 3".
    public var origin: String
    /// Without "[PATCH 2/5]".
    public var subject: String
    /// "Name <address>"; nil of a plain diff.
    public var author: String?
    /// As in the mail; nil of a plain diff.
    public var date: String?
    /// The text between subject and diff, with its trailers.
    public var message: String
    /// Its number in the series; nil where the subject has none.
    public var number: Int?
    /// The number of patches in the series; nil where the subject does not have it.
    public var count: Int?
    /// "v3" in the subject; nil where there is none.
    public var version: Int?
    /// The diff, byte for byte.
    var diff: [UInt8]
    /// The files it touches.
    var files: [PatchDiff.File]

    /// Every path that it reads or writes.
    var paths: Set<String> { Set(files.flatMap { [$0.old, $0.new].compactMap { $0 } }) }
}

/// A subject, with the values in its brackets: "[PATCH net-next v3 2/5] net: do it".
struct PatchSubject: Equatable {
    /// Without brackets and "Re:".
    var text = ""
    var number: Int?
    var count: Int?
    var version: Int?
    /// It is a reply.
    var isReply = false

    init(_ line: String) {
        var rest = Substring(line.trimmingCharacters(in: .whitespacesAndNewlines))
        while true {
            rest = rest.drop { $0 == " " || $0 == "\t" }
            if let reply = ["re:", "fwd:", "aw:"].first(where: { rest.lowercased().hasPrefix($0) }) {
                isReply = true
                rest = rest.dropFirst(reply.count)
                continue
            }
            guard rest.first == "[", let end = rest.firstIndex(of: "]") else { break }
            for word in rest[rest.index(after: rest.startIndex)..<end].split(whereSeparator: { $0 == " " || $0 == "," }) { read(word) }
            rest = rest[rest.index(after: end)...]
        }
        text = String(rest)
    }

    private mutating func read(_ word: Substring) {
        let parts = word.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count == 2, let number = Int(parts[0]), let count = Int(parts[1]), number >= 0, count >= 0 {
            (self.number, self.count) = (number, count)
        } else if let prefix = ["patchv", "rfcv", "v"].first(where: { word.lowercased().hasPrefix($0) }),
            let version = Int(word.dropFirst(prefix.count))
        {
            self.version = version
        }
    }
}
