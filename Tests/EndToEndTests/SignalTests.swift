// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    /// SIGINT and SIGTERM end a run in every phase: exit status 130, no process and no temporary file left, finished results kept.
    ///
    /// `Product.run` checks that no process and no file is left.
    @Suite struct Signals {
        /// The longest time of a run. It ends a hang: a run ends a second or two after its signal.
        private static let limit = Duration.seconds(90)

        private static let both = [SIGINT, SIGTERM]

        @Test(arguments: both)
        func whileUnpacking(_ signal: Int32) async throws {
            let scratch = try TemporaryFolder()
            let tarball = try EndlessWork.tarball(in: scratch)
            let outcome = try await Product.run(
                ["run", "--kernel", tarball.path, "--filter", "harness.pass", "--out", scratch.results], in: scratch,
                environment: tarball.environment.merging(scratch.cache) { $1 }, limit: Self.limit
            ) { running in
                try await running.prints("unpacking ")
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
                ["run", "--kernel", try EndlessWork.tree(in: scratch), "--filter", "harness.pass", "--out", scratch.results], in: scratch,
                environment: scratch.cache, limit: Self.limit
            ) { running in
                try await running.prints("compiling Linux 9.1.0")
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
                ["run", "--kernel", tree, "--filter", "harness.pass", "--out", scratch.results], in: scratch, environment: scratch.cache,
                limit: Self.limit
            ) { running in
                try await running.prints("booting the kernel")
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
            let outcome = try await Product.run(filter: "harness.[ph]a[sn][sg]", ["--jobs", "1", "--timeout-scale", "10"], in: scratch) { running in
                try await running.begins("harness.hang")
                running.send(signal)
            }
            try checkKept(outcome, signal, scratch)
        }

        @Test func twoSignals() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "harness.[ph]a[sn][sg]", ["--jobs", "1", "--timeout-scale", "10"], in: scratch) { running in
                try await running.begins("harness.hang")
                // As the terminal does: to the whole process group.
                kill(-running.processID, SIGINT)
                running.send(SIGTERM)
            }
            try checkKept(outcome, nil, scratch)
            #expect(outcome.errors.contains("ppiov: still ending what was started"), "\(outcome.errors)")
        }

        /// After SIGKILL no file is removed, but QEMU must end with its parent.
        @Test(
            .enabled(
                "there is no setpriv, with which QEMU ends with its parent", { FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv") }))
        func qemuEndsWithAKilledHarness() async throws {
            let scratch = try TemporaryFolder()
            let mark = Mutex("")
            let outcome = try await Product.run(filter: "harness.hang", ["--timeout-scale", "10"], in: scratch, tidy: false) { running in
                try await running.begins("harness.hang")
                mark.withLock { $0 = running.mark }
                running.send(SIGKILL)
            }
            #expect(outcome.code == nil)
            let left = mark.withLock { $0 }
            try await waitUntil("QEMU has ended with its harness") { Processes.marked(left).isEmpty }
        }

        /// - Parameter signal: nil where two were sent, of which either may arrive first.
        private func check(_ outcome: Outcome, _ signal: Int32?) {
            #expect(outcome.code == 130, "\(outcome.errors)")
            for text in [signal.map { "signal \($0), ending what was started" } ?? "ending what was started", "ppiov: interrupted"] {
                #expect(outcome.errors.contains(text), "\(outcome.errors)")
            }
        }

        private func checkKept(_ outcome: Outcome, _ signal: Int32?, _ scratch: TemporaryFolder) throws {
            check(outcome, signal)
            let files = try RunFiles(scratch)
            #expect(files.verdicts == ["harness.pass pass"])
            let end = "Bail out! interrupted\n"
            #expect(outcome.output.hasSuffix(end))
            #expect(try StrictKTAPReader.read(String(outcome.output.dropLast(end.count))).flatMap(\.subtests).map(\.name) == ["harness.pass"])
            #expect(try files.text("results.ktap") == outcome.output)
            #expect(try files.console("harness.hang").contains("ppiov: begin harness.hang"))
        }
    }
}
