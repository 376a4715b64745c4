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
