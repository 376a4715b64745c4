// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc

/// A folder for the sockets of one machine, with mode 0700 and a short path. It is removed with the value.
///
/// A Unix socket's address holds 108 bytes, so the folder is in `$XDG_RUNTIME_DIR` or `/tmp`, never in the results folder.
struct RunFolder: ~Copyable, Sendable {
    let path: String

    /// The longest path that leaves 16 bytes for a socket's name.
    private static let longestPath = 107 - 16

    init() throws {
        let runtime = ProcessInfo.processInfo.environment["XDG_RUNTIME_DIR"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        var reasons: [String] = []
        for base in [runtime, "/tmp"].compactMap({ $0 }) {
            let pattern = base + "/ppiov-XXXXXX"
            guard pattern.utf8.count <= Self.longestPath else {
                reasons.append("\(base): too long for a socket's address")
                continue
            }
            var bytes = Array(pattern.utf8CString)
            guard mkdtemp(&bytes) != nil else {
                reasons.append("\(base): \(String(cString: strerror(errno)))")
                continue
            }
            path = bytes.withUnsafeBytes { String(decoding: $0.dropLast(), as: UTF8.self) }
            return
        }
        throw HarnessError(
            .harness, "cannot make a folder for the machine's sockets", hint: "make /tmp writable, or set XDG_RUNTIME_DIR to a short path",
            evidence: reasons)
    }

    /// Removes the folder. The call keeps the value alive until the last use of the folder.
    consuming func remove() {}

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
