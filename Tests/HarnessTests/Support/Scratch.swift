// SPDX-License-Identifier: GPL-2.0

import Foundation
import Testing

@testable import Harness

/// A folder that goes with its owner.
final class Scratch: Sendable {
    let path: String

    init() throws {
        path = URL(fileURLWithPath: NSTemporaryDirectory()).resolvingSymlinksInPath().path + "/ppiov-test-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let target = path + "/" + name
        try Files.makeFolder(URL(fileURLWithPath: target).deletingLastPathComponent().path)
        try text.write(toFile: target, atomically: false, encoding: .utf8)
        return target
    }

    func text(_ name: String) -> String? { Files.text(path + "/" + name) }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path + "/" + name) }

    /// Moves a file's modification time into the past, so that the next write is seen for sure.
    func age(_ name: String, seconds: Int64 = 100) {
        FileStatus.setModified(path + "/" + name, FileStatus.now() - seconds * 1_000_000_000)
    }

    /// Every path below with its times and content, to compare before and after.
    func snapshot(_ name: String) throws -> [String: String] {
        var all: [String: String] = [:]
        for case let entry as String in FileManager.default.enumerator(atPath: path + "/" + name) ?? .init() {
            let full = "\(path)/\(name)/\(entry)"
            let status = try #require(FileStatus(full))
            all[entry] = "\(status.modified) \(status.inode) \(status.size) " + (status.kind == .file ? try ContentHash.ofFile(full) : "")
        }
        return all
    }
}
