// SPDX-License-Identifier: GPL-2.0

import Foundation

/// The files of a repository, read into memory. Every rule reads them from here.
struct SourceTree: Sendable {
    /// Text by path, relative to the root. The text of a file of another kind than `read` is empty.
    var files: [String: String]

    init(files: [String: String]) { self.files = files }

    /// Folders that git ignores.
    private static let ignored: Set<String> = ["results"]
    /// The kinds of files that the rules read; of other files only the names count.
    private static let read: Set<String> = ["swift", "c", "h", "md", "txt", "sh", "Makefile"]

    /// Reads the work tree below `root`; hidden files and folders are skipped, `.ci` apart.
    init(root: String) throws {
        var files: [String: String] = [:]
        func visit(_ folder: String) throws {
            for name in try FileManager.default.contentsOfDirectory(atPath: root + "/" + folder) where !name.hasPrefix(".") || name == ".ci" {
                let path = folder.isEmpty ? name : folder + "/" + name
                var isFolder: ObjCBool = false
                guard FileManager.default.fileExists(atPath: root + "/" + path, isDirectory: &isFolder) else { continue }
                if isFolder.boolValue {
                    if !Self.ignored.contains(path) { try visit(path) }
                } else {
                    let isRead = Self.isRead(path)
                    files[path] = isRead ? FileManager.default.contents(atPath: root + "/" + path).map { String(decoding: $0, as: UTF8.self) } : ""
                }
            }
        }
        try visit("")
        self.files = files
    }

    private static func isRead(_ path: String) -> Bool {
        let name = (path as NSString).lastPathComponent
        return ["scripts", ".ci"].contains(parent(of: path)) || read.contains((name as NSString).pathExtension) || read.contains(name)
    }

    /// The number of files in each folder, those of its subfolders not counted.
    var folderSizes: [String: Int] { files.keys.reduce(into: [:]) { $0[parent(of: $1), default: 0] += 1 } }
}
