// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Programs of the host.
enum HostTools {
    /// The path of a program; nil where there is none of that name.
    ///
    /// - Parameter also: folders to search after those of PATH.
    static func path(of name: String, also: [String] = []) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let folders = path.split(separator: ":").map(String.init) + also
        return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
