// SPDX-License-Identifier: GPL-2.0

/// One field of an event or of the page header: `field:u32 hold;	offset:24;	size:4;	signed:0;`
/// (`f_show`, kernel/trace/trace_events.c).
public struct TraceField: Equatable, Sendable {
    public let name: String
    /// Bytes from the start of the record.
    public let offset: Int
    /// Bytes.
    public let size: Int
    public let signed: Bool

    /// The largest offset of a field: a ring-buffer page can have 64 KiB pages of order 6.
    static let limit = 1 << 22

    public init(name: String, offset: Int, size: Int, signed: Bool) {
        self.name = name
        self.offset = offset
        self.size = size
        self.signed = signed
    }

    /// Parses one line; nil if it is not the line of a field.
    init?(line: Substring, of text: String) throws(TraceFormatError) {
        let line = trimmed(line)
        guard line.hasPrefix("field:") else { return nil }
        var declaration: Substring?
        var numbers: [Substring: Int] = [:]
        for part in line.split(separator: ";") {
            let part = trimmed(part)
            guard let colon = part.firstIndex(of: ":") else { throw .malformedLine(text: text, line: String(line)) }
            let key = part[..<colon]
            let value = trimmed(part[part.index(after: colon)...])
            if key == "field" {
                declaration = value
            } else if let number = Int(value), (0...Self.limit).contains(number) {
                numbers[key] = number
            } else {
                throw .malformedLine(text: text, line: String(line))
            }
        }
        guard let declaration, let offset = numbers["offset"], let size = numbers["size"], let signed = numbers["signed"],
            var name = declaration.split(whereSeparator: { $0 == " " || $0 == "\t" }).last
        else { throw .malformedLine(text: text, line: String(line)) }
        while name.first == "*" { name = name.dropFirst() }
        if let bracket = name.firstIndex(of: "[") { name = name[..<bracket] }
        guard !name.isEmpty else { throw .malformedLine(text: text, line: String(line)) }
        self.init(name: String(name), offset: offset, size: size, signed: signed != 0)
    }
}

/// A tracefs `events/SYSTEM/EVENT/format` text.
public struct EventFormat: Equatable, Sendable {
    public let name: String
    /// What `common_type` holds in the event's records.
    public let id: UInt16
    public let fields: [TraceField]

    /// - Parameter name: the event's name, for messages.
    public init(name: String, text: String) throws(TraceFormatError) {
        var id: UInt16?
        var fields: [TraceField] = []
        for line in text.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("ID:") {
                id = UInt16(trimmed(line.dropFirst(3)))
            } else if let field = try TraceField(line: line, of: name) {
                fields.append(field)
            }
        }
        guard let id else { throw .missingID(name) }
        self.name = name
        self.id = id
        self.fields = fields
    }

    /// The integer field of that name: 1, 2, 4 or 8 bytes.
    func integer(_ field: String) throws(TraceFormatError) -> TraceField {
        guard let found = fields.first(where: { $0.name == field }) else { throw .missingField(text: name, field: field) }
        guard [1, 2, 4, 8].contains(found.size) else { throw .unusableField(text: name, field: field) }
        return found
    }
}

/// tracefs `events/header_page`: the layout of a ring-buffer page (`ring_buffer_print_page_header`, kernel/trace/ring_buffer.c).
public struct PageHeaderFormat: Equatable, Sendable {
    /// The time of the first event.
    public let timestamp: TraceField
    /// Committed bytes of events, and the flags for missed events.
    public let commit: TraceField
    /// The flag for overwritten events; ppiov does not use it.
    public let overwrite: TraceField
    /// Where the events start. Its size is the number of bytes of events in a page.
    public let data: TraceField

    /// Bytes of one page in `trace_pipe_raw`.
    public var pageSize: Int { data.offset + data.size }

    public init(text: String) throws(TraceFormatError) {
        let name = "header_page"
        var fields: [TraceField] = []
        for line in text.split(whereSeparator: \.isNewline) {
            if let field = try TraceField(line: line, of: name) { fields.append(field) }
        }
        func find(_ field: String) throws(TraceFormatError) -> TraceField {
            guard let found = fields.first(where: { $0.name == field }) else { throw .missingField(text: name, field: field) }
            return found
        }
        timestamp = try find("timestamp")
        commit = try find("commit")
        overwrite = try find("overwrite")
        data = try find("data")
        guard timestamp.size == 8, timestamp.offset + 8 <= data.offset else {
            throw .unusableField(text: name, field: "timestamp")
        }
        guard commit.size == 4 || commit.size == 8, commit.offset + commit.size <= data.offset else {
            throw .unusableField(text: name, field: "commit")
        }
        guard data.size >= 8 else { throw .unusableField(text: name, field: "data") }
    }
}

/// Without the white space at either end.
func trimmed(_ text: Substring) -> Substring {
    var text = text
    while let first = text.first, first.isWhitespace { text = text.dropFirst() }
    while let last = text.last, last.isWhitespace { text = text.dropLast() }
    return text
}
