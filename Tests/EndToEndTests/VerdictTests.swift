// SPDX-License-Identifier: GPL-2.0

import TestSupport
import Testing

extension EndToEnd {
    /// Each harness check ends in one way, and the report must have it.
    @Suite struct Verdicts {
        /// Runs one scenario; its deadlines are shorter where it is meant to reach them.
        private func run(_ name: String, code: Int32, verdict: String, scale: Double = 1) async throws -> (RunFiles.Result, RunFiles, Outcome) {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "harness.\(name)", ["--timeout-scale", "\(scale)"], in: scratch)
            #expect(outcome.code == code, "\(outcome.errors)")
            let files = try RunFiles(scratch)
            #expect(files.verdicts == ["harness.\(name) \(verdict)"])
            let test = try #require(try StrictKTAPReader.read(outcome.output).first?.subtests.first)
            #expect(test.ok == ["pass", "skip"].contains(verdict) && test.name == "harness.\(name)")
            return (try files.result("harness.\(name)"), files, outcome)
        }

        @Test func passes() async throws {
            let (result, _, _) = try await run("pass", code: 0, verdict: "pass")
            #expect(result.findings.isEmpty && result.reason == nil)
        }

        @Test func failedStepIsNamed() async throws {
            let (result, _, outcome) = try await run("fail", code: 1, verdict: "fail")
            #expect(result.messages("scenario") == ["step \"step that fails\" failed: it fails on purpose"])
            #expect(result.findings.count == 1)
            #expect(outcome.output.contains("# scenario: step \"step that fails\" failed") && outcome.errors.contains("\"step that fails\""))
        }

        @Test func skipHasItsReason() async throws {
            let (result, _, outcome) = try await run("skip", code: 4, verdict: "skip")
            #expect(result.reason == "it is skipped on purpose")
            #expect(try StrictKTAPReader.read(outcome.output).first?.subtests.first?.skip == "it is skipped on purpose")
            #expect(outcome.errors.contains("it is skipped on purpose"))
        }

        @Test func warningIsFound() async throws {
            let (result, files, _) = try await run("warn", code: 1, verdict: "fail")
            let message = try #require(result.messages("kernel-log").first)
            #expect(message.hasPrefix("warning: WARNING: ") && message.contains("lkdtm"))
            #expect(try files.console("harness.warn").contains("---[ end trace"))
        }

        @Test func bugEndsTheMachine() async throws {
            let (result, files, _) = try await run("bug", code: 1, verdict: "crashed")
            #expect(result.reason == "Kernel panic - not syncing: Fatal exception")
            #expect(result.messages("kernel-log").contains { $0.hasPrefix("bug: kernel BUG at ") && $0.contains("lkdtm") })
            #expect(try files.console("harness.bug").contains("RIP: 0010:lkdtm_BUG"))
        }

        @Test func panicIsReportedWithItsText() async throws {
            let (result, files, _) = try await run("panic", code: 1, verdict: "crashed")
            #expect(result.reason == "Kernel panic - not syncing: dumptest")
            let console = try files.console("harness.panic")
            let whole = [
                "begin harness.panic", "Kernel panic - not syncing: dumptest", "Call Trace:", "lkdtm_do_action", "</TASK>", "Kernel Offset",
            ]
            for words in whole { #expect(console.contains(words), "the panic's text is not complete") }
        }

        @Test func hangEndsAtItsDeadlineWithBacktraces() async throws {
            let (result, files, _) = try await run("hang", code: 1, verdict: "crashed", scale: 0.5)
            #expect(result.reason?.hasPrefix("hung: no event for ") == true)
            let console = try files.console("harness.hang")
            #expect(console.contains("Show Blocked State") && console.contains("lkdtm_HUNG_TASK+"))
        }

        @Test func spinWithoutInterruptsIsReachedByNMI() async throws {
            let (result, files, _) = try await run("spin", code: 1, verdict: "crashed", scale: 0.5)
            #expect(result.reason?.hasPrefix("hung: no event for ") == true)
            #expect(try files.console("harness.spin").contains("lkdtm_HARDLOCKUP+"))
        }

        @Test func agentThatExitsIsACrash() async throws {
            let (result, _, _) = try await run("exit", code: 1, verdict: "crashed")
            #expect(result.reason == "ppiov-init: agent exited with status 3")
        }

        @Test func agentThatIsKilledIsACrash() async throws {
            let (result, _, _) = try await run("kill", code: 1, verdict: "crashed")
            #expect(result.reason?.hasPrefix("ppiov-init: agent exited with signal 9") == true)
        }

        @Test func openDescriptorIsCounted() async throws {
            let (result, _, _) = try await run("descriptor", code: 1, verdict: "fail", scale: 0.5)
            let message = try #require(result.messages("counters").first)
            #expect(message.hasPrefix("fds was ") && message.hasSuffix("(+1)") && result.findings.count == 1)
        }

        @Test func leakNamesThePool() async throws {
            let (result, _, _) = try await run("leak", code: 1, verdict: "fail", scale: 0.5)
            let pool = try #require(result.pools.first { !$0.gone })
            #expect(pool.pool.inflight == 1 && pool.seenDetached)
            let message = try #require(result.messages("page-pool").first)
            #expect(message.contains("page pool \(pool.pool.id) (pages)") && message.contains("1 pages in flight"))
            let account = try #require(result.accounts.first { $0.holds == $0.releases + 1 })
            #expect(!account.freed)
            let address = "pool \(account.pool)"
            #expect(result.messages("trace").contains { $0.contains(address) && $0.contains("1 in flight") })
        }

        @Test func unexercisedProviderFails() async throws {
            let (result, _, _) = try await run("unexercised", code: 1, verdict: "fail")
            #expect(result.messages("exercised").contains { $0.contains("only 0 zcrx net_iovs were held") })
            #expect(result.messages("page-pool") == ["could not run: no zcrx page pool was observed"])
        }
    }
}
