// SPDX-License-Identifier: GPL-2.0

import Crypto
import Foundation

/// The harness's folder for files that it can make again: `${XDG_CACHE_HOME:-~/.cache}/ppiov`.
public struct Cache: Sendable {
    /// The folder's path.
    public let root: String

    /// A cache in a folder that the caller names.
    public init(root: String) { self.root = root }

    /// The user's cache, as the XDG base directory specification places it.
    public init() {
        let environment = ProcessInfo.processInfo.environment
        let base =
            environment["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
            ?? (environment["HOME"] ?? NSHomeDirectory()) + "/.cache"
        root = base + "/ppiov"
    }

    /// A folder below the cache, made where it does not exist.
    ///
    /// - Throws: `HarnessError` that names the folder and the system's error.
    public func folder(_ components: String...) throws -> String {
        let path = ([root] + components).joined(separator: "/")
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw HarnessError(
                .harness, "cannot make the cache folder \(path): \(Files.reason(error))",
                hint: "set XDG_CACHE_HOME to a folder with space that you may write to")
        }
        return path
    }

    /// The key of a content: the first 20 hexadecimal digits of the SHA-256 of the parts, each with its length.
    public static func key(_ parts: [String]) -> String {
        var hash = SHA256()
        for part in parts {
            let bytes = Array(part.utf8)
            hash.update(data: Array("\(bytes.count):".utf8))
            hash.update(data: bytes)
        }
        return ContentHash.hex(hash.finalize().prefix(10))
    }
}
