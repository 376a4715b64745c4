// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import Harness

@Suite struct TextColumnsTests {
    @Test func columnsArePaddedAndLimited() {
        var columns = TextColumns()
        columns.add("bad", width: 5)
        columns.add("a long subject", width: 6, limit: 6)
        columns.add("3 of 4")
        columns.add(buildSeconds: 1.4, runSeconds: 2.6)
        #expect(columns.line == "bad    a long  3 of 4  1 s + 3 s")
    }

    /// An error's message may have several lines.
    @Test func aLineStaysOneLine() {
        var columns = TextColumns()
        columns.add("make failed:\n  x.c:1\r\nerror", width: 4)
        columns.add(note: "one\ntwo")
        columns.add(note: nil)
        columns.add("\u{1b}[2Jcaught", width: 4)
        #expect(columns.line == #"make failed:\n  x.c:1\r\nerror  (one\ntwo)  \x1b[2Jcaught"#)
    }
}
