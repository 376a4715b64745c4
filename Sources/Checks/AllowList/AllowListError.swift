// SPDX-License-Identifier: GPL-2.0

public import Results

/// An error in an allow-list file. The whole file is rejected: an entry that does not do what its author expects hides faults.
public enum AllowListError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Not `name: value` with one of the four names.
    case malformedLine(line: Int, text: String)
    case repeatedField(line: Int, field: String)
    /// The entry that begins at `line` lacks a field, or has it empty.
    case missingField(line: Int, field: String)
    case badDate(line: Int, text: String)
    /// The file is no UTF-8 text.
    case notText(ForeignText.Malformed)

    public var description: String {
        switch self {
        case .malformedLine(let line, let text):
            "allow-list line \(line): \"\(text)\" is not one of pattern:, reason:, link:, expires: with a value"
        case .repeatedField(let line, let field):
            "allow-list line \(line): a second \(field): in one entry (a blank line ends an entry)"
        case .missingField(let line, let field): "allow-list entry at line \(line): no \(field):"
        case .notText(let malformed): "allow-list \(malformed)"
        case .badDate(let line, let text): "allow-list line \(line): \"\(text)\" is not a day as YYYY-MM-DD"
        }
    }
}
