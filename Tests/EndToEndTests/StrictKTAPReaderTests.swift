// SPDX-License-Identifier: GPL-2.0

import Testing

/// The other tests depend on this reader: it must refuse invalid documents.
@Suite struct StrictKTAPReaderTests {
    private static let good = """
        KTAP version 1
        1..1
          KTAP version 1
          1..3
          ok 1 a.pass
          # trace: lost
          #   evidence
          not ok 2 a.fail # crashed: why \\# not
          ok 3 a.skip # SKIP no reason
        not ok 1 a

        """

    @Test func readsAValidDocument() throws {
        let group = try #require(try StrictKTAPReader.read(Self.good).first)
        #expect(group.name == "a" && !group.ok && group.subtests.map(\.name) == ["a.pass", "a.fail", "a.skip"])
        #expect(group.subtests.map(\.diagnostics) == [[], ["trace: lost", "  evidence"], []])
        #expect(group.subtests.map(\.note) == [nil, "crashed: why # not", nil])
        #expect(group.subtests.map(\.skip) == [nil, nil, "no reason"])
    }

    @Test(arguments: [
        ("1..1\n  KTAP", "1..2\n  KTAP", "a test too few"),
        ("1..3", "1..2", "a test too many"),
        ("1..3", "1..4", "a subtest too few"),
        ("KTAP version 1\n1..1", "1..1", "no version"),
        ("  1..3\n", "", "no plan"),
        ("ok 1 a.pass", "ok 2 a.pass", "a wrong number"),
        ("ok 1 a.pass", "OK 1 a.pass", "no result"),
        ("\\# not", "# not", "a bare #"),
        ("\\# not", "\\n not", "no escape"),
        ("not ok 1 a", "ok 1 a", "a group better than its subtests"),
        ("ok 3 a.skip", "not ok 3 a.skip", "a failed skip"),
        ("not ok 1 a\n", "not ok 1 a\nBail out!\n", "surplus"),
        ("not ok 1 a\n", "not ok 1 a", "no newline"),
        ("  # trace", "# trace", "a diagnostic in the wrong place"),
    ])
    func refuses(_ old: String, _ new: String, _ what: String) {
        let text = Self.good.replacing(old, with: new, maxReplacements: 1)
        #expect(text != Self.good)
        #expect(throws: StrictKTAPReader.Malformed.self, "\(what)") { try StrictKTAPReader.read(text) }
    }
}
