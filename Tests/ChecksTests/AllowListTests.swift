// SPDX-License-Identifier: GPL-2.0

import Results
import Testing

@testable import Checks

@Suite struct AllowListTests {
    static let text = """
        # Known faults of the kernel under test.
        pattern: WARNING: net/core/page_pool.c:717
        reason: fixed by a patch that is not in the series yet
        link: https://lore.kernel.org/netdev/1@example
        expires: 2026-12-31

        pattern: refcount_t: underflow
        reason: see link
        link: https://lore.kernel.org/netdev/2@example
        expires: 2026-01-01
        """
    let splat = Splat(kind: .warning, firstLine: "WARNING: net/core/page_pool.c:717 at f", lines: [], fingerprint: [])

    @Test func parses() throws {
        let list = try AllowList(text: Self.text)
        #expect(list.entries.map(\.pattern) == ["WARNING: net/core/page_pool.c:717", "refcount_t: underflow"])
        #expect(list.entries.map(\.line) == [2, 7])
        #expect(try AllowList(text: "") == AllowList())
        #expect(try AllowList(text: Self.text + "\r\n\r\n").entries.count == 2)
    }

    /// A list is read by its bytes: what an editor, a mailer or a shell made of it must not hide an entry, nor change one.
    @Test func formsOfText() throws {
        let plain = try AllowList(text: Self.text)
        let bytes = Array(Self.text.utf8)
        let windows = Array(Self.text.replacing("\n", with: "\r\n").utf8)
        #expect(try AllowList(bytes: windows) == plain)
        #expect(try AllowList(bytes: [0xef, 0xbb, 0xbf] + windows) == plain)
        #expect(try AllowList(bytes: bytes + [0x0d]) == plain)
        let marked = Self.text.replacing("pattern: W", with: "pattern:\u{301} W").replacing("# K", with: "#\u{301} K")
        #expect(try AllowList(text: marked).entries.map(\.pattern) == ["\u{301} WARNING: net/core/page_pool.c:717", "refcount_t: underflow"])
        let separated = try AllowList(text: Self.text.replacing("see link", with: "see\u{2028}link"))
        #expect(separated.entries.last?.reason == "see\u{2028}link")
        #expect(try AllowList(text: "# \(String(repeating: "x", count: 10_000_000))\n" + Self.text).entries.count == 2)
        for (bad, line) in [(bytes + [0x0a, 0x00], 11), ([0x23, 0xe9, 0x0a] + bytes, 1), ([0xff, 0xfe] + bytes, 1), ([0x23, 0x0d] + bytes, 1)] {
            let error = #expect(throws: AllowListError.self) { try AllowList(bytes: bad) }
            guard case .notText(let malformed) = error else {
                Issue.record("\(error?.description ?? "no error")")
                continue
            }
            #expect(malformed.line == line)
        }
    }

    @Test(arguments: ["pattern", "reason", "link", "expires"]) func everyFieldIsNeeded(field: String) {
        let without = Self.text.split(separator: "\n", omittingEmptySubsequences: false).prefix(5)
            .filter { !$0.hasPrefix(field) }.joined(separator: "\n")
        #expect(throws: AllowListError.missingField(line: 2, field: field)) { try AllowList(text: without) }
    }

    @Test func loudErrors() {
        #expect(throws: AllowListError.malformedLine(line: 1, text: "pattern x")) { try AllowList(text: "pattern x") }
        #expect(throws: AllowListError.malformedLine(line: 1, text: "patern: x")) { try AllowList(text: "patern: x") }
        #expect(throws: AllowListError.repeatedField(line: 2, field: "reason")) { try AllowList(text: "reason: x\nreason: y") }
        #expect(throws: AllowListError.badDate(line: 1, text: "soon")) { try AllowList(text: "expires: soon") }
        #expect(throws: AllowListError.missingField(line: 1, field: "pattern")) { try AllowList(text: "pattern:\nreason: x") }
    }

    @Test func expiry() throws {
        let list = try AllowList(text: Self.text)
        let entry = list.entries[0]
        #expect(list.answer(splat, today: try #require(Day("2026-12-31"))) == .allowed(entry))
        #expect(list.answer(splat, today: try #require(Day("2027-01-01"))) == .expired(entry))
        #expect(AllowList().answer(splat, today: entry.expires) == .notListed)
        #expect(list.expired(on: try #require(Day("2026-06-01"))).map(\.line) == [7])
    }

    @Test func days() {
        for bad in ["2026-13-01", "2026-02-29", "2026-00-10", "2026-1-1", "26-01-01", "2026-01-32", "2026/01/01", "", "+026-01-01"] {
            #expect(Day(bad) == nil)
        }
        #expect(Day("2024-02-29")?.description == "2024-02-29")
        #expect(Day("2000-02-29") != nil && Day("1900-02-29") == nil)
    }
}
