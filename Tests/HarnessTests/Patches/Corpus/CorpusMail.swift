// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Writes mails as mail programs write them.
struct CorpusMail {
    enum Encoding: String, CaseIterable {
        case sevenBit = "7bit"
        case eightBit = "8bit"
        case quotedPrintable = "quoted-printable"
        case base64
    }

    /// Where in a mail the patch is.
    enum Form: String, CaseIterable {
        case single, signed, footer, nested, attachment, alternative, smime
    }

    var subject: String
    var diff: [UInt8]
    var from = "A Developer <dev@example.org>"
    var id: String?
    var answers: String?
    var encoding = Encoding.eightBit
    var charset = "utf-8"
    var form = Form.single
    var message = "It is better so.\n\nSigned-off-by: A Developer <dev@example.org>\n"
    /// Below the diff.
    var tail = "-- \n2.43.0\n\n"
    var fields: [String] = []
    /// Every line ends in CR LF.
    var isCRLF = false
    /// What is encoded has CR LF.
    var isInnerCRLF = false
    /// Without fields for the text: those of the whole mail are in `fields`.
    var isBare = false
    /// The header's letters above 0x7f are written as Latin-1.
    var isLatinHeader = false
    /// The line "From " before it; nil in a file of one mail.
    var separator: String? = "From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001"

    init(_ subject: String, _ diff: [UInt8]) {
        self.subject = subject
        self.diff = diff
    }

    var body: [UInt8] { Array((message + "---\n x | 2 +-\n 1 file changed\n\n").utf8) + diff + Array(tail.utf8) }

    var bytes: [UInt8] {
        var lines: [String] = []
        if let separator { lines.append(separator) }
        lines += ["From: \(from)", "Date: Mon, 30 Nov 2026 12:00:00 +0000"]
        if let id { lines.append("Message-ID: <\(id)>") }
        if let answers { lines += ["In-Reply-To: <\(answers)>", "References: <\(answers)>"] }
        lines += ["Subject: \(subject)"] + fields
        let boundary = "=-=bound=-="
        var rest: [UInt8]
        switch form {
        case .single: rest = isBare ? [0x0a] + body : part(body)
        case .signed:
            lines += [
                "MIME-Version: 1.0", "Content-Type: multipart/signed; micalg=pgp-sha256;",
                "\tprotocol=\"application/pgp-signature\"; boundary=\"\(boundary)\"",
            ]
            let signature = "-----BEGIN PGP SIGNATURE-----\n\nbm8gc2lnbmF0dXJl\n=AbCd\n-----END PGP SIGNATURE-----\n"
            rest = multipart(boundary, [part(body), typed("application/pgp-signature; name=\"signature.asc\"", signature)])
        case .smime:
            lines += ["MIME-Version: 1.0", "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=\(boundary)x"]
            rest = multipart(
                boundary + "x",
                [
                    part(body),
                    typed("application/pkcs7-signature; name=smime.p7s\nContent-Transfer-Encoding: base64", "MIAGCSqGSIb3DQEHAqCAMIACAQExDzANBglg\n"),
                ])
        case .footer:
            lines += ["MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=\"\(boundary)\""]
            rest = multipart(boundary, [part(body), typed("text/plain; charset=us-ascii", "_____________\nlist mailing list\n")])
        case .nested:
            lines += ["MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=\"\(boundary)\""]
            let signature = typed("application/pgp-signature", "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n")
            let signed = Array("Content-Type: multipart/signed; boundary=inner\n\nNo part.\n".utf8) + multipart("inner", [part(body), signature])
            rest = multipart(boundary, [signed, typed("text/plain; charset=us-ascii", "_____________\nlist mailing list\n")])
        case .attachment:
            lines += ["MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=\"\(boundary)\""]
            let text = typed("text/plain; charset=utf-8", message + "\n")
            rest = multipart(
                boundary,
                [
                    text,
                    part(diff, type: "text/x-patch; name=\"0001-x.patch\"", extra: "Content-Disposition: attachment; filename=\"0001-x.patch\"\n"),
                ])
        case .alternative:
            lines += ["MIME-Version: 1.0", "Content-Type: multipart/alternative; boundary=\"\(boundary)\""]
            rest = multipart(boundary, [part(body), typed("text/html; charset=utf-8", "<html><body><pre>It is better so.</pre></body></html>\n")])
        }
        if form != .single { rest = [0x0a] + rest }
        let header = lines.joined(separator: "\n") + "\n"
        let mail = (isLatinHeader ? header.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } : Array(header.utf8)) + rest
        return isCRLF ? Self.crlf(mail) : mail
    }

    /// The fields and the encoded text.
    private func part(_ text: [UInt8], type: String? = nil, extra: String = "") -> [UInt8] {
        let header = "Content-Type: \(type ?? "text/plain; charset=\(charset)")\nContent-Transfer-Encoding: \(encoding.rawValue)\n\(extra)\n"
        return Array(header.utf8) + Self.encoded(isInnerCRLF ? Self.crlf(text) : text, encoding)
    }

    private func typed(_ type: String, _ text: String) -> [UInt8] { Array("Content-Type: \(type)\n\n\(text)".utf8) }

    private func multipart(_ boundary: String, _ parts: [[UInt8]]) -> [UInt8] {
        parts.flatMap { Array("--\(boundary)\n".utf8) + $0 + ($0.last == 0x0a ? [] : [0x0a]) } + Array("--\(boundary)--\n".utf8)
    }

    static func crlf(_ text: [UInt8]) -> [UInt8] { text.flatMap { $0 == 0x0a ? [0x0d, 0x0a] : [$0] } }

    static func encoded(_ text: [UInt8], _ encoding: Encoding) -> [UInt8] {
        switch encoding {
        case .sevenBit, .eightBit: return text
        case .base64:
            let encoded = Array(Data(text).base64EncodedString().utf8)
            return stride(from: 0, to: encoded.count, by: 76).flatMap { Array(encoded[$0..<min($0 + 76, encoded.count)]) + [0x0a] }
        case .quotedPrintable:
            var lines: [UInt8] = []
            for line in text.split(separator: 0x0a, omittingEmptySubsequences: false) {
                var (out, width): ([UInt8], Int) = ([], 0)
                for (index, byte) in line.enumerated() {
                    let isPlain = (0x21...0x7e).contains(byte) && byte != 0x3d || ((byte == 0x20 || byte == 0x09) && index + 1 < line.count)
                    let word = isPlain ? [byte] : Array(("=" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)).utf8)
                    if width + word.count > 75 {
                        out += [0x3d, 0x0a]
                        width = 0
                    }
                    out += word
                    width += word.count
                }
                lines += out + [0x0a]
            }
            lines.removeLast()
            return lines
        }
    }
}
