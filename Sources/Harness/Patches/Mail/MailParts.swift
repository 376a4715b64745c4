// SPDX-License-Identifier: GPL-2.0

/// Why a mail is not read, and what helps.
struct MailFault: Error, Equatable {
    var what: String
    var hint: String?
}

/// A mail, cut into its parts once.
struct MailParts: Sendable, Equatable {
    /// A part that has no parts itself.
    struct Part: Sendable, Equatable {
        /// What it is for a patch.
        enum Role: Sendable {
            /// Text or an attachment: a diff may be in it.
            case text
            /// The signature of another part.
            case signature
            /// The same text as another part, as HTML.
            case html
            /// A mail.
            case mail
        }

        var role: Role
        /// In lower case: "text/plain".
        var type: String
        var charset: [UInt8]?
        /// The name of the file that it was attached as.
        var name: [UInt8]?
        /// It was written as base64 or quoted-printable.
        var isEncoded: Bool
        /// It has soft line ends, which are no ends of lines.
        var isFlowed: Bool
        var bytes: [UInt8]

        /// For errors: "text/plain", "text/x-patch, 0001-x.patch".
        var title: String { ([type] + (name.map { [ShownText.shown($0, limit: 80)] } ?? [])).map { ShownText.shown($0) }.joined(separator: ", ") }
    }

    var header: MailHeader
    var parts: [Part] = []

    init(_ bytes: [UInt8]) throws(MailFault) {
        let lines = ByteLines(bytes)
        header = MailHeader(lines, from: 0, to: lines.count)
        try add(lines, header, header.end..<lines.count, depth: 0, isAlternative: false)
    }

    private mutating func add(
        _ lines: ByteLines, _ header: MailHeader, _ body: Range<Int>, depth: Int, isAlternative: Bool
    ) throws(MailFault) {
        let type = header.value("content-type") ?? "text/plain"
        try Self.requireReadable(type)
        guard type.hasPrefix("multipart/") else {
            parts.append(try Self.leaf(lines, header, body, type: type, isAlternative: isAlternative))
            return
        }
        guard depth < 5 else { throw MailFault(what: "its parts have parts in more than 5 levels", hint: "save the patch in it as a file") }
        guard let boundary = header.parameter("boundary", of: "content-type"), !boundary.isEmpty else {
            throw MailFault(what: "its Content-Type \(type) has no boundary", hint: Self.sentHint)
        }
        let sections = Self.sections(lines, body, boundary: [0x2d, 0x2d] + boundary)
        guard !sections.isEmpty else { throw Self.headerLeftBehind(type) }
        for section in sections {
            let header = MailHeader(lines, from: section.lowerBound, to: section.upperBound)
            try add(lines, header, header.end..<section.upperBound, depth: depth + 1, isAlternative: type == "multipart/alternative")
        }
    }

    static let sentHint = "get the mail as it was sent (b4, lore's raw link)"

    private static func headerLeftBehind(_ type: String) -> MailFault {
        let what =
            "its header is of a mail with parts (Content-Type: \(ShownText.shown(type))), and its body has none: only the text was saved, with the header of the whole mail"
        guard type == "multipart/signed" else {
            return MailFault(what: what, hint: "\(sentHint), or take the field Content-Type out of the header")
        }
        return MailFault(
            what: what,
            hint: "the signature and the Content-Type of the signed text are missing: \(sentHint), or take the field Content-Type out of the header")
    }

    private static func requireReadable(_ type: String) throws(MailFault) {
        switch type {
        case "multipart/encrypted", "application/pgp-encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime":
            throw MailFault(
                what: "it is encrypted or an S/MIME envelope (\(type))", hint: "save the text that your mail program shows, with its header")
        case "message/partial": throw MailFault(what: "it is one part of a mail that was sent in several (message/partial)", hint: sentHint)
        default: return
        }
    }

    /// The lines between two boundaries; what is before the first and after the last is no part.
    private static func sections(_ lines: ByteLines, _ body: Range<Int>, boundary: [UInt8]) -> [Range<Int>] {
        var sections: [Range<Int>] = []
        var start: Int?
        for index in body {
            let line = lines[index]
            guard line.first == 0x2d, line.starts(with: boundary) else { continue }
            let rest = line.dropFirst(boundary.count)
            let isEnd = rest.begins(with: "--")
            guard (isEnd ? rest.dropFirst(2) : rest).trimmed.isEmpty else { continue }
            if let start { sections.append(start..<index) }
            start = isEnd ? nil : index + 1
            if isEnd { return sections }
        }
        if let start { sections.append(start..<body.upperBound) }
        return sections
    }

    private static func leaf(
        _ lines: ByteLines, _ header: MailHeader, _ body: Range<Int>, type: String, isAlternative: Bool
    ) throws(MailFault) -> Part {
        let encoding = TransferEncoding(header.value("content-transfer-encoding"))
        if case .other(let name) = encoding {
            throw MailFault(what: "its Content-Transfer-Encoding \"\(ShownText.shown(name, limit: 40))\" is not known", hint: sentHint)
        }
        let role: Part.Role =
            switch type {
            case "application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature": .signature
            case "text/html": .html
            case "message/rfc822": .mail
            default: .text
            }
        return Part(
            role: role, type: type, charset: header.parameter("charset", of: "content-type"),
            name: header.parameter("filename", of: "content-disposition") ?? header.parameter("name", of: "content-type"),
            isEncoded: encoding != .asIs,
            isFlowed: header.parameter("format", of: "content-type")?[...].lowercased.elementsEqual("flowed".utf8) == true,
            bytes: encoding.decoded(lines.text(body)))
    }
}
