// SPDX-License-Identifier: GPL-2.0

/// The header of a mail, or of one part of it.
struct MailHeader: Sendable, Equatable {
    private var fields: [(name: String, value: [UInt8])] = []
    /// The line after it and after the empty line that ends it.
    private(set) var end: Int

    static func == (left: MailHeader, right: MailHeader) -> Bool {
        left.end == right.end && left.fields.elementsEqual(right.fields) { $0.name == $1.name && $0.value == $1.value }
    }

    /// Reads the lines from `first` on. It ends, as for git, before the first line that is no field.
    init(_ lines: ByteLines, from first: Int, to last: Int) {
        var at = first
        while at < last {
            let line = lines[at]
            if let blank = line.first, blank == 0x20 || blank == 0x09, at > first {
                if !fields.isEmpty, !line.trimmed.isEmpty { fields[fields.count - 1].value += [0x20] + line.trimmed }
            } else if line.begins(with: "From ") || line.begins(with: ">From ") {
                // The line of an mbox, quoted by a program on the way.
            } else if let colon = line.firstIndex(of: 0x3a), line[..<colon].allSatisfy({ (33...126).contains($0) }), colon > line.startIndex {
                fields.append((String(decoding: line[..<colon].lowercased, as: UTF8.self), Array(line[(colon + 1)...].trimmed)))
            } else {
                break
            }
            at += 1
        }
        end = at < last && lines[at].trimmed.isEmpty ? at + 1 : at
    }

    var isEmpty: Bool { fields.isEmpty }

    /// The last field of this name, in lower case; nil where there is none.
    subscript(name: String) -> [UInt8]? { fields.last { $0.name == name }?.value }

    /// The message IDs in a field, with their angle brackets.
    func identifiers(_ name: String) -> [String] {
        var found: [String] = []
        for field in fields where field.name == name {
            var rest = field.value[...]
            while let open = rest.firstIndex(of: 0x3c), let close = rest[open...].firstIndex(of: 0x3e) {
                found.append(ShownText.shown(rest[open...close], limit: 1000))
                rest = rest[(close + 1)...]
            }
        }
        return found
    }

    /// "multipart/signed" of a field "Content-Type: multipart/signed; boundary=x", in lower case; nil where there is no field.
    func value(_ name: String) -> String? {
        self[name].map { String(decoding: ($0.split(separator: 0x3b).first ?? []).trimmed.lowercased, as: UTF8.self) }
    }

    /// A parameter of such a field.
    func parameter(_ parameter: String, of name: String) -> [UInt8]? {
        guard let value = self[name] else { return nil }
        var rest = value[...]
        while let semicolon = rest.firstIndex(of: 0x3b) {
            rest = rest[(semicolon + 1)...].trimmed
            guard let equals = rest.firstIndex(of: 0x3d) else { return nil }
            let key = rest[..<equals].trimmed.lowercased
            rest = rest[(equals + 1)...].trimmed
            var found: [UInt8] = []
            if rest.first == 0x22 {
                rest = rest.dropFirst()
                while let byte = rest.popFirst(), byte != 0x22 {
                    if byte == 0x5c, let next = rest.popFirst() { found.append(next) } else { found.append(byte) }
                }
            } else {
                let end = rest.firstIndex { $0 == 0x3b || $0 == 0x20 || $0 == 0x09 } ?? rest.endIndex
                found = Array(rest[..<end])
                rest = rest[end...]
            }
            if key.elementsEqual(parameter.utf8) { return found }
        }
        return nil
    }
}
