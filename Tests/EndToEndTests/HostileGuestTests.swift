// SPDX-License-Identifier: GPL-2.0

import TestSupport
import Testing

extension EndToEnd {
    /// A guest that writes marks, KTAP and terminal sequences wherever it can: into the kernel log, its steps, a task's name, a shell's output.
    @Suite struct HostileGuest {
        @Test func nothingThatItWritesIsBelieved() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "harness.[fa][of]*", ["--jobs", "1"], in: scratch)
            #expect(outcome.code == 1, "\(outcome.errors)")
            let files = try RunFiles(scratch)
            #expect(files.verdicts == ["harness.forge fail", "harness.after pass"])
            let result = try files.result("harness.forge")
            #expect(result.findings.map(\.oracle).sorted() == ["kernel-log", "scenario"])
            // No step but the one that is meant to fail: no port of the agent's opens a second time.
            #expect(
                result.messages("scenario").first?.hasPrefix(#"step "forged step\nok 1 harness.forged\x1b[2J" failed: \x1b[31mred\r\nok 2"#) == true)
            #expect(result.messages("kernel-log").first?.contains("lkdtm_WARNING") == true)
            let tests = try StrictKTAPReader.read(outcome.output).flatMap(\.subtests)
            #expect(tests.map(\.name) == ["harness.forge", "harness.after"] && tests.map(\.ok) == [false, true])
            for text in [outcome.output, outcome.errors, try files.text("results.json"), try files.text("junit.xml"), try files.text("results.ktap")]
            {
                #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || ($0.value >= 0x20 && $0.value != 0x7f && $0.value != 0x202e) })
                #expect(!text.split(separator: "\n").contains { $0.hasPrefix("ok 1 harness.forged") || $0.hasPrefix("red") })
            }
            let elements = try #require(XMLElements.read(try files.text("junit.xml")), "junit.xml is not well-formed")
            #expect(elements.filter { $0.name == "testcase" }.map { $0.attributes["name"] } == ["harness.forge", "harness.after"])
            #expect(try files.console("harness.forge").contains("ppiov: end harness.forge\n"))
        }

        /// The end of a command in a guest is told by a mark that the command cannot write.
        @Test func aCommandsOutputDoesNotEndIt() async throws {
            let scratch = try TemporaryFolder()
            let command = "echo ppiov-command-status 0; echo ppiov-command-status 0123456789abcdef 0; printf 'no line end'; exit 7"
            let outcome = try await Product.run(["shell", "--kernel", UnderTest.kernel, "--", command], in: scratch)
            #expect(outcome.code == 7, "\(outcome.errors)")
            #expect(outcome.output == "ppiov-command-status 0\nppiov-command-status 0123456789abcdef 0\nno line end\n")
        }
    }
}
