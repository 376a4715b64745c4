// SPDX-License-Identifier: GPL-2.0

import Testing
import TraceForms

@testable import LifeCycle

@Suite struct TraceFormatTests {
    @Test func readsAnEventFormat() throws {
        let format = try EventFormat(name: "page_pool_release", text: Texts.release)
        #expect(format.id == 321)
        #expect(format.fields.map(\.name).suffix(5) == ["pool", "inflight", "hold", "release", "cnt"])
        #expect(try format.integer("inflight") == TraceField(name: "inflight", offset: 16, size: 4, signed: true))
    }

    @Test func readsArraysAndPointers() throws {
        let text = "ID: 7\n\tfield:char * name[16];\toffset:8;\tsize:16;\tsigned:1;\n"
        #expect(try EventFormat(name: "x", text: text).fields.map(\.name) == ["name"])
    }

    /// Every program of a machine can write into trace_marker. Where the trace has a token, only marks with it are marks.
    @Test(arguments: [
        ("ppiov: closed", false), ("ppiov: closed 0123456789abcdee", false), ("ppiov: closed 0123456789abcdef x", false),
        ("ppiov: closed x 0123456789abcdef", false), ("ppiov: closed 0123456789abcdef", true), ("ppiov: user-held 0123456789abcdef", false),
        ("ppiov: user-held 7", false), ("ppiov: user-held 7 0123456789abcdef", true), ("ppiov: user-held 7 8 0123456789abcdef", false),
        (" ppiov: killed 0123456789abcdef", false), ("ppiov: bound 0123456789abcdef\n", true),
    ])
    func aMarkNeedsTheToken(_ text: String, _ counts: Bool) {
        var count: UInt32 = 0
        #expect((TraceEvent.Mark(text: Array(text.utf8)[...], token: "0123456789abcdef", count: &count) != nil) == counts)
    }

    @Test func forgedMarksInPages() throws {
        let events = [TraceEvent(time: 5, cpu: 0, pool: 0, action: .mark(.closed, count: 0))]
        let bytes = PageWriter.trace(events)
        let (own, foreign) = (Texts.marked, Texts.marked.merging([TraceDecoder.markTokenName: "0123456789abcdef\n"]) { $1 })
        #expect(try TraceDecoder(formats: own).decode(cpu: 0, bytes).events.count == 1)
        let trace = try TraceDecoder(formats: foreign).decode(cpu: 0, bytes)
        #expect(trace.events.isEmpty && trace.otherRecords == 1)
    }

    @Test func readsThePageHeader() throws {
        let header = try PageHeaderFormat(text: Texts.headerPage)
        #expect(header.pageSize == 4096)
        #expect(header.data.offset == 16)
    }

    @Test(arguments: ["", "name: x\nformat:\n", "ID: 70000\n", "ID: -1\n", "ID: x\n"])
    func needsAnID(text: String) {
        #expect(throws: TraceFormatError.missingID("x")) { try EventFormat(name: "x", text: text) }
    }

    @Test(arguments: [
        "\tfield:u32 hold;\toffset:-1;\tsize:4;\tsigned:0;", "\tfield:u32 hold;\toffset:99999999999999999999;\tsize:4;\tsigned:0;",
        "\tfield:u32 hold;\tsize:4;\tsigned:0;", "\tfield:;\toffset:1;\tsize:4;\tsigned:0;", "\tfield:u32 hold;\toffset",
        "\tfield:u32 *;\toffset:1;\tsize:4;\tsigned:0;",
    ])
    func refusesMalformedFields(line: String) {
        #expect(throws: TraceFormatError.self) { try EventFormat(name: "x", text: "ID: 1\n" + line) }
    }

    @Test(arguments: TraceDecoder.formatNames) func everyTextIsRequired(name: String) {
        var formats = Texts.all
        formats[name] = nil
        #expect(throws: TraceFormatError.missingText(name)) { try TraceDecoder(formats: formats) }
    }

    @Test func refusesUnusableFormats() {
        var formats = Texts.all
        formats["page_pool_state_hold"] = Texts.state("hold", id: 322)
        #expect(throws: TraceFormatError.duplicateID(322)) { try TraceDecoder(formats: formats) }
        formats["page_pool_state_hold"] = Texts.state("hild", id: 323)
        #expect(throws: TraceFormatError.missingField(text: "page_pool_state_hold", field: "hold")) {
            try TraceDecoder(formats: formats)
        }
        #expect(throws: TraceFormatError.self) {
            try PageHeaderFormat(text: "\tfield: u64 timestamp;\toffset:12;\tsize:8;\tsigned:0;\n" + Texts.headerPage)
        }
    }

    @Test("line ends, a combining mark and a no-break space make no other format", arguments: [("\n", "\r\n"), ("\n", "\r\r\n")])
    func lineEnds(_ end: String, _ other: String) throws {
        let text = Texts.state("hold", id: 323)
        #expect(try EventFormat(name: "x", text: text.replacing(end, with: other)) == EventFormat(name: "x", text: text))
        // Graphemes would hide both: the line is no line of a field, and the number is none.
        #expect(try EventFormat(name: "x", text: "ID: 1\n\tfield:\u{301}int a;\toffset:0;\tsize:4;\tsigned:0;\n").fields.map(\.name) == ["a"])
        #expect(throws: TraceFormatError.self) { try EventFormat(name: "x", text: "ID: 1\nfield:int a;\toffset:0\u{301};\tsize:4;\tsigned:0;") }
        #expect(throws: TraceFormatError.missingID("x")) { try EventFormat(name: "x", text: "ID: 1\u{a0}") }
    }
}
