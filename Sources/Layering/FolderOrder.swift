// SPDX-License-Identifier: GPL-2.0

/// docs/layers.txt: the order of the folders of each target.
///
/// A line without a blank before it is the path of a target. The lines below it, indented, name its folders, the lowest first: a folder may use those on
/// the lines above its own. `.` is the target's own folder, `Families/*` every folder in `Families`. `#` begins a comment.
struct FolderOrder: Sendable {
    static let path = "docs/layers.txt"

    /// For each target's path its lines, each with the patterns on it.
    private(set) var targets: [String: [[String]]] = [:]

    init(text: String) {
        var target: String?
        for line in text.split(separator: "\n") {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let first = words.first else { continue }
            if line.first?.isWhitespace == true {
                if let target { targets[target, default: []].append(words) }
            } else {
                target = first
                targets[first] = []
            }
        }
    }

    /// The line of a folder of a target, counted from 0; nil where no line names it.
    ///
    /// - Parameter folder: relative to the target, "." for the target's own.
    func level(of folder: String, in target: String) -> Int? {
        targets[target]?.firstIndex { $0.contains { Self.matches(folder, $0) } }
    }

    static func matches(_ folder: String, _ pattern: String) -> Bool {
        pattern.hasSuffix("/*") ? folder.hasPrefix(pattern.dropLast()) : folder == pattern
    }
}
