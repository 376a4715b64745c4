// SPDX-License-Identifier: GPL-2.0

/// A small diff of net/core/x.c, which has three lines.
func diff(_ old: String = "two", _ new: String = "three", file: String = "net/core/x.c") -> String {
    """
    diff --git a/\(file) b/\(file)
    --- a/\(file)
    +++ b/\(file)
    @@ -1,3 +1,3 @@
     one
    -\(old)
    +\(new)
     four

    """
}

/// A mail of format-patch around a diff.
func mail(_ subject: String, _ diff: String, from: String = "A Developer <a@example.org>") -> String {
    """
    From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001
    From: \(from)
    Date: Sun, 22 Nov 2026 12:00:00 +0000
    Subject: \(subject)

    It is better so.

    Signed-off-by: A Developer <a@example.org>
    ---
     net/core/x.c | 2 +-

    \(diff)--\u{20}
    2.39.5


    """
}
