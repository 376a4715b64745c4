// SPDX-License-Identifier: GPL-2.0

import Foundation

/// A folder for the sockets of one machine, with mode 0700 and a short path. It is removed with the value.
///
/// A Unix socket's address holds 108 bytes, so the folder is in `$XDG_RUNTIME_DIR` or `/tmp`, never in the results folder.
struct RunFolder: ~Copyable, Sendable {
    private let folder: OwnedFolder

    var path: String { folder.path }

    /// The longest path that leaves 16 bytes for a socket's name.
    private static let longestPath = 107 - 16

    init() throws {
        var reasons: [String] = []
        for base in Leftovers.runtime {
            guard (base + "/" + Leftovers.prefix + "XXXXXX").utf8.count <= Self.longestPath else {
                reasons.append("\(base): too long for a socket's address")
                continue
            }
            do {
                folder = try OwnedFolder(in: base, prefix: Leftovers.prefix)
                return
            } catch let error as HarnessError {
                reasons.append("\(base): \(error.message)")
            }
        }
        throw HarnessError(
            .harness, "cannot make a folder for the machine's sockets", hint: "make /tmp writable, or set XDG_RUNTIME_DIR to a short path",
            evidence: reasons)
    }

    /// Removes the folder. The call keeps the value alive until the last use of the folder.
    consuming func remove() {}
}
