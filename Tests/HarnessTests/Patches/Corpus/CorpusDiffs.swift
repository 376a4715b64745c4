// SPDX-License-Identifier: GPL-2.0

import Foundation

@testable import Harness

/// Diffs of every kind, and the bytes in them.
extension CorpusBuilder {
    mutating func addDiffs(_ git: CorpusGit) async throws {
        try await addGitKinds(git)
        addSeveral()
        addTraditional()
        addBytes()
        addDamage()
        try await addPlain(git)
    }

    private mutating func addGitKinds(_ git: CorpusGit) async throws {
        let x = CorpusTree.base.bytes("net/core/x.c")
        let edited = x + Array("\t/* end */\n".utf8)
        let kinds: [(String, [String], (inout CorpusTree) -> Void)] = [
            ("rename", ["-M"], { $0.entries["net/core/y.c"] = $0.entries.removeValue(forKey: "net/core/x.c") }),
            (
                "rename and edit", ["-M"],
                {
                    $0.entries["net/core/x.c"] = nil; $0.set("net/y.c", edited)
                }
            ),
            ("copy", ["-C", "-C"], { $0.set("net/copy.c", x) }),
            ("copy and edit", ["-C", "-C"], { $0.set("net/copy.c", edited) }),
            ("mode", [], { $0.set("tools/run.sh", $0.bytes("tools/run.sh"), executable: true) }),
            ("mode and edit", [], { $0.set("tools/run.sh", Array("#!/bin/sh\nfalse\n".utf8), executable: true) }),
            ("new, executable", [], { $0.set("tools/new.sh", Array("#!/bin/sh\n".utf8), executable: true) }),
            ("new, empty", [], { $0.set("net/empty.h", []) }), ("removed", [], { $0.entries["net/core/x.c"] = nil }),
            ("removed, empty", [], { $0.entries["Kconfig"] = nil }),
            ("no end of line", [], { $0.set("Documentation/d.rst", $0.bytes("Documentation/d.rst") + Array("\nmore".utf8)) }),
            ("an end of line at the end", [], { $0.set("Documentation/d.rst", $0.bytes("Documentation/d.rst") + [0x0a]) }),
            ("symbolic link, new", [], { $0.entries["tools/other"] = .link("../net") }),
            ("symbolic link, changed", [], { $0.entries["tools/link"] = .link("new.sh") }),
            ("symbolic link, removed", [], { $0.entries["tools/link"] = nil }),
            ("binary, new", ["--binary"], { $0.set("net/new.bin", Array(repeating: [0, 1, 2, 255], count: 300).flatMap { $0 }) }),
            ("binary, changed", ["--binary"], { $0.set("data.bin", Array((0...255).reversed())) }),
            ("binary, removed", ["--binary"], { $0.entries["data.bin"] = nil }),
            (
                "names with blanks", [],
                {
                    $0.set("net/a b.c", Array("x\n".utf8)); $0.set("net/a b/c d", Array("x\n".utf8))
                }
            ),
            ("rename, names with blanks", ["-M"], { $0.entries["net/x y b/z.c"] = $0.entries.removeValue(forKey: "net/core/x.c") }),
            ("a name in quotes", [], { $0.set("net/\u{e9}\"\\.c", Array("x\n".utf8)) }),
            ("rename, names in quotes", ["-M"], { $0.entries["net/\u{e9}.c"] = $0.entries.removeValue(forKey: "net/core/x.c") }),
            ("much context", ["-U20"], { $0.set("net/core/x.c", edited) }), ("whole functions", ["-W"], { $0.set("net/core/x.c", edited) }),
            ("a/ and b/ as c/ and i/", ["--src-prefix=c/", "--dst-prefix=i/"], { $0.set("net/core/x.c", edited) }),
            ("a/ and b/ as folders", ["--src-prefix=linux.orig/", "--dst-prefix=linux/"], { $0.set("net/core/x.c", edited) }),
            (
                "mnemonicPrefix", ["--src-prefix=i/", "--dst-prefix=w/"],
                {
                    $0.entries["net/core/x.c"] = nil; $0.set("net/y.c", edited)
                }
            ),
            (
                "several files", ["-M"],
                {
                    $0.entries["net/z"] = $0.entries.removeValue(forKey: "io_uring/z.c"); $0.set("net/core/x.c", edited); $0.set("n", [0x0a])
                }
            ),
        ]
        for (name, options, change) in kinds {
            let (diff, tree) = try await git.diff(options, change)
            for encoding in [CorpusMail.Encoding.eightBit, .base64] {
                var mail = CorpusMail("[PATCH] x: \(name)", diff)
                mail.encoding = encoding
                add("what git writes in a diff", "\(name), \(encoding.rawValue)", mail.bytes, .agree, tree)
            }
        }
        let link: (inout CorpusTree) -> Void = { $0.entries["tools/run.sh"] = .link("link") }
        let (type, typeTree) = try await git.diff([], link)
        add(
            "a file that becomes a symbolic link", "git diff", CorpusMail("[PATCH] t", type).bytes, .refused("removes tools/run.sh and edits it"),
            typeTree)
        for (name, options) in [("new", ["--no-prefix"]), ("rename", ["--no-prefix", "-M"])] {
            let (diff, tree) = try await git.diff(options) { tree in
                if name == "new" {
                    tree.set("net/core/x.c", edited)
                } else {
                    tree.entries["net/core/y.c"] = tree.entries.removeValue(forKey: "net/core/x.c")
                }
            }
            // git renames by the names below, which have no prefix.
            add(
                "diff.noprefix", name, CorpusMail("[PATCH] x", diff).bytes, name == "new" ? .bothRefuse("diff.noprefix") : .refused("diff.noprefix"),
                tree)
        }
        let (root, rootTree) = try await git.diff(["--no-prefix"]) { $0.set("Makefile", Array("all:\n".utf8)) }
        add("diff.noprefix", "at the top", CorpusMail("[PATCH] x", root).bytes, .bothRefuse("diff.noprefix"), rootTree)
        let (library, libraryTree) = try await git.diff(["--no-prefix"]) { $0.set("lib/Makefile", Array("all:\n".utf8)) }
        add("diff.noprefix", "a file of that name is at the top", CorpusMail("[PATCH] x", library).bytes, .bothRefuse("diff.noprefix"), libraryTree)
        let (bare, bareTree) = try await git.diff([]) { $0.set("data.bin", [0, 1, 2]) }
        add("a binary file without its data", "git diff", CorpusMail("[PATCH] x", bare).bytes, .bothRefuse("--binary"), bareTree)
        let (lost, lostTree) = try await git.diff(["-D"]) { $0.entries["net/core/x.c"] = nil }
        add("a removed file without its lines (-D)", "git diff", CorpusMail("[PATCH] x", lost).bytes, .bothRefuse("does not apply"), lostTree)
        let hash = String(repeating: "3", count: 40)
        for (name, diff) in [
            (
                "new",
                "diff --git a/sub b/sub\nnew file mode 160000\nindex 0000000..3333333\n--- /dev/null\n+++ b/sub\n@@ -0,0 +1 @@\n+Subproject commit \(hash)\n"
            )
        ] {
            add("a submodule", name, CorpusMail("[PATCH] x", Array(diff.utf8)).bytes, .refused("submodule"), .base)
        }
        add(
            "the combined diff of a merge", "diff --cc",
            CorpusMail(
                "[PATCH] x",
                Array("diff --cc net/core/x.c\nindex 1,2..3\n--- a/net/core/x.c\n+++ b/net/core/x.c\n@@@ -1,1 -1,1 +1,2 @@@\n++a\n  b\n".utf8)
            ).bytes,
            .bothRefuse("combined diff"), .base)
    }

    private mutating func addSeveral() {
        let shape = "several diffs in one mail"
        let (first, second, tree) = pair()
        add(shape, "two files", CorpusMail("[PATCH] x", first + second).bytes, .agree, tree)
        add(shape, "with a signature between", CorpusMail("[PATCH] x", first + Array("-- \n2.43.0\n\n".utf8) + second).bytes, .agree, tree)
        add(shape, "with text between", CorpusMail("[PATCH] x", first + Array("\nAnd the other:\n\n".utf8) + second).bytes, .agree, tree)
        let (one, two, chained) = chain()
        add(shape, "of one file", CorpusMail("[PATCH] x", one + two).bytes, .agree, chained)
        func attached(_ parts: [[UInt8]], _ type: String = "text/x-patch") -> [UInt8] {
            Array("From: A <a@example.org>\nSubject: [PATCH] x\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\nText.\n---\n\n".utf8)
                + parts.enumerated().flatMap { Array("--bb\nContent-Type: \(type); name=\"\($0.offset).patch\"\n\n".utf8) + $0.element }
                + Array("--bb--\n".utf8)
        }
        add(shape, "two attachments", attached([first, second]), .agreeNoted("a diff in each of 2 parts"), tree)
        add(
            "the patches of several commits in one mail", "attached",
            attached([CorpusMail("[PATCH 1/2] a", first).bytes, CorpusMail("[PATCH 2/2] b", second).bytes]), .refused("2 commits"), tree)
        let log =
            Array("commit \(String(repeating: "a", count: 40))\nAuthor: A <a@b>\n\n    b\n\n".utf8) + second
            + Array("\ncommit \(String(repeating: "b", count: 40))\nAuthor: A <a@b>\n\n    a\n\n".utf8) + first
        add("the patches of several commits in one mail", "git log -p", CorpusMail("[PATCH] x", log).bytes, .refused("2 commits"), tree)
        add(
            "the patches of several commits in one mail", "a mail attached", attached([CorpusMail("[PATCH] a", first).bytes], "message/rfc822"),
            .refused("attached"), tree)
        add("the same diff in two parts", "text and attachment", attached([first, first]), .bothRefuse("same diff in two parts"), tree)
    }

    private mutating func addTraditional() {
        let shape = "a diff without git's lines"
        var tree = CorpusTree.base
        add(
            shape, "linux.orig",
            CorpusMail("[PATCH] x", tree.edit("net/core/x.c", 9, "\tnew", prefixes: ("linux.orig/", "linux/"), isGit: false)).bytes, .agree, tree)
        tree = .base
        add(shape, "a/ and b/", CorpusMail("[PATCH] x", tree.edit("net/core/x.c", 9, "\tnew", isGit: false)).bytes, .agree, tree)
        tree = .base
        let plain = tree.edit("net/core/x.c", 9, "\tnew", isGit: false)
        add(shape, "Index:", CorpusMail("[PATCH] x", Array("Index: a/net/core/x.c\n===================\n".utf8) + plain).bytes, .agree, tree)
        let text = String(decoding: plain, as: UTF8.self)
        func with(_ old: String, _ new: String) -> [UInt8] {
            Array(text.replacingOccurrences(of: "--- a/net/core/x.c\n+++ b/net/core/x.c", with: "--- \(old)\n+++ \(new)").utf8)
        }
        add(
            shape, "times",
            CorpusMail("[PATCH] x", with("a/net/core/x.c\t2026-11-30 12:00:00.000000000 +0000", "b/net/core/x.c\t2026-11-30 12:00:00.1 +0000")).bytes,
            .agree, tree)
        add(shape, "x.c.orig", CorpusMail("[PATCH] x", with("a/net/core/x.c.orig", "b/net/core/x.c")).bytes, .agree, tree)
        add(shape, "x.c and x.c.new", CorpusMail("[PATCH] x", with("a/net/core/x.c", "b/net/core/x.c.new")).bytes, .agree, tree)
        add("names of two files", "a and b", CorpusMail("[PATCH] x", with("a/net/core/x.c", "b/net/core/y.c")).bytes, .bothRefuse("two files"), tree)
        add("names without a/ and b/ (-p0)", "both", CorpusMail("[PATCH] x", with("net/core/x.c", "net/core/x.c")).bytes, .bothRefuse("-p0"), tree)
        add("names without a/ and b/ (-p0)", "at the top", CorpusMail("[PATCH] x", with("x.c", "x.c")).bytes, .bothRefuse("a/FILE"), tree)
        tree = .base
        tree.set("net/n.c", Array("n\n".utf8))
        for old in ["/dev/null", "a/net/n.c\t1970-01-01 00:00:00.000000000 +0000"] {
            add(
                shape, "new, \(old)",
                CorpusMail("[PATCH] x", Array("--- \(old)\n+++ b/net/n.c\t2026-11-30 12:00:00 +0000\n@@ -0,0 +1 @@\n+n\n".utf8)).bytes, .agree, tree)
        }
    }

    private mutating func addBytes() {
        let lines: [(String, [UInt8])] = [
            ("a zero-width non-joiner first", Array("\u{200c} first".utf8)), ("a combining mark first", Array("\u{301}mark".utf8)),
            ("a variation selector first", Array("\u{fe0f}".utf8)), ("NUL", [0x61, 0, 0x62]), ("no UTF-8", [0xff, 0xfe, 0x80, 0xc3]),
            ("a byte order mark", Array("\u{feff}x".utf8)), ("a line separator", Array("a\u{2028}b\u{85}c".utf8)),
            ("CR in the line", [0x61, 0x0d, 0x62]),
            ("VT and FF", [0x0b, 0x61, 0x0c]), ("escape sequences", Array("\u{1b}[2J\u{7}".utf8)),
            ("a line of 10 MB", Array(repeating: 0x61, count: 10_000_000)),
        ]
        for (name, text) in lines {
            var tree = CorpusTree.base
            add("bytes of a changed line", name, CorpusMail("[PATCH] x: bytes", tree.edit("net/core/x.c", 20, to: text)).bytes, .agree, tree)
        }
        for scalar in ["\u{202e}", "\u{2067}", "\u{202a}"] {
            var tree = CorpusTree.base
            let code = String(scalar.unicodeScalars.first?.value ?? 0, radix: 16, uppercase: true)
            let diff = tree.edit("net/core/x.c", 20, "\t/* \(scalar) } if (last) */")
            add(
                "characters that change the order of drawing", code, CorpusMail("[PATCH] x", diff).bytes,
                .agreeNoted("net/core/x.c, line 20, has U+\(code)"), tree)
        }
        var tree = CorpusTree.base
        add(
            "bytes of a changed line", "blanks at the end of empty lines gone", CorpusMail("[PATCH] x", tree.edit("net/core/x.c", 20, "")).bytes,
            .agree, tree)
    }

    private mutating func addDamage() {
        func damaged(_ name: String, _ outcome: CorpusCase.Outcome, in shape: String, tail: String = "-- \n2.43.0\n\n", _ change: (String) -> String)
        {
            var tree = CorpusTree.base
            let text = String(decoding: edit(&tree), as: UTF8.self)
            var mail = CorpusMail("[PATCH] x", Array(change(text).utf8))
            mail.tail = tail
            add(shape, name, mail.bytes, outcome, tree)
        }
        damaged("in a hunk", .bothRefuse("truncated"), in: "a diff that ends early", tail: "") {
            String($0.dropLast(40).split(separator: "\n").dropLast().joined(separator: "\n")) + "\n"
        }
        damaged("in the last line", .bothRefuse("no line end"), in: "a diff that ends early", tail: "") { String($0.dropLast()) }
        damaged("after the names", .bothRefuse("has no hunk"), in: "a diff that ends early", tail: "") { $0.components(separatedBy: "--- a")[0] }
        damaged("wrapped", .bothRefuse("wrapped"), in: "a diff that a mailer changed") { $0.replacingOccurrences(of: " line ", with: "\nline ") }
        damaged("tabs as blanks", .bothRefuse("does not apply"), in: "a diff that a mailer changed") {
            $0.replacingOccurrences(of: "\t", with: "        ")
        }
        damaged("a blank before each line", .bothRefuse("its diff is indented"), in: "a diff that a mailer changed") {
            $0.replacingOccurrences(of: "\n", with: "\n ")
        }
        damaged("too few lines", .refused("more lines than its header"), in: "a hunk whose header is wrong") {
            $0.replacingOccurrences(of: ",7 @@", with: ",6 @@").replacingOccurrences(of: ",7 +", with: ",6 +")
        }
        damaged("too many lines", .bothRefuse("truncated"), in: "a hunk whose header is wrong", tail: "") {
            $0.replacingOccurrences(of: ",7 @@", with: ",9 @@").replacingOccurrences(of: ",7 +", with: ",9 +")
        }
        damaged("no number", .bothRefuse("first line"), in: "a hunk whose header is wrong") { $0.replacingOccurrences(of: "@@ -", with: "@@ -x") }
        damaged("nothing changes", .bothRefuse("changes nothing"), in: "a hunk whose header is wrong") { text in
            text.split(separator: "\n").map { $0.hasPrefix("+\t") ? "" : $0.hasPrefix("-\t") ? " " + $0.dropFirst() + "\n" : $0 + "\n" }.joined()
        }
        for path in ["a/../../etc/passwd", "a/.git/config", "a/net/.GIT/hooks", "a//etc/passwd", "a/net/../../x"] {
            damaged(path, .bothRefuse("path"), in: "a path that leads out of the tree") {
                $0.replacingOccurrences(of: "a/net/core/x.c", with: path).replacingOccurrences(of: "b/net/core/x.c", with: path)
            }
        }
    }

    private mutating func addPlain(_ git: CorpusGit) async throws {
        let shape = "a plain diff"
        let apply = CorpusCase.Reference.apply(options: [])
        var tree = CorpusTree.base
        let diff = edit(&tree)
        func add(_ shape: String, _ name: String, _ bytes: [UInt8], _ outcome: CorpusCase.Outcome, _ expected: CorpusTree) {
            self.add(shape, name, bytes, outcome, expected, file: "fix.diff", reference: apply)
        }
        add(shape, "git diff", diff, .agree, tree)
        add(shape, "text before and after", Array("Some words: see below.\n\n".utf8) + diff + Array("\nThe end.\n".utf8), .agree, tree)
        add(shape, "DEP-3", Array("Description: mend it\n and more\nOrigin: none\n\n".utf8) + diff, .agree, tree)
        var dos = CorpusTree.base
        add(shape, "of a file with CR LF", dos.edit("dos.txt", 4, "\tx\r"), .agree, dos)
        add(shape, "a byte order mark", [0xef, 0xbb, 0xbf] + diff, .agreeNoted("byte order mark"), tree)
        add("a plain diff of CR LF", "all lines", CorpusMail.crlf(diff), .bothRefuse("sed -i"), tree)
        let wide = Array(String(decoding: diff, as: UTF8.self).utf16).flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
        add("UTF-16", "PowerShell's >", [0xff, 0xfe] + wide, .bothRefuse("PowerShell"), tree)
        let commit = { (digit: Character, title: String) in
            Array(
                "commit \(String(repeating: digit, count: 40)) (HEAD)\nAuthor: A Developer <a@b.org>\nDate:   Mon Nov 30 12:00:00 2026 +0000\n\n    \(title)\n\n"
                    .utf8)
        }
        add("git show, one commit", "git show", commit("a", "x: a change") + diff, .agree, tree)
        let (one, two, chained) = chain()
        add(
            "git log -p, several commits", "oldest first", commit("a", "one") + one + [0x0a] + commit("b", "two") + two, .refused("format-patch"),
            chained)
        let (first, second, both) = pair()
        add(
            "git log -p, several commits", "newest first", commit("b", "two") + second + [0x0a] + commit("a", "one") + first,
            .refused("format-patch"), both)
        add(
            "git log --graph -p", "one commit", Array(String(decoding: diff, as: UTF8.self).split(separator: "\n").map { "| \($0)\n" }.joined().utf8),
            .bothRefuse("--graph"), tree)
        add("diff -r with files of one side", "Only in", Array("Only in linux/net: new.c\n".utf8) + diff, .refused("diff -Naur"), tree)
        add("diff -r with files of one side", "binary", Array("Binary files a/x.bin and b/x.bin differ\n".utf8) + diff, .refused("--binary"), tree)
        let signed = Array("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n".utf8) + diff
        add("signed in place (PGP)", "a plain diff", signed, .refused("signed in place"), tree)
        let (zero, zeroTree) = try await git.diff(["-U0"]) { _ = $0.edit("net/core/x.c", 20, "\tnew") }
        add("a diff without context (-U0)", "git diff -U0", zero, .bothRefuse("does not apply"), zeroTree)
    }
}
