// SPDX-License-Identifier: GPL-2.0

import Foundation

/// The work tree that these tests were built from.
public enum Repository {
    /// Absolute, without a slash at its end.
    public static let root: String = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().standardizedFileURL.path

    /// The absolute path of a file or folder in it.
    public static func path(_ name: String) -> String { root + "/" + name }

    /// The text of a file in it.
    public static func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    /// The names of the files and folders in a folder of it, sorted; those that begin with a dot are left out.
    public static func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path(folder)).filter { !$0.hasPrefix(".") }.sorted()
    }
}
