// SPDX-License-Identifier: GPL-2.0

import Foundation

/// A folder of one test. It is removed with its last reference.
///
/// The path has no symbolic link in it and is short: a UNIX socket's path holds 107 bytes.
public final class TemporaryFolder: Sendable {
    /// Absolute, without a slash at its end.
    public let path: String

    /// Makes an empty folder below `TMPDIR`, or below /tmp.
    public init() throws {
        let base = URL(fileURLWithPath: NSTemporaryDirectory()).resolvingSymlinksInPath().path
        path = base + "/ppiov-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file with the folders above it, and returns its path.
    ///
    /// - Parameters:
    ///   - name: relative to the folder.
    ///   - executable: mode 0755 in place of 0644.
    @discardableResult
    public func write(_ name: String, _ text: String, executable: Bool = false) throws -> String {
        let target = path + "/" + name
        try makeFolder((name as NSString).deletingLastPathComponent)
        // Not atomic: most editors also keep the file's inode.
        try Data(text.utf8).write(to: URL(fileURLWithPath: target))
        if executable { try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: target) }
        return target
    }

    /// Makes a folder in this folder, with the folders above it, and returns its path.
    @discardableResult
    public func makeFolder(_ name: String) throws -> String {
        let target = name.isEmpty ? path : path + "/" + name
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        return target
    }

    /// The text of a file; nil where there is none.
    public func text(_ name: String) -> String? {
        FileManager.default.contents(atPath: path + "/" + name).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether a file or folder of this name exists.
    public func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path + "/" + name) }

    /// Removes a file, or a folder with its contents.
    public func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path + "/" + name) }

    /// Every path below, relative and sorted.
    public var everything: [String] { (FileManager.default.enumerator(atPath: path)?.allObjects as? [String] ?? []).sorted() }
}
