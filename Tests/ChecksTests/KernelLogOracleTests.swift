// SPDX-License-Identifier: GPL-2.0

import Results
import Testing

@testable import Checks

/// What the oracle makes of a log: faults, lost evidence, and lines as devices and people write them.
@Suite struct KernelLogOracleTests {
    private func messages(
        _ log: [String], allowed: String? = nil, injectsFaults: Bool = false, ended: String? = nil
    ) throws -> [String] {
        let today = try #require(Day("2026-06-01"))
        let entries = allowed.map { [AllowList.Entry(pattern: $0, reason: "known", link: "https://lore.kernel.org/netdev/1", expires: today)] }
        return KernelLogOracle.findings(
            log: log, allowList: AllowList(entries: entries ?? []), today: today, injectsFaults: injectsFaults, ended: ended
        ).map(\.message)
    }

    private func at(_ text: String) -> String { "[   10.000000][  T101] " + text }

    /// The faults in what is left are findings, too.
    @Test func droppedMessages() throws {
        let log = [
            at("a"), "** 12 printk messages dropped **", at("WARNING: net/core/dev.c:9 at f+0x1/0x2, CPU#0: a/1"), "** 30 printk messages dropped **",
        ]
        #expect(
            try messages(log) == [
                "warning: WARNING: net/core/dev.c:9 at f+0x1/0x2, CPU#0: a/1", "could not run: 42 messages of the kernel's log were dropped",
            ])
        #expect(try messages([at("a"), "** replaying previous printk message **", at("b")]) == [])
        // A number from outside does not overflow.
        #expect(try messages(Array(repeating: "** 9223372036854775807 printk messages dropped **", count: 3)).count == 1)
        #expect(
            try messages([at("netdevsim: a long line<truncated>")]) == [
                "could not run: the kernel's log is not complete: netdevsim: a long line<truncated>"
            ])
    }

    /// An allow-list is for faults: it does not bring evidence back.
    @Test func lostEvidenceIsNeverAllowed() throws {
        #expect(try messages(["** 12 printk messages dropped **"], allowed: "printk messages dropped").count == 1)
        #expect(try messages([at("kmemleak: Kernel memory leak detector disabled")], allowed: "kmemleak").count == 1)
    }

    @Test func eachDetectorOnce() throws {
        let log = [
            "kmemleak: Cannot allocate a kmemleak_object structure", "kmemleak: Kernel memory leak detector disabled",
            "DMA-API: debugging out of memory - disabling",
        ]
        #expect(
            try messages(log.map(at)) == [
                "could not run: kmemleak has switched itself off: kmemleak: Cannot allocate a kmemleak_object structure",
                "could not run: the DMA-API checker has switched itself off: DMA-API: debugging out of memory - disabling",
            ])
    }

    /// A report of lockdep or KASAN switches lockdep off: that is no second finding, and where the report is allowed, there is none.
    @Test func aDetectorThatAReportSwitchesOff() throws {
        let kasan = [
            String(repeating: "=", count: 66), "BUG: KASAN: slab-use-after-free in f+0x1/0x2", "Call Trace:", " f+0x1/0x2",
            String(repeating: "=", count: 66),
            "Disabling lock debugging due to kernel taint",
        ]
        #expect(try messages(kasan.map(at)) == ["kasan: BUG: KASAN: slab-use-after-free in f+0x1/0x2 [f]"])
        #expect(try messages(kasan.map(at), allowed: "BUG: KASAN: slab-use-after-free in f") == [])
        #expect(try messages([at("Disabling lock debugging due to kernel taint")]).count == 1)
    }

    @Test func failedAllocationsAreExpectedWhereFaultsAreInjected() throws {
        let failure = [at("nc: page allocation failure: order:0, mode:0x820(GFP_ATOMIC), nodemask=(null)")]
        #expect(try messages(failure).count == 1)
        #expect(try messages(failure, injectsFaults: true) == [])
        // A line that a program of the guest can write excuses nothing.
        #expect(try messages([at("FAULT_INJECTION: forcing a failure.")] + failure).count == 1)
        // Any other report counts there, too.
        #expect(
            try messages([at("nic0: odd"), at("CPU: 0 UID: 0 PID: 9 Comm: a Not tainted"), at("Call Trace:")], injectsFaults: true) == [
                "stack-dump: nic0: odd"
            ])
    }

    @Test func aLogThatEndsInTheMiddle() throws {
        let log = [at("ppiov: begin zcrx.a"), at("nic0: link is u")]
        #expect(try messages(log, ended: "zcrx.a") == ["could not run: the kernel's log ends before the end of this scenario"])
        #expect(try messages(log + [at("ppiov: end zcrx.a\r")], ended: "zcrx.a") == [])
        #expect(try messages(log) == [])
    }

    @Test(arguments: [
        "WARNING: CPU: 1 PID: 88 at net/core/page_pool.c:717 page_pool_inflight+0x5c/0x70",
        "WARNING: net/core/page_pool.c:717 at page_pool_inflight+0x5c/0x70, CPU#1: kworker/1:2/88",
        "WARNING: [a[0] at ']' && inflight < 0] net/core/page_pool.c:717 at page_pool_inflight+0x5c/0x70, CPU#1: kworker/1:2/88",
    ])
    func aPatternMatchesEveryFormOfAWarning(_ line: String) throws {
        for pattern in [
            "WARNING: net/core/page_pool.c:717 at page_pool_inflight", "WARNING: CPU: 1 PID: 88 at net/core/page_pool.c:717 page_pool_inflight+0x5c",
            "net/core/page_pool.c:717", line,
        ] {
            #expect(try messages([at(line)], allowed: pattern) == [], "\(pattern)")
        }
        #expect(try messages([at(line)], allowed: "WARNING: net/core/page_pool.c:71 ").count == 1)
        #expect(
            WarningLine(line).map { [$0.place, $0.function, $0.cpu, $0.pid] } == [
                "net/core/page_pool.c:717", "page_pool_inflight+0x5c/0x70", "1", "88",
            ])
    }

    @Test(arguments: [
        "WARNING: this line is of a program", "WARNING: CPU: 1", "WARNING: ", "WARNING: [", "WARNING: x at net/core/dev.c:12",
        "WARNING: is at a.c:12 at b",
        "",
    ])
    func noWarningLine(_ line: String) { #expect(WarningLine(line) == nil) }

    /// A line is bytes: its end, marks that combine, and what is no text.
    @Test(arguments: ["", "\r", "\r\r", "\u{0}", "\u{1b}[0m", " "])
    func linesAsTheyCome(_ end: String) throws {
        for text in [
            "WARNING: net/core/dev.c:9 at f+0x1/0x2, CPU#0: \u{301}a/1", "BUG: scheduling while atomic: \u{301}/1/0x2",
            "\u{301}: page allocation failure: order:0",
            "kernel BUG at net/core/dev.c:9!\u{301}", "** 3 printk messages dropped **",
        ] {
            let bytes = Array("\u{feff}[    1.000000][   T1] ppiov: begin a\(end)\n[    1.000001][   T1] \(text)\(end)\n".utf8)
            #expect(KernelLog.splats(in: KernelLog.lines(of: bytes)).count == 1, "\(text)")
            #expect(KernelLog.splats(in: KernelLog.lines(of: bytes.dropLast())).count == 1, "no newline at the end: \(text)")
        }
        #expect(
            KernelLog.splats(in: KernelLog.lines(of: Array("[    1.000000] BUG: \u{ff}".unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) })))
                .count == 1)
    }

    @Test(.timeLimit(.minutes(5))) func aLineOfTenMegabytes() throws {
        // A time stamp begins a message: the first is as long as ten thousand lines, which take their time.
        for (unit, count) in [("[    1.000000] a", 10_000), ("<6>", 100_000), ("x", 10 << 20), ("WARNING: [", 30_000), (" at ", 50_000)] {
            let line = String(repeating: unit, count: count)
            #expect(KernelLog.splats(in: ["[    1.000000] BUG: x" + line]).count == 1)
        }
    }
}
