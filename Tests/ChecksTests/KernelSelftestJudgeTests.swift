// SPDX-License-Identifier: GPL-2.0

import Results
import Testing

@testable import Checks

/// A run of a kernel selftest without findings. Each test changes one thing.
private func good() -> KernelSelftestEvidence {
    let plan = KernelSelftestPlan(program: "drivers/net/hw/devmem.py", setting: .interface, provider: .devmem, casesWithoutNetIovs: ["check_hds"])
    let counters = ["pinned-pages": 256 as Int64]
    let bytes = TraceBytes.run(netIovs: 256)
    let report = ScenarioReport(
        scenario: plan.name, tier: .netdevsim, outcome: .completed, expectation: Expectation(provider: .devmem, minimumHolds: 0),
        steps: [StepRecord(name: KernelSelftestPlan.exitStep, ok: true, detail: "0")], before: counters, after: counters,
        traceBytes: UInt64(bytes.count))
    let lines = [
        "TAP version 13", "1..3", "ok 1 devmem.check_rx", "# a word", "ok 2 devmem.check_tx # SKIP not supported", "ok 3 devmem.check_hds",
        "# Totals: pass:2",
    ]
    var log = ["[    1.000000][    T1] ppiov: begin drivers/net/hw/devmem"]
    for line in lines where KTAPLine.isResult(line) {
        log += ["[    2.000000][    T1] nothing of note", "[    3.000000][    T1] ppiov: result \(line)"]
    }
    log.append("[    9.000000][    T1] ppiov: end drivers/net/hw/devmem")
    let whole = Evidence(
        scenario: plan.name, tier: .netdevsim, provider: .devmem, needs: nil, report: report, trace: [0: bytes, 1: []], formats: TraceBytes.formats,
        log: log,
        seconds: 2)
    return KernelSelftestEvidence(
        plan: plan, lines: lines.enumerated().map { KernelSelftestEvidence.Line($1, time: UInt64.max / 8 * UInt64($0)) }, whole: whole)
}

private func judge(guaranteed: Set<Provider> = [], large: Bool = true, _ spoil: (inout KernelSelftestEvidence) -> Void) throws -> [ScenarioResult] {
    var evidence = good()
    spoil(&evidence)
    let guaranteed = GuaranteedNeeds(needs: large ? [.largeBuffers] : [], kernelSelftests: guaranteed)
    return KernelSelftestJudge(allowList: AllowList(), guaranteed: guaranteed, today: try #require(Day("2026-06-01"))).verdicts(evidence)
}

private let splat = [
    "[    2.500000][    T7] ------------[ cut here ]------------",
    "[    2.500000][    T7] WARNING: CPU: 0 PID: 7 at net/core/page_pool.c:1 page_pool_x+0x1/0x2",
    "[    2.500000][    T7] ---[ end trace 0000000000000000 ]---",
]

@Suite struct KernelSelftestJudgeTests {
    @Test func eachCaseAndTheWhole() throws {
        let results = try judge { _ in }
        #expect(results.map(\.scenario) == ["check_rx", "check_tx", "check_hds", "life-cycle"].map { "drivers/net/hw/devmem." + $0 })
        #expect(results.map(\.verdict) == [.pass, .skip, .pass, .pass], "\(results.map(\.findings))")
        #expect(results[1].reason == "not supported")
        // The pool of the trace began before the first result.
        #expect(results.map { $0.accounts.reduce(0) { $0 + $1.netIovHolds } } == [256, 0, 0, 0])
    }

    /// A case that passes and holds no net_iov proves nothing.
    @Test func aCaseThatHeldNothing() throws {
        let results = try judge { $0.plan.casesWithoutNetIovs = [] }
        #expect(results.map(\.verdict) == [.pass, .skip, .fail, .pass])
        #expect(results[2].findings.map(\.message) == ["the case passed, but none of its page pools held a net_iov of devmem"])
        #expect(try judge { ($0.plan.casesWithoutNetIovs, $0.plan.provider) = ([], .pages) }.map(\.verdict) == [.pass, .skip, .pass, .pass])
    }

    /// A test cannot distinguish a broken binding from a NIC without the feature.
    @Test func aSkipOfAGuaranteedCase() throws {
        let results = try judge(guaranteed: [.devmem]) { _ in }
        #expect(results.map(\.verdict) == [.pass, .fail, .pass, .pass])
        #expect(
            results[1].findings.map(\.message) == [
                "the kernel's version and configuration guarantee all that this case needs, but it was skipped: not supported"
            ])
        // Where netdevsim has no large buffers, a case that is about them may skip, and no other.
        #expect(try judge(guaranteed: [.devmem], large: false) { _ in }.map(\.verdict) == [.pass, .fail, .pass, .pass])
        let rename: (inout KernelSelftestEvidence) -> Void = { evidence in
            for number in evidence.lines.indices { evidence.lines[number].text.replace("check_tx", with: "check_large_tx") }
        }
        #expect(try judge(guaranteed: [.devmem], large: false, rename)[1].verdict == .skip)
        #expect(try judge(guaranteed: [.devmem], large: true, rename)[1].verdict == .fail)
        #expect(try judge(guaranteed: [.zcrx]) { _ in }.map(\.verdict) == [.pass, .skip, .pass, .pass])
    }

    @Test func onlySkips() throws {
        let results = try judge { for place in [2, 4, 5] { $0.lines[place].text = "ok \(place / 2) devmem.c\(place) # SKIP why" } }
        #expect(results.map(\.verdict) == [.skip, .skip, .skip, .skip])
        #expect(results.last?.reason == "none of its cases ran")
    }

    @Test(
        arguments: [
            (["TAP version 13", "1..0 # SKIP no device"], "4", [ScenarioResult.Verdict.skip, .skip], nil),
            (["TAP version 13", "1..0"], "4", [.skip, .skip], nil),
            (["TAP version 13"], "0", [.fail], "it reported no case"), (["TAP version 13"], "4", [.fail], "it reported no case"),
            (["TAP version 13", "1..2"], "0", [.fail], "it reported no case"),
            (["TAP version 13", "1..1", "ok 1 a"], "4", [.pass, .fail], "it exited with status 4 (skip), but no case was skipped"),
        ] as [([String], String, [ScenarioResult.Verdict], String?)])
    func noCases(_ lines: [String], _ status: String, _ verdicts: [ScenarioResult.Verdict], _ finding: String?) throws {
        let results = try judge {
            $0.lines = lines.map { KernelSelftestEvidence.Line($0, time: 5) }
            $0.whole.report?.steps[0].detail = status
            $0.plan.provider = .pages
        }
        #expect(results.map(\.verdict) == verdicts)
        #expect(results.last?.findings.first?.message == finding)
    }

    /// The kernel accepts at most 1024 bytes of a line.
    @Test func aLongResultLine() throws {
        let long = "ok 3 devmem.check_hds # SKIP " + String(repeating: "x", count: 2000)
        let results = try judge {
            $0.lines[5].text = long
            $0.whole.log = $0.whole.log.map { log in
                log.map { $0.contains("ok 3 ") ? "[    3.000000][    T1] " + KernelLogMark.result(long, number: 3, nil) : $0 }
            }
            $0.whole.log?.insert(contentsOf: splat, at: 5)
        }
        #expect(results.map(\.verdict) == [.pass, .skip, .fail, .pass])
        #expect(KernelLogMark.result(long, number: 3, nil).utf8.count < 200)
    }

    /// The program itself can write to /dev/kmsg, before and after its splat. Only marks with their tokens count.
    @Test func forgedMarks() throws {
        let key = MarkKey()
        func stamped(_ text: String) -> String { "[    3.000000][    T1] " + text }
        let plan = good().plan.name
        let lines = good().lines.map(\.text).filter(KTAPLine.isResult)
        let forged = [
            "ppiov: begin \(plan)", "ppiov: end \(plan)", "ppiov: result \(lines[0])", KernelLogMark.begin(plan, MarkKey()),
            KernelLogMark.end(plan, MarkKey()), KernelLogMark.begin(plan, key) + " ", KernelLogMark.result(lines[1], number: 1, MarkKey()),
        ].map(stamped)
        /// A mark that was read in the log, written again.
        func replayed(_ count: Int) -> [String] { (0..<count).map { stamped(KernelLogMark.result(lines[$0], number: $0 + 1, key)) } }
        /// - Parameter splats: how many results have been reported before the splat.
        func log(splats: Int) -> [String] {
            var log = [stamped(KernelLogMark.begin(plan, key))]
            for (index, line) in lines.enumerated() {
                log += forged + replayed(index)
                if index == splats { log += splat + forged + replayed(index) }
                log.append(stamped(KernelLogMark.result(line, number: index + 1, key)))
            }
            return log + forged + replayed(lines.count) + (splats == lines.count ? splat + forged : []) + [stamped(KernelLogMark.end(plan, key))]
        }
        for place in 0...lines.count {
            let results = try judge {
                $0.whole.markKey = key
                $0.whole.log = log(splats: place)
            }
            let failed = results.indices.filter { !results[$0].findings.isEmpty }
            #expect(failed == [place], "\(results.map(\.findings))")
        }
        // Without the mark of the run itself nothing is known of the log.
        let lost = try judge {
            $0.whole.markKey = MarkKey()
            $0.whole.log = log(splats: 0)
        }
        #expect(lost.last?.findings.map(\.message) == ["could not run: there are no console lines of this scenario"])
    }

    @Test func aFailedCaseHasItsReason() throws {
        let results = try judge {
            $0.lines[5].text = "not ok 3 devmem.check_hds"
            $0.lines.insert(KernelSelftestEvidence.Line("# Exception| Traceback (most recent call last):", time: 1), at: 5)
            $0.lines.insert(KernelSelftestEvidence.Line("# Exception|   File \"x.py\"", time: 1), at: 6)
            $0.lines.insert(KernelSelftestEvidence.Line("# Exception| lib.py.utils.CmdExitFailure: Command failed", time: 1), at: 7)
            $0.lines.insert(KernelSelftestEvidence.Line("# Exception| ", time: 1), at: 8)
            $0.whole.report?.steps[0].detail = "1"
        }
        #expect(results.map(\.verdict) == [.pass, .skip, .fail, .pass])
        #expect(results[2].findings.map(\.message) == ["lib.py.utils.CmdExitFailure: Command failed"])
    }

    /// The cause of a failed command is in its output, not in the name of the exception.
    @Test(arguments: [
        (
            ["netdev_bind_rx: File exists", "YNL failed: Kernel error: 'designated queue already memory provider bound'", "restoring"],
            "ncdevmem exited with 1: YNL failed: Kernel error: 'designated queue already memory provider bound'"
        ),
        (["using queues 3..4", "no more"], "ncdevmem exited with 1: no more"),
        (["one"], "ncdevmem exited with 1: one"),
        ([], "lib.py.utils.CmdExitFailure: Command failed"),
    ])
    func aFailedCommandHasItsReason(_ errors: [String], _ message: String) throws {
        var output = [
            "Traceback (most recent call last):", "  File \"x.py\"", "lib.py.utils.CmdExitFailure: Command failed", "CMD: /src/ncdevmem -l -f nic0",
            "  EXIT: 1",
        ]
        for (number, line) in errors.enumerated() { output.append(number == 0 ? "  STDERR: \(line)" : "          \(line)") }
        output.append("")
        let results = try judge {
            $0.lines[5].text = "not ok 3 devmem.check_hds"
            $0.lines.insert(contentsOf: output.map { KernelSelftestEvidence.Line("# Exception| \($0)", time: 1) }, at: 5)
            $0.whole.report?.steps[0].detail = "1"
        }
        #expect(results.map(\.verdict) == [.pass, .skip, .fail, .pass])
        #expect(results[2].findings.map(\.message) == [message])
    }

    /// Judges the lines of a program without provider that exited with `status`; the kernel log has a mark for each line that is a result.
    private func results(of lines: [String], status: String = "0", log: [String] = []) throws -> [ScenarioResult] {
        try judge {
            $0.plan = KernelSelftestPlan(program: "net/odd.sh", setting: .bare)
            $0.lines = lines.enumerated().map { KernelSelftestEvidence.Line($1, time: UInt64($0) * 1000) }
            $0.whole.report?.steps[0].detail = status
            let marks = lines.filter(KTAPLine.isResult).enumerated().map { "[    3.000000][    T1] " + KernelLogMark.result($1, number: $0 + 1, nil) }
            $0.whole.log = ["[    1.000000][    T1] ppiov: begin net/odd:bare"] + marks + log + ["[    9.000000][    T1] ppiov: end net/odd:bare"]
        }
    }

    private static let head = ["TAP version 13", "1..3"]

    /// Names with dots and numbers, a remark, half a line of standard error, XPASS.
    @Test func resultsAsProgramsWriteThem() throws {
        let results = try results(of: [
            "TAP version 13", "1..9", "ok 1 ping 203.0.113.9", "ok 2 ping 198.51.203.0.113.9", "ok 3 odd.v1.5 works", "ok 4 v2.5 works",
            "ok 5 - a short write is refused # error path", "still waitingok 6 the sixth", "connecting... ok 7 the seventh",
            "ok 8 # XPASS known to fail", "ok 9 2 selftests: net: a.sh", "# Totals: pass:8 fail:0 xfail:0 xpass:1 skip:0 error:0",
        ])
        #expect(
            results.map { String($0.scenario.dropFirst("net/odd:bare.".count)) } == [
                "ping 203.0.113.9", "ping 198.51.203.0.113.9", "v1.5 works", "v2.5 works", "a short write is refused", "the sixth", "the seventh",
                "case-8",
                "2 selftests: net: a.sh", "life-cycle",
            ])
        #expect(results.allSatisfy { $0.verdict == .pass }, "\(results.map(\.findings))")
        #expect(results[7].reason == "XPASS: known to fail")
        #expect(KTAP.lines(for: results[7], number: 1) == ["ok 1 net/odd:bare.case-8 # XPASS known to fail"])
    }

    @Test(
        arguments: [
            // A failure stays one behind half a line, and so does a result that is missing.
            (head + ["ok 1 a", "waiting not ok 2 b", "ok 3 c"], "1", 3, nil),
            (head + ["ok 1 a", "it took 2 seconds", "ok 3 c"], "0", 3, nil),
            (head + ["ok 1 a", "it took 7 seconds", "ok 3 c"], "0", 2, "it planned 3 cases and reported 2"),
            (head + ["ok 1 a", "    ok 2 of a subtest", "# ok 2 of a subtest", "ok 3 c"], "0", 2, "it planned 3 cases and reported 2"),
            // Plans: late, twice, contradicting, of two documents, none.
            (["ok 1 a", "ok 2 b", "1..2"], "0", 2, nil), (["1..2", "ok 1 a", "ok 2 b", "1..2"], "0", 2, nil),
            (["1..2", "1..3", "ok 1 a", "ok 2 b"], "0", 2, "it printed two plans: 1..2 and 1..3"),
            (["TAP version 13", "1..1", "ok 1 a", "TAP version 13", "1..2", "ok 1 b", "ok 2 c"], "0", 3, nil),
            (["TAP version 13", "1..1", "ok 1 a", "TAP version 13", "1..2", "ok 1 b"], "0", 2, "it planned 3 cases and reported 2"),
            (["TAP version 13", "ok 1 a", "ok 2 b"], "0", 2, nil),
            (["TAP version 13", "ok 1 a", "ok 3 b"], "0", 2, "its results are not numbered through: 3 follows 1"),
            // What a forked child wrote once more.
            (head + ["ok 1 a", "ok 2 b", "ok 1 a", "ok 2 b", "ok 3 c"], "0", 3, nil),
            (head + ["ok 1 a", "ok 2 b", "ok 2 b", "ok 3 c", "ok 4 d"], "0", 5, "it planned 3 cases and reported 5"),
            (head + ["ok 1 a", "ok 1 b", "ok 1 c"], "0", 3, nil),
            (["TAP version 13\r", "1..2\r", "ok 1 a\r", "ok 2 b\r"], "0", 2, nil),
            (["\u{feff}TAP version 13", "1..1", "ok 1 a"], "0", 1, nil),
            (head + ["ok 1 a", "ok 2 b", "ok 3 c", "Bail out! no more memory"], "0", 3, "it bailed out: no more memory"),
            (["TAP version 13", "1..1", "not ok 1 a # TIMEOUT 45 seconds"], "1", 1, nil),
            (["TAP version 13", "1..1", "ok 1 a # XPASS known"], "3", 1, nil), (["TAP version 13", "1..1", "ok 1 a # XFAIL known"], "2", 1, nil),
            (["TAP version 13", "1..1", "ok 1 a"], "2", 1, "it exited with status 2, but no case failed"),
            (["1..1000000", "ok 1 a"] + Array(repeating: "x ok 2", count: 3), "0", 2, "it planned 1000000 cases and reported 2"),
        ] as [([String], String, Int, String?)])
    func plansAndNumbers(_ lines: [String], _ status: String, _ count: Int, _ finding: String?) throws {
        let results = try results(of: lines, status: status)
        #expect(results.count - 1 == count, "\(results.map(\.scenario))")
        #expect(results.last?.findings.first?.message == finding, "\(results.map(\.findings))")
        #expect(Set(results.map(\.scenario)).count == results.count)
    }

    @Test func namesThatAreEqualGetNumbers() throws {
        let results = try results(of: Self.head + ["ok 1 a # one", "ok 2 a # two", "ok 3 odd.a"])
        #expect(results.map { $0.scenario.dropFirst("net/odd:bare.".count) } == ["a", "a (2)", "a (3)", "life-cycle"])
    }

    /// The agent has written no mark for a line that it did not take for a result: the others still divide the log.
    @Test func aResultWithoutAMark() throws {
        let lines = Self.head + ["ok 1 a", "waitingok 2 b", "ok 3 c"]
        let results = try results(of: lines, log: splat)
        #expect(results.map(\.verdict) == [.pass, .pass, .pass, .fail])
        let failed = try judge {
            $0.plan.provider = .pages
            $0.lines = lines.map { KernelSelftestEvidence.Line($0, time: 5) }
            $0.whole.log =
                ["[    1.000000][    T1] ppiov: begin drivers/net/hw/devmem", "[    1.100000][    T1] ppiov: result ok 1 a"] + splat
                + ["[    1.300000][    T1] ppiov: result ok 3 c", "[    1.400000][    T1] ppiov: end drivers/net/hw/devmem"]
        }
        // What is between the marks of 1 and 3 may be of 2 or of 3; it counts for the first.
        #expect(failed.map(\.verdict) == [.pass, .fail, .pass, .pass])
    }

    @Test func aResultLineOfMoreThan4KiB() throws {
        let long = "ok 2 " + String(repeating: "\u{e9}", count: 3000)
        let results = try results(of: Self.head + ["ok 1 a", long, "ok 3 c"])
        #expect(results.map(\.verdict) == [.pass, .pass, .pass, .pass])
    }

    @Test func aProgramThatIsEndedAtItsLimit() throws {
        let results = try judge {
            $0.lines.removeLast(2)
            $0.whole.report?.steps = []
            $0.whole.report?.outcome = .failed
            $0.whole.report?.reason = "x.py ran longer than its limit of 720.0 s (settings: timeout=360); it ended on SIGTERM"
        }
        #expect(results.last?.verdict == .fail)
        #expect(results.last?.findings.contains { $0.message.contains("longer than its limit") } == true)
    }

    /// A splat before a result belongs to that case; one after the last result belongs to the program as a whole.
    @Test(arguments: [(1, 0), (3, 1), (5, 2), (7, 3)])
    func splatsBelongToCases(_ place: Int, _ index: Int) throws {
        let results = try judge { $0.whole.log?.insert(contentsOf: splat, at: place) }
        #expect(results.indices.filter { results[$0].verdict == .fail } == [index])
        #expect(results[index].findings.map(\.oracle) == [.kernelLog])
    }

    @Test(arguments: [
        ("1", "it exited with status 1, but no case failed"), ("137", "it exited with status 137, but no case failed"),
    ])
    func anExitStatusThatDisagrees(_ status: String, _ words: String) throws {
        let results = try judge { $0.whole.report?.steps[0].detail = status }
        #expect(results.last?.findings.map(\.message) == [words])
    }

    @Test func aFailureWithExitStatus0() throws {
        let results = try judge { $0.lines[5].text = "not ok 3 devmem.check_hds" }
        #expect(results.last?.findings.map(\.message) == ["it exited with status 0, but a case failed"])
    }

    @Test func aPlanOfMoreCases() throws {
        let results = try judge { $0.lines.remove(at: 5) }
        #expect(results.map(\.verdict) == [.pass, .skip, .fail])
        #expect(results.last?.findings.map(\.message) == ["it planned 3 cases and reported 2"])
    }

    @Test func countersAndTraceBelongToTheWhole() throws {
        #expect(try judge { $0.whole.report?.after = ["pinned-pages": 300] }.map(\.verdict) == [.pass, .skip, .pass, .fail])
        #expect(try judge { $0.whole.trace = nil }.last?.findings.first?.oracle == .trace)
        #expect(try judge { $0.whole.report?.traceLost = 3 }.last?.verdict == .fail)
        #expect(try judge { $0.whole.log = nil }.last?.findings.map(\.oracle) == [.kernelLog])
    }

    @Test func aMachineThatEndsNamesTheCase() throws {
        let results = try judge {
            $0.lines.removeLast(2)
            $0.whole.report = nil
            $0.whole.crash = Crash(.panic, "Kernel panic - not syncing")
        }
        #expect(results.map(\.verdict) == [.pass, .skip, .crashed])
        #expect(results.last?.reason == "Kernel panic - not syncing; case 3 of 3 was running")
    }

    @Test func aPassNamesTheSkippedPart() throws {
        let results = try judge {
            $0.lines = ["a word", "no huge page, skip huge page tests"].map { KernelSelftestEvidence.Line($0, time: 5) }
            $0.plan.provider = .pages
        }
        #expect(results.map(\.verdict) == [.pass, .pass])
        #expect(results.first?.reason == "no huge page, skip huge page tests")
    }

    /// Exceptions of ksft.py before the first case.
    @Test(arguments: [
        ("net.lib.py.ksft.KsftXfailEx: Test does not work on netdevsim", ScenarioResult.Verdict.xfail, "Test does not work on netdevsim" as String?),
        ("net.lib.py.ksft.KsftSkipEx: LOCAL_PREFIX_V6 required", .skip, "LOCAL_PREFIX_V6 required"),
        ("lib.py.ksft.KsftSkipEx", .skip, "no reason given"),
        ("net.lib.py.ksft.KsftFailEx: of all things", .fail, nil),
    ])
    func anExceptionBeforeTheFirstCase(_ line: String, _ verdict: ScenarioResult.Verdict, _ reason: String?) throws {
        func results(_ status: String) throws -> [ScenarioResult] {
            try judge {
                $0.lines = ["Traceback (most recent call last):", line].map { KernelSelftestEvidence.Line($0, time: 5) }
                $0.whole.report?.steps[0].detail = status
            }
        }
        #expect(try results("1").map(\.verdict) == [verdict, verdict == .skip ? .skip : .pass])
        #expect(try results("1").first?.reason == reason)
        #expect(try results("139").first?.verdict == .fail)
    }

    /// Programs that write no TAP report with their exit status.
    @Test(arguments: [("0", ScenarioResult.Verdict.pass), ("4", .skip), ("77", .skip), ("1", .fail)])
    func noTAP(_ status: String, _ verdict: ScenarioResult.Verdict) throws {
        let results = try judge {
            $0.lines = [KernelSelftestEvidence.Line("a word", time: 5)]
            $0.plan.provider = .pages
            $0.whole.report?.steps[0].detail = status
        }
        #expect(results.map(\.scenario) == ["drivers/net/hw/devmem.exit-status", "drivers/net/hw/devmem.life-cycle"])
        #expect(results.map(\.verdict) == [verdict, verdict == .skip ? .skip : .pass], "\(results.map(\.findings))")
    }
}
