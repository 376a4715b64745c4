// SPDX-License-Identifier: GPL-2.0

import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// A scenario that ends its machine does not change the verdict of another scenario.
    @Suite struct Isolation {
        @Test(arguments: [["scenario", "1"], ["scenario", "2"], ["group", "1"], ["none", "1"]])
        func panicBetweenTwoPassesChangesNeither(_ mode: [String]) async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "harness.[pa]*", ["--isolate", mode[0], "--jobs", mode[1]], in: scratch)
            #expect(outcome.code == 1, "\(outcome.errors)")
            let files = try RunFiles(scratch)
            #expect(files.verdicts == ["harness.pass pass", "harness.panic crashed", "harness.after pass"])
            let tests = try StrictKTAPReader.read(outcome.output).flatMap(\.subtests)
            #expect(tests.map(\.ok) == [true, false, true])
            #expect(tests[1].note == "crashed: Kernel panic - not syncing: dumptest")
        }

        /// The scenario fails after another one, and passes on a machine of its own. The report has both.
        @Test func failureCausedByAnEarlierScenario() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "harness.litter*", [], in: scratch)
            #expect(outcome.code == 1, "\(outcome.errors)")
            let files = try RunFiles(scratch)
            #expect(files.verdicts == ["harness.litter pass", "harness.littered fail"])
            let last = try #require(files.result("harness.littered").findings.last)
            #expect(last.oracle == "isolated-rerun" && last.message.hasPrefix("second run, on a machine of its own: no failure; "))
            #expect(last.message.hasSuffix("scenarios that ran before it caused it: harness.litter"))
            #expect(last.evidence.contains { $0.hasSuffix("--isolate none --filter harness.litter --filter harness.littered") })
            #expect(try files.console("harness.littered/isolated-rerun").contains("begin harness.littered"))
        }

        @Test func onAMachineOfItsOwnItPasses() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "harness.litter*", ["--isolate", "scenario"], in: scratch)
            #expect(outcome.code == 0, "\(outcome.errors)")
            #expect(try RunFiles(scratch).verdicts == ["harness.litter pass", "harness.littered pass"])
        }

        @Test func failureOnAMachineOfItsOwnToo() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "harness.[pf]a[si][sl]", [], in: scratch)
            #expect(outcome.code == 1, "\(outcome.errors)")
            let files = try RunFiles(scratch)
            #expect(files.verdicts == ["harness.pass pass", "harness.fail fail"])
            let last = try #require(files.result("harness.fail").findings.last)
            #expect(last.oracle == "isolated-rerun" && last.message.hasPrefix("second run, on a machine of its own: it fails too: scenario: "))
        }

        @Test func killedQEMUIsReportedAndTheNextScenarioRuns() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "harness.[ha]*", ["--jobs", "1"], in: scratch) { running in
                try await running.begins("harness.hang")
                let guests = Processes.guests(running.mark)
                #expect(guests.count == 1)
                for guest in guests { kill(guest.id, SIGKILL) }
            }
            #expect(outcome.code == 1, "\(outcome.errors)")
            let files = try RunFiles(scratch)
            #expect(files.verdicts == ["harness.hang crashed", "harness.after pass"])
            #expect(try files.result("harness.hang").reason == "QEMU was killed by signal 9")
        }
    }
}
