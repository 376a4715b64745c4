// SPDX-License-Identifier: GPL-2.0

import Foundation

@testable import Harness

/// Series: threads, numbers, folders, and what other tools export.
extension CorpusBuilder {
    mutating func addSeries() {
        addNumbers()
        addThreads()
        addFolders()
        addTools()
    }

    private func mails(_ mails: [CorpusMail]) -> [UInt8] { mails.flatMap(\.bytes) }

    private mutating func addNumbers() {
        let good = [
            "[PATCH %d/2] x", "[PATCH v2 %d/2] x", "[PATCH v2.1 %d/2] x", "[PATCH 0%d/02] x", "[PATCH %d/2 net-next] x", "[PATCH net-next,v3,%d/2] x",
            "[EXTERNAL] [PATCH %d/2] x", "[External] : [PATCH %d/2] x", "[PATCH net-next] [%d/2] x", "[PATCH] %d/2: x", "[PATCH] (%d/2) x",
            "[PATCH %d of 2] x",
            "[RFC PATCH v2 %d/2] x", "[PATCHv4 %d/2] x", "PATCH v2 %d/2: x", "EXT: [PATCH %d/2] x", "[list] [PATCH RESEND %d/2] x",
            "[SPAM?] EXT: [PATCH %d/2] x",
        ]
        for (index, pattern) in good.enumerated() {
            func subject(_ number: Int) -> String { pattern.replacingOccurrences(of: "%d", with: String(number)) + String(number) }
            let (first, second, tree) = index.isMultiple(of: 2) ? pair() : chain()
            add("numbers in order", pattern, mails([CorpusMail(subject(1), first), CorpusMail(subject(2), second)]), .agree, tree)
            let (one, two, both) = pair()
            add("numbers out of order", pattern, mails([CorpusMail(subject(2), two), CorpusMail(subject(1), one)]), .refused("out of order"), both)
        }
        let (first, second, tree) = pair()
        for (name, numbers, word) in [
            ("a gap", ["1/3", "3/3"], "a patch is missing"), ("b4 am -P", ["1/5", "3/5"], "b4 am -P"),
            ("the last is missing", ["1/3", "2/3"], "ends with patch 2 of 3"),
            ("a number twice", ["1/2", "1/2"], "there twice"), ("a number above the count", ["1/1", "3/2"], "the number 3/2"),
        ] {
            add(
                "numbers with a gap", name, mails(zip(numbers, [first, second]).map { CorpusMail("[PATCH \($0)] x\($0)", $1) }), .refused(word), tree)
        }
        for (one, two) in [("v2", "v3"), ("v2", "v2.1"), ("", "v2")] {
            let texts = [one, two].map { "[PATCH \($0) 1/1] x" }
            add(
                "two versions", "\(one) \(two)", mails([CorpusMail(texts[0], first), CorpusMail(texts[1], second)]), .refused("several versions"),
                tree)
        }
        add(
            "numbers with a gap", "one patch of many", CorpusMail("[PATCH 3/7] x", first).bytes, .agreeNoted("patch 3 of 7"),
            only(first, "net/core/x.c", tree))
    }

    /// The base with one file of another tree.
    private func only(_ diff: [UInt8], _ path: String, _ tree: CorpusTree) -> CorpusTree {
        var only = CorpusTree.base
        only.entries[path] = tree.entries[path]
        return only
    }

    private mutating func addThreads() {
        let answers = [
            "Re:", "RE:", "AW:", "SV:", "Antw:", "答复:", "回复：", "Odp:", "RES:", "VS:", "TR:", "FW:", "Fwd:", "Re[2]:", "Rép :", "Ответ:", "[list] Re:",
            "회신:", "YNT:",
        ]
        for prefix in answers {
            let (first, second, tree) = chain()
            var one = CorpusMail("[PATCH 1/2] x: one", first)
            (one.id, one.answers) = ("1@example.org", "0@example.org")
            var answer = CorpusMail("\(prefix) [PATCH 1/2] x: one", [])
            (answer.id, answer.answers) = ("r@example.org", "1@example.org")
            (answer.message, answer.tail) = ("Works.\n\n> diff --git a/x b/x\n> +a\n\nTested-by: B <b@example.org>\n", "")
            var two = CorpusMail("[PATCH 2/2] x: two", second)
            (two.id, two.answers) = ("2@example.org", "0@example.org")
            add("a thread with answers", prefix, mails([one, answer, two]), .gitStops("is an answer"), tree)
        }
        for subject in ["[PATCH 0/2] the series", "[PATCH net-next v2] the series", "the series"] {
            for isFlowed in [false, true] {
                let (first, second, tree) = chain()
                var cover = CorpusMail(subject, [])
                cover.id = "0@example.org"
                if isFlowed { cover.charset = "utf-8; format=flowed" }
                var patches = [CorpusMail("[PATCH 1/2] a", first), CorpusMail("[PATCH 2/2] b", second)]
                for index in patches.indices { patches[index].answers = "0@example.org" }
                add("a thread with a cover letter", subject, mails([cover] + patches), .gitStops("cover letter"), tree)
            }
        }
        let (first, second, tree) = pair()
        var lost = CorpusMail("[PATCH 2/2] b", [])
        (lost.id, lost.answers) = ("2@example.org", "0@example.org")
        add("a patch whose diff is missing", "numbered", mails([CorpusMail("[PATCH 1/2] a", first), lost]), .bothRefuse("there is no diff"), tree)
        var alone = lost
        (alone.subject, alone.answers) = ("[PATCH] b", nil)
        add(
            "a patch whose diff is missing", "without a number", mails([CorpusMail("[PATCH] a", first), alone]), .bothRefuse("there is no diff"), tree
        )
        for (name, before, word) in [("quoted", "> ", "quotes a diff"), ("indented", "    ", "indented")] {
            var other = CorpusMail(
                "[PATCH] b", String(decoding: second, as: UTF8.self).split(separator: "\n").flatMap { Array("\(before)\($0)\n".utf8) })
            other.id = "9@example.org"
            add("a patch whose diff is missing", name, other.bytes, .bothRefuse(word), tree)
        }
        var html = CorpusMail("[PATCH] b", [])
        (html.isBare, html.fields) = (true, ["Content-Type: text/html; charset=utf-8"])
        add("a patch whose diff is missing", "HTML", html.bytes, .bothRefuse("HTML"), tree)
        var reply = CorpusMail("Re: [PATCH] a", second)
        reply.answers = "1@example.org"
        add(
            "an answer with a diff of its own", "Re:", mails([CorpusMail("[PATCH] a", first), reply]), .refused("is an answer, and has a diff"), tree)
        var snippet = CorpusMail("Re: [PATCH] a", Array("How about:\n@@ -1,3 +1,4 @@ int x\n a\n+b\n c\n".utf8))
        (snippet.answers, snippet.charset) = ("1@example.org", "utf-8; format=flowed")
        var patch = CorpusMail("[PATCH] a", first)
        add(
            "an answer with a diff of its own", "a hunk without a file", mails([patch, snippet]), .gitStops("what looks like a diff in it is none"),
            only(first, "net/core/x.c", tree))
        patch.id = "1@example.org"
        let one = only(first, "net/core/x.c", tree)
        add("the same mail twice", "one Message-ID", mails([patch, patch]), .gitStops("is the same mail"), one)
        var quoting = patch
        (quoting.subject, quoting.id, quoting.answers) = ("AW: [PATCH] a", "3@example.org", "1@example.org")
        add("the same mail twice", "an answer that has the whole patch", mails([patch, quoting]), .gitStops("its diff is that of"), one)
    }

    private mutating func folder(
        _ shape: String, _ name: String, _ files: [(String, [UInt8])], _ outcome: CorpusCase.Outcome, _ tree: CorpusTree, paths: [String] = ["d"],
        git: [String]? = nil, options: [String] = []
    ) {
        cases.append(
            CorpusCase(
                shape: shape, name: name, files: files, paths: paths, gitPaths: git, reference: .am(options: options), outcome: outcome,
                expected: tree))
    }

    private mutating func addFolders() {
        let (first, second, tree) = chain()
        let (one, two) = (CorpusMail("[PATCH 1/2] one", first).bytes, CorpusMail("[PATCH 2/2] two", second).bytes)
        let cover = CorpusMail("[PATCH 0/2] all", []).bytes
        folder(
            "git format-patch", "a folder", [("d/0001-a.patch", one), ("d/0002-b.patch", two), ("d/notes.txt", [])], .agree, tree,
            git: ["d/0001-a.patch", "d/0002-b.patch"])
        folder(
            "git format-patch", "with a cover letter", [("d/0000-cover-letter.patch", cover), ("d/0001-a.patch", one), ("d/0002-b.patch", two)],
            .gitStops("cover letter"),
            tree, git: ["d/0000-cover-letter.patch", "d/0001-a.patch", "d/0002-b.patch"])
        let quilt: [(String, [UInt8])] = [
            ("d/b.patch", Array("From: A <a@example.org>\nSubject: one\n\nText.\n\n".utf8) + first),
            ("d/a.patch", Array("From: A <a@example.org>\nSubject: two\n\nText.\n\n".utf8) + second),
        ]
        func list(_ text: String) -> [(String, [UInt8])] { quilt + [("d/series", Array(text.utf8))] }
        let order = ["d/b.patch", "d/a.patch"]
        for (name, text) in [
            ("order", "b.patch\na.patch\n"), ("-p1, remarks, CR LF", "# the series\r\nb.patch -p1 # first\r\n\r\na.patch\r\n"),
            ("b4 am -Q", "b.patch\na.patch"),
            ("StGit", "# This series applies on GIT commit 0123456789abcdef\nb.patch\na.patch\n"), ("-pab", "b.patch -pab\n  a.patch -p 1\n"),
        ] {
            folder("a folder with a file `series`", name, list(text), .agree, tree, git: order)
        }
        var half = CorpusTree.base
        half.entries["net/core/x.c"] = nil
        var fresh = CorpusTree.base
        let parkable = edit(&fresh)
        folder(
            "a folder with a file `series`", "a parked patch",
            [("d/a.patch", CorpusMail("[PATCH] a", parkable).bytes), ("d/b.patch", two), ("d/series", Array("a.patch\n#b.patch\n".utf8))],
            .agreeNoted("is parked"), fresh, git: ["d/a.patch"])
        folder(
            "a folder with a file `series`", "a file that it does not name",
            [("d/a.patch", CorpusMail("[PATCH] a", parkable).bytes), ("d/c.patch", two), ("d/series", Array("a.patch\n".utf8))],
            .agreeNoted("does not name"), fresh, git: ["d/a.patch"])
        for (name, text, word) in [
            ("-R", "b.patch -R\na.patch\n", "-R takes a patch back"), ("-p2", "b.patch -p2\na.patch\n", "-p0 and -p1"),
            ("twice", "b.patch\nb.patch\n", "a second time"),
        ] {
            folder(
                "a file `series` that is not followed", name, list(text), name == "twice" ? .bothRefuse(word) : .refused(word), tree,
                git: name == "twice" ? ["d/b.patch", "d/b.patch"] : order)
        }
        folder(
            "a file `series` that is not followed", "no such file", list("b.patch\nnone.patch\n"), .bothRefuse("no such file"), tree,
            git: ["d/b.patch", "d/none.patch"])
        folder(
            "a file `series` that is not followed", "out of the folder", list("../b.patch\n"), .bothRefuse("outside of its folder"), tree,
            git: ["d/../none.patch"])
        var level = CorpusTree.base
        let p0 = level.edit("net/core/x.c", 12, "\tp0", prefixes: ("", ""), isGit: false)
        folder(
            "a folder with a file `series`", "-p0",
            [("d/a.patch", Array("From: A <a@example.org>\nSubject: zero\n\n".utf8) + p0), ("d/series", Array("a.patch -p0\n".utf8))], .agree, level,
            git: ["d/a.patch"], options: ["-p0"])
        addMaildirs(one, two, tree)
    }

    private mutating func addMaildirs(_ one: [UInt8], _ two: [UInt8], _ tree: CorpusTree) {
        let shape = "a Maildir"
        folder(shape, "new/", [("d/new/1.host", one), ("d/new/2.host", two), ("d/tmp/.keep", [])], .agree, tree)
        folder(shape, "cur/ and new/, names with numbers", [("d/cur/9.host:2,S", one), ("d/new/10.host", two)], .agree, tree)
        folder(shape, "b4 am -M", [("d/new/0001_one.eml", one), ("d/new/0002_two.eml", two), ("d/cur/.keep", []), ("d/tmp/.keep", [])], .agree, tree)
        folder(
            "a Maildir in another order than the series", "names reversed", [("d/new/2.host", one), ("d/new/1.host", two)],
            .gitStops("order of their numbers"), tree)
        var answer = CorpusMail("Re: [PATCH 1/2] one", [])
        answer.answers = "1@example.org"
        folder(
            "a Maildir in another order than the series", "with an answer",
            [("d/new/3.host", two), ("d/new/1.host", answer.bytes), ("d/new/2.host", one)], .gitStops("is an answer"), tree)
    }

    private mutating func addTools() {
        var tree = CorpusTree.base
        let diff = edit(&tree)
        let text = Array("Text.\n\nSigned-off-by: A Developer <dev@example.org>\n---\n x | 1 +\n\n".utf8)
        for (name, head) in [
            ("From", "x: a remark\n\nFrom: A Developer <dev@example.org>\n\n"),
            ("Author and Date", "x: a remark\n\nAuthor: Jürgen <j@example.org>\nDate: Mon, 30 Nov 2026 12:00:00 +0000\n\n"),
        ] {
            add("StGit's export", name, Array(head.utf8) + text + diff, .agree, tree, file: "a.patch")
        }
        let hg = Array(
            "# HG changeset patch\n# User A Developer <dev@example.org>\n# Date 1796040000 0\n#      Mon Nov 30 12:00:00 2026 +0000\n# Node ID 1111111111111111111111111111111111111111\n# Parent  2222222222222222222222222222222222222222\nx: a remark\n\nText.\n\n"
                .utf8)
        add("Mercurial's export", "git's form", hg + diff, .agree, tree, file: "a.patch")
        var plain = CorpusTree.base
        let traditional =
            Array("diff -r 222222222222 -r 111111111111 net/core/x.c\n".utf8)
            + plain.edit("net/core/x.c", 9, "\thg", prefixes: ("a/", "b/"), isGit: false)
        add("Mercurial's export", "its own form", hg + traditional, .agree, plain, file: "a.patch")
        let (first, second, both) = chain()
        add("Mercurial's export", "two changesets", hg + first + hg + second, .agreeNoted("2 changesets"), both, file: "a.patch")
        let (a, b, order) = chain()
        var mails = [CorpusMail("[PATCH 1/2] a", a), CorpusMail("[PATCH 2/2] b", b)]
        for index in mails.indices {
            mails[index].separator = "From 178290\(index)@xxx Mon Nov 30 12:00:0\(index) +0000 2026"
            mails[index].fields = ["X-GM-THRID: 17829"]
        }
        add("Google Takeout", "in order", self.mails(mails), .agreeNoted("Takeout"), order)
        mails.reverse()
        add("Google Takeout", "newest first", self.mails(mails), .bothRefuse("out of order"), order)
        for separator in [
            "From git@z Thu Jan  1 00:00:00 1970", "From mboxrd@z Thu Jan  1 00:00:00 1970", "From patchwork Mon Nov 30 12:00:00 2026",
            "From - Mon Nov 30 12:00:00 2026", "From dev@example.org Mon Nov 30 12:00 2026",
        ] {
            let (a, b, order) = chain()
            var mails = [CorpusMail("[PATCH 1/2] a", a), CorpusMail("[PATCH 2/2] b", b)]
            for index in mails.indices { mails[index].separator = separator }
            add("the lines From of b4, lore, patchwork and mail programs", separator, self.mails(mails), .agree, order)
        }
        var bom = CorpusTree.base
        add(
            "a byte order mark before a mail", "UTF-8", [0xef, 0xbb, 0xbf] + CorpusMail("[PATCH] x", edit(&bom)).bytes, .gitStops("byte order mark"),
            bom)
        var blank = CorpusTree.base
        add(
            "the lines From of b4, lore, patchwork and mail programs", "empty lines before",
            [0x0a, 0x0a] + CorpusMail("[PATCH] x", edit(&blank)).bytes, .agree, blank)
    }
}
