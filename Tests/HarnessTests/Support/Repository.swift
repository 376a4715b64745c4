// SPDX-License-Identifier: GPL-2.0

import Foundation

/// The work tree that these tests were built from.
enum Repository {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// The absolute path of a file or folder in it.
    static func path(_ name: String) -> String { root + "/" + name }
}
