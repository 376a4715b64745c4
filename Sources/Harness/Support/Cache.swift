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
        if FileStatus(path)?.kind == .folder { return path }
        do {
            try FileManager.default.createDirectory(atPath: (root as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        } catch {
            throw Self.failure(path, Files.reason(error))
        }
        for count in 0...components.count {
            let made = ([root] + components.prefix(count)).joined(separator: "/")
            // Whatever the umask, none of the folders is writable for others. Another run may have made it meanwhile.
            guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw Self.failure(path, String(cString: strerror(errno))) }
        }
        guard Files.isFolder(path) else { throw Self.failure(path, "a file is in its place") }
        return path
    }

    private static func failure(_ path: String, _ reason: String) -> HarnessError {
        HarnessError(
            .harness, "cannot make the cache folder \(path): \(reason)",
            hint: "set XDG_CACHE_HOME to a folder with space that you may write to")
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
