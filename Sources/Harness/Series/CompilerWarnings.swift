// SPDX-License-Identifier: GPL-2.0

import Foundation

/// What a build log warns of.
enum CompilerWarnings {
    /// Each once, in order: "net/core/page_pool.c: unused variable 'x' [-Wunused-variable]". Without lines, which any patch moves.
    ///
    /// - Parameter source: the folder that was built, which the log names files below.
    static func of(_ log: String, source: String = "") -> [String] {
        var seen: Set<String> = []
        return log.split(separator: "\n").compactMap { line -> String? in
            guard let mark = line.range(of: ": warning: ") ?? line.range(of: ": WARNING: ") else { return nil }
            // FILE:LINE:COLUMN, or a tool's name.
            let place = line[..<mark.lowerBound].split(separator: ":").first.map(String.init) ?? ""
            let file = place.hasPrefix(source + "/") && !source.isEmpty ? String(place.dropFirst(source.count + 1)) : place
            return file + ": " + line[mark.upperBound...]
        }.filter { seen.insert($0).inserted }
    }
}
