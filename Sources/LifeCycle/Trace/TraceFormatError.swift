// SPDX-License-Identifier: GPL-2.0

/// Why a tracefs `format` or `header_page` text cannot be used.
public enum TraceFormatError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is no such text.
    case missingText(String)
    /// A line for a field cannot be read, or a number in it is out of range.
    case malformedLine(text: String, line: String)
    /// No `ID:` line, or not a 16-bit number.
    case missingID(String)
    /// The text has no field of that name.
    case missingField(text: String, field: String)
    /// The size or offset of the field cannot be used.
    case unusableField(text: String, field: String)
    /// Two events have the same ID.
    case duplicateID(UInt16)

    public var description: String {
        switch self {
        case .missingText(let name): "no trace format for \(name)"
        case .malformedLine(let text, let line): "trace format \(text): cannot read the line \"\(line)\""
        case .missingID(let name): "trace format \(name): no usable ID"
        case .missingField(let text, let field): "trace format \(text): no field \(field)"
        case .unusableField(let text, let field): "trace format \(text): field \(field) has an unusable offset or size"
        case .duplicateID(let id): "trace formats: two events have the ID \(id)"
        }
    }
}
