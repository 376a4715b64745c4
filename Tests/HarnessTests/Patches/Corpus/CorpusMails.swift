// SPDX-License-Identifier: GPL-2.0

@testable import Harness

/// Mails as mail programs and lists send them.
extension CorpusBuilder {
    mutating func addMails() {
        addTransports()
        addLineEnds()
        addSignatures()
        addFlowed()
        addCharsets()
        addTexts()
    }

    /// Every encoding, form, line end and container.
    private mutating func addTransports() {
        for encoding in CorpusMail.Encoding.allCases {
            for form in CorpusMail.Form.allCases {
                for isCRLF in [false, true] {
                    for isMbox in [false, true] {
                        var tree = CorpusTree.base
                        let text = encoding == .sevenBit ? "\t/* \(word()) */" : "\t/* \(word()) Jürgen \u{200c} */"
                        var mail = CorpusMail("[PATCH net-next v2] x: change", tree.edit("net/core/x.c", line(), text))
                        (mail.encoding, mail.form, mail.isCRLF) = (encoding, form, isCRLF)
                        if !isMbox {
                            // The next part, or the end of the file, follows the last hunk.
                            (mail.separator, mail.tail) = (nil, "")
                        }
                        let name = "\(encoding.rawValue) \(isCRLF ? "CR LF" : "LF") \(isMbox ? "mbox" : "eml")"
                        add("a mail, \(form.title)", name, mail.bytes, .agree, tree, file: isMbox ? "s.mbox" : "saved.eml")
                    }
                }
            }
        }
    }

    private mutating func addLineEnds() {
        for encoding in [CorpusMail.Encoding.quotedPrintable, .base64] {
            for form in [CorpusMail.Form.single, .signed, .attachment] {
                for isCRLF in [false, true] {
                    add("CR LF in what is encoded", "\(encoding.rawValue) \(form) \(isCRLF)", .bothRefuse("--quoted-cr")) {
                        ($0.encoding, $0.form, $0.isCRLF, $0.isInnerCRLF) = (encoding, form, isCRLF, true)
                    }
                }
            }
            var tree = CorpusTree.base
            var new = CorpusMail("[PATCH] x: new", tree.make("net/n.c", Array("one\ntwo\n".utf8)))
            (new.encoding, new.isInnerCRLF) = (encoding, true)
            add("CR LF in what is encoded", "\(encoding.rawValue) new file", new.bytes, .refused("--quoted-cr"), tree)
            var dos = CorpusTree.base
            var mail = CorpusMail("[PATCH] dos: change", dos.edit("dos.txt", 4, "\t\(word())\r"))
            mail.encoding = encoding
            add("a file with CR LF", encoding.rawValue, mail.bytes, .agree, dos)
        }
        for isMbox in [false, true] {
            add("CR LF in the diff of a mail of LF", "all lines \(isMbox)", .refused("ends in CR LF")) {
                $0.diff = CorpusMail.crlf($0.diff)
                if !isMbox { $0.separator = nil }
            }
        }
        var dos = CorpusTree.base
        let change = dos.edit("dos.txt", 4, "\t\(word())\r")
        add(
            "CR LF in the diff of a mail of LF", "the file's own", CorpusMail("[PATCH] dos: change", change).bytes,
            .bothRefuse("git diff A B > FILE"), dos)
        var new = CorpusTree.base
        add(
            "CR LF in the diff of a mail of LF", "a new file's own", CorpusMail("[PATCH] n", new.make("n.txt", Array("a\r\nb\r\n".utf8))).bytes,
            .refused("git diff A B > FILE"), new)
        var whole = CorpusMail("[PATCH] dos: change", change)
        whole.isCRLF = true
        add("a file with CR LF", "in a mail of CR LF", whole.bytes, .agree, dos)
        var tree = CorpusTree.base
        var mixed = CorpusMail("[PATCH] x", edit(&tree))
        mixed.isCRLF = true
        var bytes = mixed.bytes
        if let cut = bytes.lastIndex(of: 0x0d).map({ bytes[..<$0] })?.lastIndex(of: 0x0d) { bytes.remove(at: cut) }
        add("CR LF in some lines of a mail of CR LF", "one LF", bytes, .refused("some only in LF"), tree)
    }

    private mutating func addSignatures() {
        for (form, word) in [("signed", "signature"), ("mixed", "Content-Type")] {
            add("the header of a mail with parts, its text alone", form, .bothRefuse(word)) { mail in
                mail.fields = ["MIME-Version: 1.0", "Content-Type: multipart/\(form); boundary=\"=-b\""]
                mail.form = .single
                mail.charset = "us-ascii"
                mail.isBare = true
            }
        }
        add("signed in place (PGP)", "a mail", .bothRefuse("signed in place")) { mail in
            mail.diff = Self.escaped(mail.diff)
            mail.message = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nBody.\n"
            mail.tail = "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
        }
        for form in ["application/pgp-signature", "text/html; charset=utf-8"] {
            var tree = CorpusTree.base
            let first = edit(&tree)
            var other = CorpusTree.base
            let second = edit(&other, "io_uring/z.c")
            tree.entries["io_uring/z.c"] = other.entries["io_uring/z.c"]
            let head = "From: A Developer <dev@example.org>\nSubject: [PATCH] x\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\nBody.\n---\n\n"
            let bytes = Array(head.utf8) + first + Array("--bb\nContent-Type: \(form)\n\n".utf8) + second + Array("--bb--\n".utf8)
            add("a diff in a signature or in HTML", form, bytes, .refused("has a diff, which git am would apply as well"), tree)
        }
    }

    /// As OpenPGP writes lines that begin with "-".
    private static func escaped(_ diff: [UInt8]) -> [UInt8] {
        diff.split(separator: 0x0a, omittingEmptySubsequences: false).map { $0.first == 0x2d ? [0x2d, 0x20] + $0 : Array($0) }.joined(separator: [
            0x0a
        ]).map(\.self)
    }

    private mutating func addFlowed() {
        for isStuffed in [false, true] {
            var tree = CorpusTree.base
            // A context line begins with a space, which the format takes off unless another is before it.
            let diff = edit(&tree)
            let text =
                isStuffed
                ? diff.split(separator: 0x0a, omittingEmptySubsequences: false).map { $0.first == 0x20 ? [0x20] + $0 : Array($0) }.joined(separator: [
                    0x0a
                ])
                .map(\.self) : diff
            var mail = CorpusMail("[PATCH] x: change", text)
            mail.charset = "utf-8; format=flowed"
            add(
                "format=flowed", isStuffed ? "stuffed" : "as it is", mail.bytes, isStuffed ? .refused("format=flowed") : .bothRefuse("format=flowed"),
                tree)
        }
    }

    private mutating func addCharsets() {
        for charset in ["iso-8859-1", "windows-1252", "koi8-r", "gb2312", "iso-2022-jp"] {
            add("a charset that git knows", charset, .agree) { $0.charset = charset }
        }
        var latin = CorpusTree.base
        let change = latin.edit("latin.txt", 3, to: [0x64, 0x72, 0x65, 0x69, 0xdf])
        for encoding in [CorpusMail.Encoding.eightBit, .quotedPrintable, .base64] {
            var mail = CorpusMail("[PATCH] latin: change", change)
            (mail.charset, mail.encoding) = ("iso-8859-1", encoding)
            add("a charset that git knows", "letters of the diff, \(encoding.rawValue)", mail.bytes, .agreeNoted("iso-8859-1"), latin)
        }
        for charset in ["y", "n", "x-unknown", "UTF-8-ish"] {
            add("a charset that is none", charset, .gitStops("is not known")) { mail in
                mail.charset = charset
                mail.message = "Reviewed by Jörg.\n\n" + mail.message
            }
        }
        add("a charset that is none", "of a subject", .gitStops("is not known"), subject: "[PATCH] =?y?Q?x=3A_J=C3=B6rg?=") { _ in }
        add("a charset that is none", "8-bit letters in us-ascii", .gitStops("is not known")) { mail in
            mail.charset = "us-ascii"
            mail.message = "Reviewed by Jörg.\n\n" + mail.message
        }
        add("a header with bytes that are no UTF-8", "latin-1", .agree) { mail in
            mail.from = "J\u{fc}rgen <j@example.org>"; mail.isLatinHeader = true
        }
        var tree = CorpusTree.base
        let text = String(decoding: CorpusMail("", edit(&tree)).body, as: UTF8.self)
        let wide = Array(text.utf16).flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
        let head =
            "From: A Developer <dev@example.org>\nSubject: [PATCH] x\nContent-Type: text/plain; charset=utf-16le\nContent-Transfer-Encoding: base64\n\n"
        add(
            "UTF-16", "a mail", Array(head.utf8) + CorpusMail.encoded(wide, .base64), .bothRefuse("utf-16"), tree)
    }

    /// What is written around the diff.
    private mutating func addTexts() {
        let shape = "text around the diff"
        for text in [">From the beginning it was wrong.\n", "From here on it is right.\n", ">From 12:30 on, in 2026, it fails.\n"] {
            add("a line of the text that begins with From", text, .agree) { $0.message = text + "\nMore.\n" }
        }
        add("a line of the text that begins with From", "a whole separator", .bothRefuse("neither a subject nor an author")) {
            $0.message = "As said:\nFrom nobody Mon Sep 17 00:00:00 2001\n\nMore.\n"
        }
        for line in ["-- >8 --", "------ 8< ------"] {
            add("scissors", line, .agree) { $0.message = "A word before.\n\n\(line)\nSubject: [PATCH] other\n\nText.\n" }
        }
        var other = CorpusTree.base
        let sample = String(decoding: edit(&other, "io_uring/z.c"), as: UTF8.self)
        func lines(_ before: String) -> String { sample.split(separator: "\n").map { before + $0 + "\n" }.joined() }
        for before in ["> ", "    ", "\t", "| "] {
            add("a diff in the message, quoted or indented", before, .agree) { $0.message = "As in:\n\n\(lines(before))\nText.\n" }
        }
        add(shape, "interdiff below ---", .agree) { $0.message += "---\nInterdiff against v1:\n\(lines("  "))" }
        add(shape, "the line of a diff, and no diff", .bothRefuse("git does not read the diff")) {
            $0.message = "Text.\ndiff --git a/foo b/foo\nis what git writes.\n"
        }
        add(shape, "a hunk without a file", .bothRefuse("a hunk without a file")) { $0.message = "Text.\n---\n@@ -1,3 +1,3 @@ int x\n" }
        add(shape, "no signature", .agree) { $0.tail = "" }
        add(shape, "a signature without its space", .agree) { $0.tail = "--\n2.43.0\n" }
        add(shape, "a footer of a list", .agree) { $0.tail = "_______________\nlist mailing list\nlist@example.org\n" }
        add(shape, "the signature of a person", .agree) { $0.tail = "-- \nA Developer\n- kernels\n+49 1\n" }
        add(shape, "fields in the body", .agree) { $0.message = "From: B Author <b@example.org>\nSubject: [PATCH] y\n\nText.\n" }
        add(shape, "a folded subject", .agree, subject: "[PATCH net-next v2] x: change\n a line that is folded\n\tmore than once") { _ in }
        add(shape, "an encoded subject", .agree, subject: "=?UTF-8?B?W1BBVENIXSB4OiBKw7xyZ2Vu?=") { _ in }
        add(shape, "escape sequences in the subject", .agree, subject: "[PATCH] x: \u{1b}[31mred\u{1b}[0m \u{7} =?UTF-8?Q?a=1B=5B2Jb?=") { _ in }
    }
}

extension CorpusMail.Form {
    var title: String {
        switch self {
        case .single: "text alone"
        case .signed: "signed (PGP/MIME)"
        case .smime: "signed (S/MIME)"
        case .footer: "with a footer part"
        case .nested: "signed, with a footer part of the list"
        case .attachment: "the patch attached"
        case .alternative: "with an HTML part"
        }
    }
}
