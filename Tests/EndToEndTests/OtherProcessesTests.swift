// SPDX-License-Identifier: GPL-2.0

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

        /// Shells that run their arguments with an output that is closed, or closes early. The exit code of ppiov goes to the file `code`.
        @Test(arguments: [
            "{ \"$@\"; echo $? > code; } | true",
            "{ \"$@\" 2>&1; echo $? > code; } | head -1",
            "\"$@\" >&-; echo $? > code",
            "\"$@\" 2>&-; echo $? > code",
            "\"$@\" >&- 2>&- <&-; echo $? > code",
            "\"$@\" >/dev/full; echo $? > code",
        ])
        func closedOutputChangesNoVerdict(_ shell: String) async throws {
            let scratch = try TemporaryFolder()
            _ = try await Product.run(filter: "harness.pass", in: scratch, prefix: ["sh", "-c", shell, "sh"])
            #expect(scratch.text("code") == "0\n")
            let files = try RunFiles(scratch)
            #expect(files.verdicts == ["harness.pass pass"])
            #expect(try StrictKTAPReader.read(try files.text("results.ktap")).flatMap(\.subtests).map(\.ok) == [true])
        }
    }
}
