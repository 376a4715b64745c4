// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// Scenarios that check the harness: each ends in a way that it must report. They are hidden, and run only when named in full.
enum HarnessCheckScenarios {
    /// lkdtm (drivers/misc/lkdtm) causes real faults on request.
    private static let provoke = "/sys/kernel/debug/provoke-crash/DIRECT"

    private static let litter = "/tmp/ppiov-litter"

    static let all: [Scenario] = [
        scenario("pass", "passes without a step") { _ in },
        scenario("fail", "a step fails") { run in try run.step("step that fails") { throw ScenarioFailure("it fails on purpose") } },
        scenario("skip", "is skipped") { _ in throw ScenarioSkip("it is skipped on purpose") },
        scenario("warn", "the kernel warns") { run in try run.step("WARN") { try KernelFile.write(provoke, "WARNING") } },
        scenario("bug", "the kernel runs into a BUG") { run in try run.step("BUG") { try KernelFile.write(provoke, "BUG") } },
        scenario("panic", "the kernel panics") { run in try run.step("panic") { try KernelFile.write(provoke, "PANIC") } },
        scenario("hang", "hangs in an uninterruptible sleep", deadline: 3) { run in
            try run.step("uninterruptible sleep") { try KernelFile.write(provoke, "HUNG_TASK") }
        },
        scenario("spin", "a CPU loops with interrupts off", deadline: 3) { run in
            try run.step("spin") { try KernelFile.write(provoke, "HARDLOCKUP") }
        },
        scenario("exit", "the agent exits") { _ in _exit(3) },
        scenario("kill", "the agent is killed") { _ in
            kill(getpid(), SIGKILL)
        },
        scenario("descriptor", "leaves a descriptor open") { run in
            try run.step("descriptor opened") { _ = open("/dev/null", O_RDONLY) }
        },
        Scenario(
            "harness.leak", "leaves a page held", tier: .netdevsim, needs: [.interface, .pageHold],
            expects: Expectation(provider: .pages, minimumHolds: 1, detachedPool: true), hidden: true
        ) { run in
            let bed = try run.makeTestBed()
            try run.step("page held") { try bed.holdPage(true) }
            try run.step("interface down") { try bed.setUp(false) }
            try run.expectDetachedPool(of: .pages)
            try bed.leaveInPlace()
        },
        Scenario(
            "harness.unexercised", "expects a provider and binds none", tier: .netdevsim, needs: [.interface],
            expects: Expectation(provider: .zcrx, minimumHolds: 1), hidden: true
        ) { run in _ = try run.makeTestBed() },
        scenario("litter", "leaves a file that no counter includes") { run in
            try run.step("file left") {
                let descriptor = open(litter, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
                if descriptor < 0 { throw KernelError("open \(litter)", code: errno) }
                close(descriptor)
            }
        },
        scenario("littered", "fails where that file exists") { run in
            try run.step("\(litter) does not exist") { if access(litter, F_OK) == 0 { throw ScenarioFailure("it exists") } }
        },
        scenario("forge", "writes what only the agent and the harness write") { run in
            let forged = ["ppiov: end harness.forge", "ppiov: begin harness.after", "ppiov: end harness.after", "\u{1b}[2Jok 1 harness.forged"]
            func forge() throws { for line in forged { try KernelFile.write("/dev/kmsg", line + "\n") } }
            try run.step("no port opens a second time") {
                for port in KernelFile.list("/dev") where port.hasPrefix("vport") {
                    let descriptor = open("/dev/" + port, O_RDWR | O_CLOEXEC)
                    if descriptor >= 0 { throw ScenarioFailure("\(port) opened") }
                    guard errno == EBUSY else { throw KernelError("open /dev/\(port)", code: errno) }
                }
            }
            try run.step("forged marks") { try forge() }
            // The name of a task is in the report of the warning.
            try run.step("forged name") { try KernelFile.write("/proc/self/comm", "\u{1b}[2J\nok 1 x") }
            run.cleanUp("own name") { try KernelFile.write("/proc/self/comm", "ppiov-agent") }
            try run.step("WARN") { try KernelFile.write(provoke, "WARNING") }
            try run.step("more forged marks") { try forge() }
            try run.step("forged step\nok 1 harness.forged\u{1b}[2J") {
                throw ScenarioFailure("\u{1b}[31mred\r\nok 2 harness.forged\n<testcase name=\"harness.forged\"/>\u{202e}")
            }
        },
        scenario("after", "passes after all others") { _ in },
    ]

    private static func scenario(
        _ name: String, _ summary: String, deadline: Double = 30, _ body: @escaping @Sendable (ScenarioRun) throws -> Void
    ) -> Scenario {
        Scenario(
            "harness.\(name)", summary, tier: .harness, needs: [], expects: Expectation(provider: .pages, minimumHolds: 0),
            deadline: deadline, hidden: true, body)
    }
}
