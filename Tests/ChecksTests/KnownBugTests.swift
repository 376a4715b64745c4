// SPDX-License-Identifier: GPL-2.0

import Results
import Testing

@testable import Checks

@Suite struct KnownBugTests {
    /// A known bug of the kernel's version is neither a pass nor a failure; any other finding is a failure.
    @Test func knownBug() throws {
        let bug = KnownBug(
            version: "7.2", reason: "r", sign: KnownBug.Sign(.scenario, "step \"offsets\" failed"), consequences: [KnownBug.Sign(.payload)])
        func result(_ spoil: (inout Evidence) -> Void) throws -> ScenarioResult {
            try judge {
                $0.knownBug = bug
                spoil(&$0)
            }
        }
        func fails(_ evidence: inout Evidence) {
            evidence.report?.outcome = .failed
            evidence.report?.steps.append(StepRecord(name: "offsets", ok: false, detail: "one at 4096"))
        }
        #expect(try result { _ in }.verdict == .pass)
        let known = try result(fails)
        #expect(known.verdict == .xfail && known.reason == "known bug of Linux 7.2: r" && known.findings.count == 1)
        #expect(try judge(fails).verdict == .fail)
        // A bisection searches for failures, known or not.
        let search = try judge(knownBugs: false) {
            $0.knownBug = bug
            fails(&$0)
        }
        #expect(search.verdict == .fail)
        #expect(
            try result {
                fails(&$0); $0.report?.payload?.received = 1
            }.verdict == .xfail)
        // A consequence without the sign of the bug, a finding that is no consequence, and a crash.
        #expect(try result { $0.report?.payload?.received = 1 }.verdict == .fail)
        #expect(
            try result {
                fails(&$0); $0.report?.after?["fds"] = 10
            }.verdict == .fail)
        #expect(
            try result {
                fails(&$0); $0.log = nil
            }.verdict == .fail)
        #expect(
            try result {
                fails(&$0); $0.crash = Crash(.machine, "QEMU ended")
            }.verdict == .fail)
        #expect(try result { $0.report = nil }.verdict == .crashed)
    }

    /// A known bug that ends the kernel is identified by its own splats and by nothing else.
    @Test func knownCrash() throws {
        let bug = KnownBug(
            version: "7.3", reason: "r", sign: KnownBug.Sign(.kernelLog, "bug: kernel BUG at net/a.c:"),
            consequences: [KnownBug.Sign(.kernelLog, "panic: ")], endsIn: "a_fn")
        func result(_ log: [String]?, _ spoil: (inout Evidence) -> Void = { $0.report = nil }) throws -> ScenarioResult {
            try judge {
                ($0.knownBug, $0.log, $0.crash) = (bug, log, Crash(.panic, "Kernel panic - not syncing: Fatal exception in interrupt"))
                spoil(&$0)
            }
        }
        let own = [
            "kernel BUG at net/a.c:7!", "Oops: invalid opcode: 0000 [#1] SMP", "RIP: 0010:a_fn+0x1cc/0x1d0", "---[ end trace 0000000000000000 ]---",
        ]
        let panic = ["Kernel panic - not syncing: Fatal exception in interrupt"]
        let known = try result(own + panic)
        #expect(known.verdict == .xfail && known.reason == "known bug of Linux 7.3: r" && known.findings.count == 2, "\(known.findings)")
        #expect(try result(own).verdict == .xfail)
        // Only the panic, another bug, two bugs, no log, and a report in spite of the splats.
        #expect(try result(panic).verdict == .crashed)
        #expect(try result(["kernel BUG at net/b.c:7!"] + panic).verdict == .crashed)
        #expect(try result(own.map { $0.replacing("a_fn", with: "b_fn") } + panic).verdict == .crashed)
        #expect(try result(own.filter { !$0.hasPrefix("RIP") } + panic).verdict == .crashed)
        // A hang and an agent that ended, after the splat of the bug.
        for crash in [
            Crash(.hang, "hung: no event for 75.0 s"), Crash(.agent, "the agent could not continue: out of memory"), Crash(.machine, "ended"),
        ] {
            let other = try result(own) { ($0.report, $0.crash) = (nil, crash) }
            #expect(other.verdict == .crashed)
        }
        #expect(try result(["WARNING: CPU: 0 PID: 1 at net/b.c:7 b+0x1/0x2", "---[ end trace 0000000000000000 ]---"] + own).verdict == .crashed)
        #expect(try result([]).verdict == .crashed)
        #expect(try result(nil).verdict == .crashed)
        #expect(try result(own) { _ in }.verdict == .fail)
        #expect(try result([]) { $0.crash = nil }.verdict == .pass)
        // The kernel ends in a helper that the function called.
        let deep = [
            "kernel BUG at net/a.c:7!", "Oops: invalid opcode: 0000 [#1] SMP", "RIP: 0010:memcpy_orig+0x54/0x110", "Call Trace:", " <TASK>",
            " a_fn+0x1cc/0x1d0", " c_fn+0x1/0x2", " </TASK>", "---[ end trace 0000000000000000 ]---",
        ]
        #expect(try result(deep + panic).verdict == .xfail)
        #expect(try result(deep.map { $0.replacing("a_fn", with: "b_fn") } + panic).verdict == .crashed)
        #expect(try result(deep.filter { !$0.contains("a_fn") } + [" a_fn+0x1/0x2"] + panic).verdict == .crashed)
        // A bisection searches for it; and a bug that does not end the kernel does not explain a crash.
        let search = try judge(knownBugs: false) {
            ($0.knownBug, $0.log, $0.report, $0.crash) = (bug, own, nil, Crash(.panic, panic[0]))
        }
        #expect(search.verdict == .crashed)
        let ordinary = try result(own) {
            $0.report = nil
            $0.knownBug?.endsIn = nil
        }
        #expect(ordinary.verdict == .crashed)
    }
}
