// SPDX-License-Identifier: GPL-2.0

import Results
import Testing

@Suite struct KTAPReaderTests {
    private typealias Result = KTAPLine.KTAPResult

    @Test(arguments: [
        ("ok 1 devmem.check_rx", Result(ok: true, number: 1, name: "devmem.check_rx", directive: nil, reason: nil)),
        ("not ok 12 hds.ioctl", Result(ok: false, number: 12, name: "hds.ioctl", directive: nil, reason: nil)),
        (
            "ok 2 queues.check_xsk # SKIP AF_XDP unsupported",
            Result(ok: true, number: 2, name: "queues.check_xsk", directive: .skip, reason: "AF_XDP unsupported")
        ),
        (
            "ok 3 a # XFAIL Test does not work on netdevsim",
            Result(ok: true, number: 3, name: "a", directive: .xfail, reason: "Test does not work on netdevsim")
        ),
        ("ok 1 # SKIP", Result(ok: true, number: 1, name: "", directive: .skip, reason: nil)),
        ("ok - named", Result(ok: true, number: nil, name: "named", directive: nil, reason: nil)),
        ("not ok 4 - with # a remark", Result(ok: false, number: 4, name: "with", directive: nil, reason: "a remark")),
        // Words that look like a directive, and are none.
        ("ok 5 - refused # error path", Result(ok: true, number: 5, name: "refused", directive: nil, reason: "error path")),
        ("ok 5 x # ERROR is printed", Result(ok: true, number: 5, name: "x", directive: nil, reason: "ERROR is printed")),
        ("ok 5 x # timeout of 3 s is kept", Result(ok: true, number: 5, name: "x", directive: nil, reason: "timeout of 3 s is kept")),
        ("not ok 5 x # ERROR no device", Result(ok: false, number: 5, name: "x", directive: .error, reason: "no device")),
        ("not ok 5 x # exit=1", Result(ok: false, number: 5, name: "x", directive: nil, reason: "exit=1")),
        ("ok 5 issue #4 is fixed", Result(ok: true, number: 5, name: "issue #4 is fixed", directive: nil, reason: nil)),
        ("ok 5 x # first # SKIP no device", Result(ok: true, number: 5, name: "x # first", directive: .skip, reason: "no device")),
        ("ok 5 x # SKIPPED: no device", Result(ok: true, number: 5, name: "x", directive: .skip, reason: "no device")),
        ("ok 5 # XPASS was expected to fail", Result(ok: true, number: 5, name: "", directive: .xpass, reason: "was expected to fail")),
        // Names as programs write them.
        ("ok 5 ping 192.0.2.1", Result(ok: true, number: 5, name: "ping 192.0.2.1", directive: nil, reason: nil)),
        ("ok 5 1 selftests: net: a.sh", Result(ok: true, number: 5, name: "1 selftests: net: a.sh", directive: nil, reason: nil)),
        ("ok 5 -1 is refused", Result(ok: true, number: 5, name: "-1 is refused", directive: nil, reason: nil)),
        ("ok 5 \u{301}a", Result(ok: true, number: 5, name: "\u{301}a", directive: nil, reason: nil)),
        ("\u{feff}ok 5\ta\t\r", Result(ok: true, number: 5, name: "a", directive: nil, reason: nil)),
        ("not ok 5 x # TIMEOUT 45 seconds", Result(ok: false, number: 5, name: "x", directive: .timeout, reason: "45 seconds")),
        ("ok 6 c#1 # skip why # not", Result(ok: true, number: 6, name: "c#1", directive: .skip, reason: "why # not")),
        ("ok 7th heaven", Result(ok: true, number: nil, name: "7th heaven", directive: nil, reason: nil)),
        ("ok", Result(ok: true, number: nil, name: "", directive: nil, reason: nil)),
    ])
    func results(_ line: String, _ result: KTAPLine.KTAPResult) {
        #expect(KTAPLine(line) == .result(result))
        #expect(KTAPLine.isResult(line))
    }

    @Test(arguments: [
        ("TAP version 13", KTAPLine.version), ("KTAP version 1", .version), ("1..5", .plan(5, skipped: nil)),
        ("1..0 # SKIP no device", .plan(0, skipped: "SKIP no device")),
        ("# Exception| x", .diagnostic("Exception| x")), ("Bail out! no root", .bailOut("no root")), ("okay then", .other("okay then")),
        ("  ok 1 of a subtest", .other("  ok 1 of a subtest")), ("1..", .other("1..")), ("", .other("")),
        ("TAP version 13\r", .version), ("\u{feff}TAP version 13", .version), ("1..5\r", .plan(5, skipped: nil)), ("1..-3", .other("1..-3")),
        ("1..99999999999999999999", .other("1..99999999999999999999")), ("2..5", .other("2..5")), ("  Bail out! deep\r", .bailOut("deep")),
        ("\tok 1 of a subtest", .other("\tok 1 of a subtest")), ("# ok 1 of a subtest", .diagnostic("ok 1 of a subtest")),
    ])
    func others(_ line: String, _ kind: KTAPLine) {
        #expect(KTAPLine(line) == kind)
        #expect(!KTAPLine.isResult(line))
    }

    @Test(arguments: [
        ("waiting ok 6 x", 6, "waiting", true), ("waiting... not ok 6 x", 6, "waiting...", false), ("a\rok 6 x", 6, "a", true),
        (".ok 6", 6, ".", true),
    ])
    func halfALineInFront(_ line: String, _ number: Int, _ before: String, _ ok: Bool) throws {
        let found = try #require(KTAPLine.embedded(in: line, number: number))
        #expect(found.before == before && found.result.ok == ok && found.result.number == number)
        #expect(KTAPLine.embeddedNumbers(in: line).contains(number))
    }

    @Test(arguments: ["it took 6 seconds", "waitingok 6 x", "  ok 6 x", "# ok 6 x", "waiting ok 7 x", "waiting ok 6th", "ok 6 x", "", "ok"])
    func noHalfALine(_ line: String) { #expect(KTAPLine.embedded(in: line, number: 6) == nil) }

    @Test func halfALineThatEndsInALetter() {
        #expect(KTAPLine.embedded(in: "waitingok 6 x", number: 6, insideWord: true)?.before == "waiting")
        #expect(KTAPLine.embedded(in: "waitingnot ok 6 x", number: 6, insideWord: true)?.result.ok == false)
    }

    @Test(arguments: [
        ("timeout=360\n", 360 as Double?), ("# timeout=5\ntimeout=45\r\n", 45), ("timeout=0\n", nil), ("", nil), ("timeout=\n", nil),
        ("nice=3\ntimeout=1", 1),
    ])
    func settings(_ text: String, _ limit: Double?) { #expect(KernelSelftestPlan.limit(inSettings: text) == limit) }

    @Test(arguments: [
        ("net/odd.sh", "net/odd:bare"), ("net/odd.v1.sh", "net/odd-v1:bare"), ("net/.hidden", "net/-hidden:bare"), ("net/a/b", "net/a/b:bare"),
        ("net.d/x.py", "net-d/x:bare"),
    ])
    func planNames(_ program: String, _ name: String) { #expect(KernelSelftestPlan(program: program, setting: .bare).name == name) }

    @Test func marksArePrintableAndShort() {
        let mark = KernelLogMark.result("ok 3 a\u{1b}[1m\u{301} " + String(repeating: "\u{301}", count: 4000), number: 1, MarkKey())
        #expect(mark.utf8.count < 200 && mark.utf8.allSatisfy { (0x20...0x7e).contains($0) })
    }
}
