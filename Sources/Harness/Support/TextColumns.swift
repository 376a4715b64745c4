// SPDX-License-Identifier: GPL-2.0

import Results

/// One line of a table for the terminal: columns, two spaces apart.
///
/// Line breaks and control characters in a column's text are escaped (`oneLine`).
public struct TextColumns: Sendable {
    private var columns: [String] = []

    public init() {}

    public var line: String { columns.joined(separator: "  ") }

    /// Adds a column.
    ///
    /// - Parameters:
    ///   - width: shorter text is padded to it; longer text is not changed.
    ///   - limit: longer text is cut to it.
    public mutating func add(_ text: String, width: Int = 0, limit: Int = .max) {
        columns.append(Self.pad(String(text.oneLine.prefix(limit)), to: width))
    }

    /// Adds a column in parentheses, where there is text for it.
    public mutating func add(note: String?, limit: Int = 160) {
        if let note { add("(\(note.oneLine.prefix(limit)))") }
    }

    /// Adds the column of what a kernel took: "12 s + 34 s", to build and to run.
    public mutating func add(buildSeconds: Double, runSeconds: Double) {
        add("\(Int(buildSeconds.rounded())) s + \(Int(runSeconds.rounded())) s")
    }

    /// `text` with spaces after it, `width` characters at least.
    public static func pad(_ text: String, to width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
}
