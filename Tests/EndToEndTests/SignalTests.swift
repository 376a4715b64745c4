// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    /// SIGINT and SIGTERM end a run in whatever phase it is: exit 130, nothing left, what was finished is kept.
    ///
    /// `Product.run` checks that no process and no file is left.
    @Suite struct Signals {
        /// How long after a signal a run may take to end. Stops a hang; it takes a second or two.
        private static let limit = Duration.seconds(90)

        private static let both = [SIGINT, SIGTERM]

        @Test(arguments: both)
        func whileUnpacking(_ signal: Int32) async throws {
            let scratch = try TemporaryFolder()
            let tarball = try EndlessWork.tarball(in: scratch)
            let outcome = try await Product.run(
                ["run", "--kernel", tarball.path, "--filter", "selftest.pass", "--out", scratch.results], in: scratch,
                environment: tarball.environment.merging(scratch.cache) { $1 }, limit: Self.limit
            ) { running in
                try await running.says("unpacking ")
                try await waitUntil("the unpacker waits") { EndlessWork.isWaiting(running) }
                running.send(signal)
            }
            check(outcome, signal)
            #expect(scratch.everything.allSatisfy { !$0.contains(".tmp-") })
        }

        @Test(arguments: both)
        func whileCompiling(_ signal: Int32) async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(
                ["run", "--kernel", try EndlessWork.tree(in: scratch), "--filter", "selftest.pass", "--out", scratch.results], in: scratch,
                environment: scratch.cache, limit: Self.limit
            ) { running in
                try await running.says("compiling Linux 9.1.0")
                try await waitUntil("the compiler waits") { EndlessWork.isWaiting(running) }
                running.send(signal)
            }
            check(outcome, signal)
        }

        @Test(arguments: both)
        func whileBooting(_ signal: Int32) async throws {
            let scratch = try TemporaryFolder()
            let tree = try await BuiltTree.make(in: scratch)
            let outcome = try await Product.run(
                ["run", "--kernel", tree, "--filter", "selftest.pass", "--out", scratch.results], in: scratch, environment: scratch.cache,
                limit: Self.limit
            ) { running in
                try await running.says("booting the kernel")
                try await waitUntil("QEMU runs") { !Processes.guests(running.mark).isEmpty }
                running.send(signal)
            }
            check(outcome, signal)
            #expect(outcome.output.isEmpty)
            #expect(scratch.everything.allSatisfy { !$0.hasSuffix(".making") && !$0.hasSuffix("/memory") })
        }

        @Test(arguments: both)
        func whileAScenarioRuns(_ signal: Int32) async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "selftest.[ph]a[sn][sg]", ["--jobs", "1", "--timeout-scale", "10"], in: scratch) { running in
                try await running.begins("selftest.hang")
                running.send(signal)
            }
            try checkKept(outcome, signal, scratch)
        }

        @Test func twiceFromTheTerminal() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "selftest.[ph]a[sn][sg]", ["--jobs", "1", "--timeout-scale", "10"], in: scratch) { running in
                try await running.begins("selftest.hang")
                // As the terminal does: to the whole process group.
                kill(-running.processID, SIGINT)
                running.send(SIGTERM)
            }
            try checkKept(outcome, nil, scratch)
            #expect(outcome.errors.contains("ppiov: still ending what was started"), "\(outcome.errors)")
        }

        /// Nothing can be tidied up then, but a guest that computes on for nobody is more than untidy.
        @Test(.enabled("without setpriv nothing can be promised", { FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv") }))
        func killedHarnessTakesQEMUWithIt() async throws {
            let scratch = try TemporaryFolder()
            let mark = Mutex("")
            let outcome = try await Product.run(filter: "selftest.hang", ["--timeout-scale", "10"], in: scratch, tidy: false) { running in
                try await running.begins("selftest.hang")
                mark.withLock { $0 = running.mark }
                running.send(SIGKILL)
            }
            #expect(outcome.code == nil)
            let left = mark.withLock { $0 }
            try await waitUntil("QEMU is gone with its harness") { Processes.marked(left).isEmpty }
        }

        /// - Parameter signal: nil where two came, of which either may be seen first.
        private func check(_ outcome: Outcome, _ signal: Int32?) {
            #expect(outcome.code == 130, "\(outcome.errors)")
            for words in [signal.map { "signal \($0), ending what was started" } ?? "ending what was started", "ppiov: interrupted"] {
                #expect(outcome.errors.contains(words), "\(outcome.errors)")
            }
        }

        private func checkKept(_ outcome: Outcome, _ signal: Int32?, _ scratch: TemporaryFolder) throws {
            check(outcome, signal)
            let files = try RunFiles(scratch)
            #expect(files.verdicts == ["selftest.pass pass"])
            let end = "Bail out! interrupted\n"
            #expect(outcome.output.hasSuffix(end))
            #expect(try KTAPReader.read(String(outcome.output.dropLast(end.count))).flatMap(\.subtests).map(\.name) == ["selftest.pass"])
            #expect(try files.text("results.ktap") == outcome.output)
            #expect(try files.console("selftest.hang").contains("ppiov: begin selftest.hang"))
        }
    }
}
