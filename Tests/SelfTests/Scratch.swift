// SPDX-License-Identifier: GPL-2.0

import Foundation

/// A test's own folder, with a path short enough for sockets; it goes with its last reference.
final class Scratch: Sendable {
    let path: String

    init() throws {
        path = "/tmp/pst-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Where `Product.run(filter:)` puts the results.
    var results: String { path + "/results" }

    /// A cache that holds nothing yet.
    var cache: [String: String] { ["XDG_CACHE_HOME": path + "/cache"] }

    /// Writes a file and the folders above it; returns its path.
    @discardableResult
    func write(_ name: String, _ text: String, executable: Bool = false) throws -> String {
        let target = path + "/" + name
        try makeFolder((name as NSString).deletingLastPathComponent)
        try Data(text.utf8).write(to: URL(fileURLWithPath: target))
        if executable { try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: target) }
        return target
    }

    @discardableResult
    func makeFolder(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: path + "/" + name, withIntermediateDirectories: true)
        return path + "/" + name
    }

    func text(_ name: String) throws -> String { try String(contentsOfFile: path + "/" + name, encoding: .utf8) }

    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path + "/" + name) }

    /// Every path below, for searching.
    var everything: [String] { (FileManager.default.enumerator(atPath: path)?.allObjects as? [String] ?? []).sorted() }
}
