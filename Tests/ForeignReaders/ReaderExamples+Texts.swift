// SPDX-License-Identifier: GPL-2.0

/// The examples that no file of the repository has.
extension ReaderExamples {
    private static let diff = """
        diff --git a/net/core/x.c b/net/core/x.c
        index 0123456789ab..ba9876543210 100644
        --- a/net/core/x.c
        +++ b/net/core/x.c
        @@ -1,3 +1,3 @@ int f(void)
         one
        -two
        +three
         four

        """

    static let diffs: [[UInt8]] = [
        diff,
        diff.replacing("diff --git a/net/core/x.c b/net/core/x.c\nindex 0123456789ab..ba9876543210 100644\n", with: ""),
        """
        diff --git a/a b/c d b/a b/c d
        old mode 100644
        new mode 100755
        diff --git a/old.c b/new.c
        similarity index 90%
        rename from old.c
        rename to new.c
        --- a/old.c
        +++ b/new.c
        @@ -1 +1,2 @@
        -a
        +b
        +c
        \\ No newline at end of file
        diff --git "a/\\303\\244.c" "b/\\303\\244.c"
        new file mode 100644
        --- /dev/null
        +++ "b/\\303\\244.c"
        @@ -0,0 +1 @@
        +x
        diff --git a/gone.c b/gone.c
        deleted file mode 100644
        --- a/gone.c
        +++ /dev/null
        @@ -1 +0,0 @@
        -x

        """,
        """
        diff --git a/logo.bin b/logo.bin
        new file mode 100644
        GIT binary patch
        literal 4
        LcmZQzWMT#Y01f~L

        literal 0
        HcmV?d00001


        """,
        """
        Only text above.

        --- linux.orig/net/core/x.c\t2026-11-30 12:00:00.000000000 +0000
        +++ linux/net/core/x.c\t2026-11-30 12:00:01.000000000 +0000
        @@ -1,3 +1,3 @@
         one
        -two
        +three
         four

        """,
    ].map { Array($0.utf8) }

    private static func mail(_ fields: String, _ body: String) -> String {
        """
        From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001
        From: A Developer <a@example.org>
        Date: Sun, 22 Nov 2026 12:00:00 +0000
        Message-ID: <1@example.org>
        \(fields)

        \(body)
        """
    }

    private static let text = "It is better so.\n\nSigned-off-by: A Developer <a@example.org>\n---\n x.c | 2 +-\n\n\(diff)-- \n2.43.0\n\n"

    private static let base64Text = base64(Array(text.utf8))

    private static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let part = bytes[start...].prefix(3)
            let bits = part.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - part.count))
            for place in 0..<4 { text.append(place <= part.count ? alphabet[Int(bits >> (18 - 6 * UInt32(place)) & 63)] : "=") }
            if start % 57 == 54 { text.append("\n") }
        }
        return text + "\n"
    }

    static let mails: [[UInt8]] = [
        mail("Subject: [PATCH net-next v2 0/2] x: two changes", "A letter.\n\nbase-commit: 0123456789abcdef0123456789abcdef01234567\n-- \n2.43.0\n\n")
            + mail("Subject: [PATCH net-next v2 1/2] x: one\nIn-Reply-To: <0@example.org>", text)
            + mail("Subject: [PATCH net-next v2 2/2] x: two", text.replacing("three", with: "tree")),
        mail("Subject: [PATCH] x: one\nContent-Transfer-Encoding: base64\nContent-Type: text/plain; charset=\"utf-8\"", base64Text),
        mail(
            "Subject: [PATCH] x: one\nContent-Transfer-Encoding: quoted-printable\nContent-Type: text/plain; charset=utf-8",
            text.replacing("=", with: "=3D").replacing("better", with: "bet=\nter")),
        mail(
            "Subject: [PATCH] x: one\nContent-Type: multipart/signed; boundary=\"=-=b=-=\"",
            "--=-=b=-=\nContent-Type: text/plain\n\n\(text)\n--=-=b=-=\nContent-Type: application/pgp-signature\n\nx\n--=-=b=-=--\n"),
        mail(
            "Subject: Re: [PATCH 1/2] x: one\nIn-Reply-To: <1@example.org>\nContent-Type: multipart/mixed; boundary=a",
            "--a\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\nhi\n--b\nContent-Type: text/html\n\n<p>\n--b--\n--a\n"
                + "Content-Type: text/x-patch; name=\"x.patch\"\n\n\(text)--a--\n"),
        mail("Subject: [PATCH] x: one\nContent-Type: text/plain; format=flowed", text).replacing("\n", with: "\r\n"),
        "Subject: [PATCH 1 of 2] x\nFrom: a@example.org\n\n\(text)",
        "x: one\n\nFrom: A Developer <a@example.org>\n\nIt is better so.\n---\n\(diff)",
        "# HG changeset patch\n# User A Developer <a@example.org>\n# Date 1 0\nx: one\n\nIt is better so.\n\n\(diff)",
        "From 1750000000000000000@xxx Mon Nov 30 12:00:00 +0000 2026\nFrom: a@example.org\nSubject: Aw: Re: [PATCHv3 2/2] x\n\n\(text)",
    ].map { Array($0.utf8) }

    static let outputs: [[UInt8]] = [
        "TAP version 13\n1..3\nok 1 devmem.check_rx\n# a word\nok 2 devmem.check_tx # SKIP not supported\nnot ok 3 devmem.check_hds\n# Totals: pass:2\n",
        "TAP version 13\n1..2\nok 1 a\nwaiting for xok 2 b\n# CMD: ip link\n#   EXIT: 1\n#   STDERR: Error: no\n",
        "KTAP version 1\n1..1\n    KTAP version 1\n    1..2\n    ok 1 inner\n    not ok 2 inner\nok 1 outer\n",
        "1..0 # SKIP no device\n", "ok 1 a\nok 2 a\nok 3 a (2)\nok 5 b # XFAIL known\nBail out! enough\n",
        "TAP version 13\n1..1\nok 1 a\nTAP version 13\n1..1\nnot ok 1 b # TIMEOUT 45 seconds\n",
        "Exception| Traceback (most recent call last):\nException| net.lib.py.ksft.KsftSkipEx: no tool\n",
    ].map { Array($0.utf8) }

    static let logs: [[UInt8]] = [
        "6,12,345678,-,caller=T1;ppiov: begin zcrx.receive\0" + "4,13,345679,-,caller=T1;WARNING: \\x0aat net/core/x.c:1 f+0x1/0x2\n SUBSYSTEM=net\0",
        "[    1.000000][    T1] ppiov: begin zcrx.receive\n[    2.000000][   T88] WARNING: net/core/page_pool.c:717 at f+0x5c/0x70, CPU#1: nc/88\n"
            + "[    2.000001][   T88] Call Trace:\n[    2.000002][   T88]  f+0x1/0x2\n[    2.000003][   T88] ---[ end trace 0000000000000000 ]---\n"
            + "[    3.000000][    T1] ppiov: end zcrx.receive\n",
    ].map { Array($0.utf8) }

    static let allowLists: [[UInt8]] = [
        """
        # Known in 7.2.
        pattern: WARNING: net/core/page_pool.c:717
        reason: a warning of the test
        link: https://lore.kernel.org/r/1@example.org
        expires: 2026-12-31

        pattern: page_pool_release_retry() stalled pool shutdown
        reason: it is slow
        link: https://lore.kernel.org/r/2@example.org
        expires: 2026-01-01

        """
    ].map { Array($0.utf8) }
}
