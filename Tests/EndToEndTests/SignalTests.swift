// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    /// SIGINT, SIGTERM and SIGHUP end a run in every phase: exit status 130, no process and no temporary file left, finished results kept.
    ///
    /// `Product.run` checks that no process and no file is left.
    @Suite struct Signals {
        /// The longest time of a run. It ends a hang: a run ends a second or two after its signal.
        private static let limit = Duration.seconds(90)

        private static let both = [SIGINT, SIGTERM]
        private static let all = [SIGINT, SIGTERM, SIGHUP]

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

        @Test(arguments: all)
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

        /// Below nohup, the end of the terminal does not end the run.
        @Test func anIgnoredHangup() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(
                filter: "harness.[hp]a[ns][gs]", ["--jobs", "1", "--timeout-scale", "0.5"], in: scratch,
                prefix: ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"]
            ) { running in
                try await running.begins("harness.hang")
                running.send(SIGHUP)
            }
            #expect(outcome.code == 1, "\(outcome.errors)")
            #expect(Set(try RunFiles(scratch).verdicts) == ["harness.hang crashed", "harness.pass pass"])
        }

        /// The shell is QEMU's terminal, and ends as the other commands do.
        @Test(arguments: all)
        func whileAShellIsOpen(_ signal: Int32) async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(["shell", "--kernel", UnderTest.kernel], in: scratch, limit: Self.limit) { running in
                try await waitUntil("QEMU runs") { !Processes.guests(running.mark).isEmpty }
                let guest = try #require(Processes.guests(running.mark).first)
                // None of them is blocked or ignored in QEMU: it gets what is sent to its process group.
                let masks = ["SigBlk", "SigIgn"].map { Processes.signals(guest.id, $0) }
                for number in Self.all + [SIGQUIT] { #expect(masks.allSatisfy { $0 & 1 << (UInt64(number) - 1) == 0 }, "signal \(number): \(masks)") }
                running.send(signal)
            }
            check(outcome, signal)
        }

        @Test func aKilledGuestOfAShell() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(["shell", "--kernel", UnderTest.kernel], in: scratch, limit: Self.limit) { running in
                try await waitUntil("QEMU runs") { !Processes.guests(running.mark).isEmpty }
                for guest in Processes.guests(running.mark) { kill(guest.id, SIGKILL) }
            }
            #expect(outcome.code == 3 && outcome.errors.contains("QEMU was killed by signal 9"), "\(outcome.errors)")
        }

        /// A QEMU that another process stops does not hang the run, and is no hang of the kernel.
        @Test func aStoppedQEMU() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "harness.[ha]*", ["--jobs", "1", "--timeout-scale", "10"], in: scratch) { running in
                try await running.begins("harness.hang")
                for guest in Processes.guests(running.mark) { kill(guest.id, SIGSTOP) }
            }
            #expect(outcome.code == 1, "\(outcome.errors)")
            let files = try RunFiles(scratch)
            #expect(files.verdicts == ["harness.hang crashed", "harness.after pass"])
            #expect(try files.result("harness.hang").reason == "QEMU was stopped by another process and did not continue")
        }

        @Test func aStoppedCompiler() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(
                ["build", "--kernel", try EndlessWork.tree(in: scratch)], in: scratch, environment: scratch.cache, limit: Self.limit
            ) { running in
                try await running.prints("compiling Linux 9.1.0")
                try await waitUntil("the compiler waits") { EndlessWork.isWaiting(running) }
                for process in Processes.marked(running.mark) where process.program == "make" { kill(process.id, SIGSTOP) }
            }
            #expect(
                outcome.code == 3 && outcome.errors.contains("was stopped and did not continue, so it was ended: make (process "), "\(outcome.errors)"
            )
        }

        /// After SIGKILL nobody removes the folder of the sockets. The next command does, whatever it is.
        @Test func theNextCommandRemovesWhatAKilledOneLeft() async throws {
            let scratch = try TemporaryFolder()
            let folder = Mutex("")
            _ = try await Product.run(filter: "harness.hang", ["--timeout-scale", "10"], in: scratch, tidy: false) { running in
                try await running.begins("harness.hang")
                folder.withLock { $0 = running.environment["XDG_RUNTIME_DIR"] ?? "" }
                running.send(SIGKILL)
            }
            let left = folder.withLock { $0 }
            #expect(try FileManager.default.contentsOfDirectory(atPath: left).count == 1)
            let next = try await Product.run(["doctor"], in: scratch, environment: ["XDG_RUNTIME_DIR": left])
            #expect(next.code == 0)
            #expect(try FileManager.default.contentsOfDirectory(atPath: left) == [])
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
