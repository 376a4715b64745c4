// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Other processes on the same machine: a second run, and readers of the output that end before ppiov does.
    @Suite struct OtherProcesses {
        @Test func twoRunsShareAnEmptyCache() async throws {
            let (first, second) = (try TemporaryFolder(), try TemporaryFolder())
            let tree = try await BuiltTree.make(in: first)
            async let one = run(tree, first, cache: first)
            async let two = run(tree, second, cache: first)
            let outcomes = [try await one, try await two]
            #expect(outcomes.map(\.code) == [0, 0], "\(outcomes.map(\.errors))")
            for scratch in [first, second] { #expect(try RunFiles(scratch).verdicts == ["harness.pass pass"]) }
            // One booted the kernel, and the other waited for its snapshot.
            #expect(outcomes.count { $0.errors.contains("booting the kernel") } == 1)
        }

        private func run(_ tree: String, _ scratch: TemporaryFolder, cache: TemporaryFolder) async throws -> Outcome {
            try await Product.run(
                ["run", "--kernel", tree, "--filter", "harness.pass", "--out", scratch.results], in: scratch, environment: cache.cache)
        }

        /// Shells that run their arguments with an output that cannot be written, or whose reader ends early, and the exit code of ppiov, which goes
        /// to the file `code`. A verdict that nobody was told is none; standard error has no verdict.
        @Test(
            arguments: [
                ("{ \"$@\"; echo $? > code; } | true", 141), ("{ \"$@\" 2>&1; echo $? > code; } | head -1", 141),
                ("\"$@\" >&-; echo $? > code", 3),
                ("\"$@\" >&- 2>&- <&-; echo $? > code", 3), ("\"$@\" >/dev/full; echo $? > code", 3),
                ("\"$@\" 2>&-; echo $? > code", 0), ("\"$@\" 2>/dev/full; echo $? > code", 0),
            ])
        func aVerdictThatNobodyWasTold(_ shell: String, _ code: Int) async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "harness.pass", in: scratch, prefix: ["sh", "-c", shell, "sh"])
            #expect(scratch.text("code") == "\(code)\n")
            if !shell.contains("2>&"), code != 0 {
                #expect(outcome.errors.contains("the exit status would have been 0"), "\(outcome.errors)")
                #expect(outcome.errors.contains("hint: \(scratch.results) has the results"), "\(outcome.errors)")
            }
            let files = try RunFiles(scratch)
            #expect(files.verdicts == ["harness.pass pass"])
            #expect(try StrictKTAPReader.read(try files.text("results.ktap")).flatMap(\.subtests).map(\.ok) == [true])
        }

        /// The commands that run no kernel.
        @Test(arguments: [
            ["list", "--all"], ["list", "--markdown"], ["--help"], ["--version"], ["doctor", "--help"], ["series", "--help"], ["doctor"],
            ["model", "--list-faults"], ["model", "--buffers", "1"], ["check", "TRACE"], ["kselftest", "--list"],
            ["--generate-completion-script", "bash"],
        ])
        func outputOfOtherCommands(_ words: [String]) async throws {
            let scratch = try TemporaryFolder()
            let trace = try scratch.write(
                "trace.txt", " a-1 [000] ..... 1.000000: page_pool_state_hold: page_pool=ffff888001 netmem=ffff888041 is_net_iov=1 pfn=0x1 hold=1\n")
            let arguments = words.map { $0 == "TRACE" ? trace : $0 }
            let plain = try await Product.run(arguments, in: scratch)
            let full = try await Product.run(arguments, in: scratch, prefix: ["sh", "-c", "exec \"$@\" >/dev/full", "sh"])
            #expect(plain.code.map { $0 < 3 } == true && !plain.output.isEmpty && full.code == 3, "\(plain.code ?? -1): \(plain.errors)")
            #expect(full.errors.contains("cannot write standard output: No space left on device"), "\(full.errors)")
            let closed = try await Product.run(arguments, in: scratch, prefix: ["sh", "-c", "exec \"$@\" >&-", "sh"])
            #expect(closed.code == 3)
            let ended = try await Product.run(arguments, in: scratch, prefix: ["sh", "-c", "{ \"$@\"; echo $? > code; } | true", "sh"])
            // A pipe takes a short output before its reader ends.
            #expect(ended.code == 0 && ["141\n", "\(plain.code ?? 0)\n"].contains(scratch.text("code") ?? ""))
        }

        /// The agent on a booted machine has no results folder: what standard output does not get is lost.
        @Test(arguments: [("list >/dev/full", 3), ("--help >&-", 3), ("list >/dev/null", 0)])
        func outputOfTheAgent(_ words: String, _ code: Int32) async throws {
            let agent = (Product.path as NSString).deletingLastPathComponent + "/ppiov-agent"
            #expect(try await runProgram(["sh", "-c", "exec 2>/dev/null; '\(agent)' \(words)"]).code == code)
        }

        /// The reader of a pipe that is full does not read: a signal still ends ppiov.
        @Test func aReaderThatDoesNotRead() async throws {
            let scratch = try TemporaryFolder()
            let fifo = scratch.path + "/pipe"
            #expect(mkfifo(fifo, 0o600) == 0)
            let reader = open(fifo, O_RDWR | O_CLOEXEC | O_NONBLOCK)
            defer { close(reader) }
            let bytes = [UInt8](repeating: 0x20, count: 4096)
            while write(reader, bytes, bytes.count) > 0 {}
            #expect(errno == EAGAIN)
            let outcome = try await Product.run(filter: "harness.pass", in: scratch, prefix: ["sh", "-c", "exec \"$@\" >\(fifo)", "sh"]) { running in
                try await running.prints("1/1 ok harness.pass")
                running.send(SIGTERM)
            }
            #expect(outcome.code == 130, "\(outcome.errors)")
            #expect(try RunFiles(scratch).verdicts == ["harness.pass pass"])
        }
    }
}
