// SPDX-License-Identifier: GPL-2.0

import Results

/// The compiler's warnings in a build log.
enum CompilerWarnings {
    /// Each once, in order: "/s/net/core/page_pool.c: unused variable 'x' [-Wunused-variable]". Without line numbers, which any patch moves.
    static func of(_ log: String) -> [String] {
        var seen: Set<String> = []
        return log.filledLines.compactMap(warning).filter { seen.insert($0).inserted }
    }

    /// The warning about the source in a line; nil where it has none.
    static func warning(_ line: Substring) -> String? {
        // make warns of clocks and its jobserver.
        guard !line.begins(with: "make"), let (before, after) = line.divided(at: ": warning: ") ?? line.divided(at: ": WARNING: ") else { return nil }
        // FILE:LINE:COLUMN, or the name of a tool.
        return (before.divided(at: ":")?.before ?? before) + ": " + after
    }
}
