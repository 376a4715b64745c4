// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// To `git bisect run`, exit codes 1 to 127 except 125 mean "bad": where `ppiov bisect-step` has no verdict, it must end with another code.
    @Suite struct Steps {
        @Test(arguments: [
            ["--lke", "/nonexistent"], ["--like"], ["--like", "/nonexistent", "--cpus", "9"], ["--like", "/nonexistent"],
            ["--like", "/usr", "--runs", "0"],
        ])
        func badUsageIsNoVerdict(_ words: [String]) async throws {
            let outcome = try await Product.run(["bisect-step", "--kernel", UnderTest.kernel] + words, in: try TemporaryFolder())
            #expect(outcome.code == 129, "\(outcome.errors)")
        }

        @Test func failureIsBadAndOtherOptionsAreRefused() async throws {
            let scratch = try TemporaryFolder()
            let failing = try await Product.run(filter: "harness.fail", in: scratch)
            #expect(failing.code == 1, "\(failing.errors)")
            let step = ["bisect-step", "--kernel", UnderTest.kernel, "--like", scratch.results]
            let bad = try await Product.run(step, in: scratch)
            #expect(bad.code == 1, "\(bad.errors)")
            #expect(bad.output.hasPrefix("bad "))
            let other = try await Product.run(step + ["--cpus", "1"], in: scratch)
            #expect(other.code == 129, "\(other.errors)")
            #expect(other.errors.contains("other options: none, and this step has `--cpus 1`"))
        }

        @Test(arguments: [SIGKILL, SIGTERM])
        func killedQEMUIsNoVerdict(_ signal: Int32) async throws {
            let scratch = try TemporaryFolder()
            // The failure is a hang, during which the test kills QEMU.
            let failing = try await Product.run(filter: "harness.hang", in: scratch) { running in
                try await running.begins("harness.hang")
                for guest in Processes.guests(running.mark) { kill(guest.id, signal) }
            }
            #expect(failing.code == 1, "\(failing.errors)")
            #expect(try RunFiles(scratch).result("harness.hang").reason == "QEMU was killed by signal \(signal)")
            let step = ["bisect-step", "--kernel", UnderTest.kernel, "--like", scratch.results, "--out", scratch.path + "/step"]
            let outcome = try await Product.run(step, in: scratch) { running in
                let console = scratch.path + "/step/kernel/harness.hang/1/scenarios/harness.hang/console.log"
                try await waitUntil("the step's scenario has begun") {
                    (try? String(contentsOfFile: console, encoding: .utf8))?.contains("ppiov: begin harness.hang") == true
                }
                for guest in Processes.guests(running.mark) { kill(guest.id, signal) }
            }
            #expect(outcome.code == 131, "\(outcome.errors)")
            #expect(outcome.errors.contains("QEMU was killed by signal \(signal)"))
        }

        @Test(arguments: [SIGINT, SIGTERM])
        func signalEndsTheWaitForASeries(_ signal: Int32) async throws {
            let scratch = try TemporaryFolder()
            // A writer that writes nothing holds standard input open.
            let program = try scratch.write("piped", "#!/bin/sh\nmkfifo fifo; exec 3<>fifo; exec \"$@\" <&3\n", executable: true)
            let outcome = try await Product.run(["series", "check", "-", "--kernel", UnderTest.kernel], in: scratch, prefix: [program]) { running in
                try await running.prints("reading the series from standard input")
                running.send(signal)
            }
            #expect(outcome.code == 130, "\(outcome.errors)")
        }
    }
}
