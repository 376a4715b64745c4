// SPDX-License-Identifier: GPL-2.0

import Glibc
import Testing

extension BlackBox {
    /// What ends a machine costs the scenario that it ended, and no other.
    @Suite struct Isolation {
        @Test(arguments: [["scenario", "1"], ["scenario", "2"], ["group", "1"], ["none", "1"]])
        func panicBetweenTwoPassesCostsItself(_ mode: [String]) async throws {
            let scratch = try Scratch()
            let outcome = try await Product.run(filter: "selftest.[pa]*", ["--isolate", mode[0], "--jobs", mode[1]], in: scratch)
            #expect(outcome.code == 1, "\(outcome.errors)")
            let files = try RunFiles(scratch)
            #expect(files.verdicts == ["selftest.pass pass", "selftest.panic crashed", "selftest.after pass"])
            let tests = try KTAPReader.read(outcome.output).flatMap(\.subtests)
            #expect(tests.map(\.ok) == [true, false, true])
            #expect(tests[1].note == "crashed: Kernel panic - not syncing: dumptest")
        }

        /// It stays red, and the report says that alone it would not be.
        @Test func whatFailsOnlyAfterAnotherIsSaidToDoSo() async throws {
            let scratch = try Scratch()
            let outcome = try await Product.run(filter: "selftest.litter*", [], in: scratch)
            #expect(outcome.code == 1, "\(outcome.errors)")
            let files = try RunFiles(scratch)
            #expect(files.verdicts == ["selftest.litter pass", "selftest.littered fail"])
            let last = try #require(files.result("selftest.littered").findings.last)
            #expect(last.oracle == "isolated-rerun" && last.message.hasPrefix("second run, on a machine of its own: no failure; "))
            #expect(last.message.hasSuffix("has a part in it: selftest.litter"))
            #expect(last.evidence.contains { $0.hasSuffix("--isolate none --filter selftest.litter --filter selftest.littered") })
            #expect(try files.console("selftest.littered/isolated-rerun").contains("begin selftest.littered"))
        }

        @Test func onAMachineOfItsOwnNothingCameBefore() async throws {
            let scratch = try Scratch()
            let outcome = try await Product.run(filter: "selftest.litter*", ["--isolate", "scenario"], in: scratch)
            #expect(outcome.code == 0, "\(outcome.errors)")
            #expect(try RunFiles(scratch).verdicts == ["selftest.litter pass", "selftest.littered pass"])
        }

        @Test func whatFailsAloneTooIsSaidToDoSo() async throws {
            let scratch = try Scratch()
            let outcome = try await Product.run(filter: "selftest.[pf]a[si][sl]", [], in: scratch)
            #expect(outcome.code == 1, "\(outcome.errors)")
            let files = try RunFiles(scratch)
            #expect(files.verdicts == ["selftest.pass pass", "selftest.fail fail"])
            let last = try #require(files.result("selftest.fail").findings.last)
            #expect(last.oracle == "isolated-rerun" && last.message.hasPrefix("second run, on a machine of its own: it fails too: scenario: "))
        }

        @Test func killedQEMUIsNamedAndTheNextScenarioRuns() async throws {
            let scratch = try Scratch()
            let outcome = try await Product.run(filter: "selftest.[ha]*", ["--jobs", "1"], in: scratch) { running in
                try await running.begins("selftest.hang")
                let guests = Processes.guests(running.mark)
                #expect(guests.count == 1)
                for guest in guests { kill(guest.id, SIGKILL) }
            }
            #expect(outcome.code == 1, "\(outcome.errors)")
            let files = try RunFiles(scratch)
            #expect(files.verdicts == ["selftest.hang crashed", "selftest.after pass"])
            #expect(try files.result("selftest.hang").reason == "QEMU was killed by signal 9")
        }
    }
}
