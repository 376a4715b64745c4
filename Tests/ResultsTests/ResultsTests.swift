// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import Results

private func result(
    _ scenario: String, _ verdict: ScenarioResult.Verdict, reason: String? = nil, findings: [Finding] = [], tier: Tier = .netdevsim,
    accounts: [PoolAccount] = []
) -> ScenarioResult {
    ScenarioResult(
        scenario: scenario, tier: tier, provider: .zcrx, verdict: verdict, reason: reason, findings: findings, accounts: accounts,
        seconds: 1.25)
}

private let leak = Finding(
    oracle: .trace, message: "pool 0xffff888003a1c000 (zcrx): held 256, released 253: 3 in flight", evidence: ["a <b> & #c"])

private let mixed = [
    result("zcrx.basic", .pass), result("devmem.basic", .skip, reason: "no devmem: # \n here"),
    result("zcrx.leak", .fail, findings: [leak]), result("devmem.hang", .crashed, reason: "no report within 30 s"),
    result("self", .skip),
]

@Suite struct KTAPTests {
    @Test func nestedDocument() {
        #expect(
            KTAP.document(mixed) == """
                KTAP version 1
                1..3
                  KTAP version 1
                  1..2
                  ok 1 zcrx.basic
                  # trace: pool 0xffff888003a1c000 (zcrx): held 256, released 253: 3 in flight
                  #   a <b> & #c
                  not ok 2 zcrx.leak
                not ok 1 zcrx
                  KTAP version 1
                  1..2
                  ok 1 devmem.basic # SKIP no devmem: \\# \\\\n here
                  not ok 2 devmem.hang # crashed: no report within 30 s
                not ok 2 devmem
                  KTAP version 1
                  1..1
                  ok 1 self # SKIP
                ok 3 self # SKIP

                """)
    }

    @Test func known() {
        #expect(
            KTAP.lines(for: result("a.b", .xfail, reason: "known bug of Linux 7.2", findings: [leak]), number: 3).last
                == "ok 3 a.b # XFAIL known bug of Linux 7.2")
        // A group of nothing else is no skip.
        #expect(KTAP.document([result("a.b", .xfail, reason: "r")]).hasSuffix("ok 1 a\n"))
    }

    @Test func nothing() { #expect(KTAP.document([]) == "KTAP version 1\n1..0\n") }

    @Test func namesCannotForgeALine() {
        let lines = KTAP.lines(for: result("a#b\r\nok 2 c", .fail, findings: [Finding(oracle: .scenario, message: "1\nok 9 y")]), number: 1)
        #expect(lines.last == ##"not ok 1 a\#b\\r\\nok 2 c"##)
        #expect(lines.allSatisfy { !$0.contains("\n") && !$0.hasPrefix("ok") })
    }
}

@Suite struct JUnitTests {
    @Test func document() {
        let text = JUnit.document(mixed)
        #expect(text.contains("<testsuites name=\"ppiov\" tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"2\" time=\"6.250\">"))
        #expect(text.contains("<testsuite name=\"zcrx\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\" time=\"2.500\">"))
        #expect(text.contains("<testcase name=\"zcrx.basic\" classname=\"zcrx.netdevsim\" time=\"1.250\"/>"))
        #expect(text.contains("3 in flight\">a &lt;b&gt; &amp; #c</failure>"))
        #expect(text.contains("<error type=\"crashed\" message=\"no report within 30 s\"/>"))
        #expect(text.contains("<skipped message=\"no devmem: # &#10; here\"/>"))
    }

    @Test func known() {
        let text = JUnit.document([result("a.b", .xfail, reason: "<r>", findings: [leak])])
        #expect(text.contains("failures=\"0\" errors=\"0\" skipped=\"1\""))
        #expect(text.contains("<skipped message=\"known to fail: &lt;r&gt;\"/>") && text.contains("3 in flight&#10;") && !text.contains("<failure"))
    }

    @Test func escapes() {
        #expect(
            JUnit.escaped("<a href=\"x\">&'\u{0}\u{1b}[31m\u{fffe}\u{85}ä\t")
                == #"&lt;a href=&quot;x&quot;&gt;&amp;&apos;\x00\x1b[31m\u{fffe}\u{85}ä&#9;"#)
    }
}

@Suite struct RunResultTests {
    @Test func exitCodes() {
        #expect(ExitCode([]) == .nothingRan)
        #expect(ExitCode([result("a", .pass), result("b", .skip)]) == .passed)
        #expect(ExitCode([result("a", .skip)]) == .nothingRan)
        #expect(ExitCode([result("a", .xfail), result("b", .skip)]) == .nothingRan)
        #expect(ExitCode([result("a", .xfail), result("b", .pass)]) == .passed)
        #expect(ExitCode([result("a", .xfail), result("b", .fail)]) == .failed)
        #expect(ExitCode([result("a", .pass), result("b", .fail)]) == .failed)
        #expect(ExitCode([result("a", .pass), result("b", .crashed)]) == .failed)
        #expect(ExitCode.allCases.map(\.rawValue) == [0, 1, 2, 3, 4, 130])
    }

    @Test func jsonRoundTrip() throws {
        let run = RunResult(toolVersion: "1.0", results: mixed)
        #expect(try RunResult(json: run.json()) == run)
        // Files of older versions have no such number, and it is left out where it is nothing.
        let text = String(decoding: try run.json(), as: UTF8.self)
        #expect(run.totals.xfailed == nil && !text.contains("xfailed"))
        let known = RunResult(toolVersion: "1.0", results: [result("a", .xfail, reason: "r")])
        #expect(try RunResult(json: known.json()).totals.xfailed == 1)
        #expect(run.totals.passed == 1 && run.totals.failed == 1 && run.totals.crashed == 1 && run.totals.skipped == 2)
    }

    @Test func refusesAnotherSchema() throws {
        var run = RunResult(toolVersion: "1.0", results: [])
        for version in [0, RunResult.currentSchema + 1] {
            run.schemaVersion = version
            let json = try run.json()
            #expect(throws: UnsupportedSchema(version: version)) { try RunResult(json: json) }
        }
        #expect("\(UnsupportedSchema(version: 9))".contains("schema version 9") && "\(UnsupportedSchema(version: 9))".contains("1 to 2"))
        #expect(throws: DecodingError.self) { try RunResult(json: Array("{}".utf8)) }
    }

    @Test func summary() {
        let account = PoolAccount(
            pool: 1, provider: .zcrx, holds: 300, releases: 297, netIovHolds: 256, netIovReleases: 253, peakInflight: 9, freed: false)
        let results = mixed + [result("zcrx.more", .fail, accounts: [account, account]), result("x", .pass, tier: .nodev)]
        #expect(
            Summary.text(results) == """
                nodev: 1 passed, 0 failed, 0 crashed, 0 skipped
                netdevsim: 1 passed, 2 failed, 1 crashed, 2 skipped
                zcrx: 512 net_iovs held, 506 released

                """)
        var traced = [result("a", .pass), result("b", .fail, findings: [Finding(oracle: .trace, message: "I7")]), result("c", .skip)]
        traced[0].traceEvents = 500
        traced[1].traceEvents = 20
        #expect(Summary.text(traced).hasSuffix("trace: 1 of 2 conform to the life cycle, 520 events of 0 page pools\n"))
        #expect(Summary.text([result("a", .xfail)]).hasPrefix("netdevsim: 0 passed, 0 failed, 0 crashed, 0 skipped, 1 known to fail\n"))
        #expect(Summary.text([]) == "no scenario ran\n")
    }
}
