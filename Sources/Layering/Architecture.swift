// SPDX-License-Identifier: GPL-2.0

/// The rules in docs/architecture.md that can be checked.
struct Architecture: Sendable {
    static let path = "docs/architecture.md"
    static let begin = "<!-- layers:begin -->"
    static let end = "<!-- layers:end -->"

    /// A row of the table whose third column is "May use".
    struct Row: Equatable, Sendable {
        /// A folder, relative to the repository, without a slash at its end.
        var path: String
        /// The names in the last cell; empty for "nothing".
        var mayUse: Set<String>
    }

    var rows: [Row] = []
    /// Paths that the section "Files above 400 lines" names.
    var longFiles: Set<String> = []
    /// The text between the marks; nil where they are missing.
    var drawing: String?

    init(text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var isInTable = false
        var isInLongFiles = false
        for line in lines {
            let cells = Self.cells(line)
            if cells.count == 3, cells[2] == "May use" {
                isInTable = true
            } else if cells.isEmpty {
                isInTable = false
            } else if isInTable, cells.count == 3, let row = Self.row(cells) {
                rows.append(row)
            }
            if line.hasPrefix("#") { isInLongFiles = line.lowercased().contains("files above 400 lines") }
            if isInLongFiles { longFiles.formUnion(Self.quoted(line)) }
        }
        if let first = lines.firstIndex(of: Self.begin), let last = lines.firstIndex(of: Self.end), first < last {
            drawing = lines[(first + 1)..<last].map { $0 + "\n" }.joined()
        }
    }

    private static func cells(_ line: String) -> [String] {
        guard line.hasPrefix("|") else { return [] }
        var cells = line.split(separator: "|", omittingEmptySubsequences: false).map { trimmed(String($0)) }
        cells.removeFirst()
        if cells.last?.isEmpty == true, cells.count > 3 { cells.removeLast() }
        return cells
    }

    private static func row(_ cells: [String]) -> Row? {
        guard var path = quoted(cells[0]).first else { return nil }
        while path.hasSuffix("/") { path.removeLast() }
        let names = cells[2].replacing("`", with: "").split(separator: ",").map { trimmed(String($0)) }
        return Row(path: path, mayUse: Set(names.filter { !$0.isEmpty && $0 != "nothing" }))
    }

    /// The texts in backticks.
    private static func quoted(_ text: String) -> [String] {
        let parts = text.split(separator: "`", omittingEmptySubsequences: false)
        return parts.indices.filter { $0 % 2 == 1 && $0 < parts.count - 1 }.map { String(parts[$0]) }
    }
}

/// Without blanks at either end.
func trimmed(_ text: String) -> String {
    var rest = text[...]
    while rest.first?.isWhitespace == true { rest.removeFirst() }
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return String(rest)
}
