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
    init?(line: ArraySlice<UInt8>, of text: String) throws(TraceFormatError) {
        let line = Ascii.trimmed(line)
        guard line.starts(with: "field:".utf8) else { return nil }
        func malformed() -> TraceFormatError { .malformedLine(text: text, line: Array(line).span.excerpt) }
        var declaration: ArraySlice<UInt8>?
        var numbers: [ArraySlice<UInt8>: Int] = [:]
        for part in line.split(separator: UInt8(ascii: ";")) {
            let part = Ascii.trimmed(part)
            guard let colon = part.firstIndex(of: Ascii.colon) else { throw malformed() }
            let key = part[..<colon]
            let value = Ascii.trimmed(part[(colon + 1)...])
            if key.elementsEqual("field".utf8) {
                declaration = value
            } else if let number = Ascii.number(value, Int.self), number <= Self.limit {
                numbers[key] = number
            } else {
                throw malformed()
            }
        }
        func number(_ key: String) -> Int? { numbers[Array(key.utf8)[...]] }
        guard let declaration, let offset = number("offset"), let size = number("size"), let signed = number("signed"),
            var name = declaration.split(whereSeparator: Ascii.isBlank).last
        else { throw malformed() }
        while name.first == UInt8(ascii: "*") { name = name.dropFirst() }
        if let bracket = name.firstIndex(of: Ascii.bracket) { name = name[..<bracket] }
        guard !name.isEmpty else { throw malformed() }
        self.init(name: String(decoding: name, as: UTF8.self), offset: offset, size: size, signed: signed != 0)
    }

    /// The fields of all lines.
    fileprivate static func all(in text: [UInt8], of name: String) throws(TraceFormatError) -> [TraceField] {
        var fields: [TraceField] = []
        for line in TraceField.lines(text) {
            if let field = try TraceField(line: line, of: name) { fields.append(field) }
        }
        return fields
    }

    /// LF or CR LF ends a line.
    fileprivate static func lines(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
        text.split { $0 == Ascii.newline || $0 == Ascii.carriageReturn }
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
        let text = Array(text.utf8)
        let line = TraceField.lines(text).last { $0.starts(with: "ID:".utf8) }
        guard let line, let id = Ascii.number(Ascii.trimmed(line.dropFirst(3)), UInt16.self) else { throw .missingID(name) }
        self.name = name
        self.id = id
        fields = try TraceField.all(in: text, of: name)
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

    /// The bytes of a page in the kernel: 64 KiB pages of order 6 at the most.
    private static let largestPage = 1 << 22

    /// - Parameter pageSize: bytes of a page, where another source than the text has it; nil for that of the text.
    public init(text: String, pageSize: Int? = nil) throws(TraceFormatError) {
        let name = "header_page"
        let fields = try TraceField.all(in: Array(text.utf8), of: name)
        func find(_ field: String) throws(TraceFormatError) -> TraceField {
            guard let found = fields.first(where: { $0.name == field }) else { throw .missingField(text: name, field: field) }
            return found
        }
        timestamp = try find("timestamp")
        commit = try find("commit")
        overwrite = try find("overwrite")
        var data = try find("data")
        if let pageSize {
            guard pageSize <= Self.largestPage else { throw .unusableField(text: name, field: "data") }
            data = TraceField(name: data.name, offset: data.offset, size: pageSize - data.offset, signed: data.signed)
        }
        self.data = data
        guard timestamp.size == 8, timestamp.offset + 8 <= data.offset else {
            throw .unusableField(text: name, field: "timestamp")
        }
        guard commit.size == 4 || commit.size == 8, commit.offset + commit.size <= data.offset else {
            throw .unusableField(text: name, field: "commit")
        }
        guard data.size >= 8 else { throw .unusableField(text: name, field: "data") }
    }
}
