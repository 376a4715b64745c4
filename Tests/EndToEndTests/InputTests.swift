// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Bad usage ends with 2, with an error that names the fault, and without a file.
    @Suite struct Input {
        struct Case: Sendable, CustomTestStringConvertible {
            var arguments: [String]
            var errors: [String]
            var testDescription: String { arguments.joined(separator: " ") }

            init(_ arguments: [String], errors: [String]) {
                self.arguments = arguments
                self.errors = errors
            }
        }

        static let cases = [
            Case(["run", "--kernel", "/nonexistent"], errors: ["/nonexistent", "debian:7.3"]),
            Case(["run", "--kernel", "/usr"], errors: ["/usr is not a kernel source tree"]),
            Case(["run", "--kernel", "/etc/passwd"], errors: ["neither a folder nor a tarball"]),
            Case(["run", "--kernel", "/dev/zero"], errors: ["/dev/zero"]),
            Case(["run", "--kernel", "debian:nosuch"], errors: ["debian:nosuch is not a kernel version"]),
            Case(["run", "--kernel", "debian:99.1"], errors: ["debian:99.1 is not in Debian's suites", "linux-source-"]),
            Case(["run", "--kernel", UnderTest.kernel, "--filter", "nothing.such"], errors: ["no scenario matches \"nothing.such\""]),
            Case(["list", "--filter", "nothing.such"], errors: ["no scenario matches \"nothing.such\""]),
            Case(
                ["run", "--kernel", UnderTest.kernel, "--profile", "nosuch"],
                errors: ["there is no kernel profile \"nosuch\"", "known profiles: debug, fast\n"]),
            Case(["run", "--kernel", UnderTest.kernel, "--set", "FOO_NO_SUCH=y"], errors: ["CONFIG_FOO_NO_SUCH: requested y, got n"]),
            Case(["run", "--kernel", UnderTest.kernel, "--set", "nonsense"], errors: ["--set nonsense is not an option"]),
            Case(["run", "--kernel", UnderTest.kernel, "--config", "/nonexistent"], errors: ["/nonexistent"]),
            Case(["run", "--kernel", UnderTest.kernel, "--allow", "/nonexistent"], errors: ["allow-list /nonexistent"]),
            Case(["run", "--no-such-option"], errors: ["--no-such-option", "Usage:"]),
            Case(["nosuch"], errors: ["nosuch", "Usage:"]),
            Case(["run", "--memory", "100"], errors: ["--memory takes 256 to 65536 MiB, not 100"]),
            Case(["run", "--memory", "much"], errors: ["'much' is invalid for '--memory"]),
            Case(["run", "--cpus", "0"], errors: ["--cpus takes"]),
            Case(["run", "--jobs", "0"], errors: ["--jobs takes"]),
            Case(["run", "--accel", "magic"], errors: ["'magic' is invalid for '--accel"]),
            Case(["run", "--isolate", "nosuch"], errors: ["'nosuch' is invalid for '--isolate"]),
            Case(["run", "--timeout-scale", "0"], errors: ["--timeout-scale takes"]),
            Case(["run", "--timeout-scale", "nan"], errors: ["--timeout-scale takes"]),
            Case(["model", "--design", "nosuch"], errors: ["'nosuch' is invalid for '--design", "beforeRework"]),
            Case(["model", "--fault", "nosuch"], errors: ["there is no fault \"nosuch\"; --list-faults lists them"]),
            Case(["model", "--design", "beforeRework", "--fault", "put-not-atomic"], errors: ["the fault put-not-atomic does not apply there"]),
            Case(["model", "--buffers", "9"], errors: ["--buffers takes 1 to 4, not 9"]),
            Case(["soak", "--minutes", "0"], errors: ["--minutes takes a number above 0"]),
            Case(["soak", "--length", "1"], errors: ["--length takes 2 to 24, not 1"]),
            Case(["soak", "--provider", "none"], errors: ["'none' is invalid for '--provider"]),
            Case(["soak", "--seed", "-1"], errors: ["--seed"]),
            Case(["run", "--filter", "soak.zcrx.bind-bind"], errors: ["no scenario matches"]),
            Case(["mutants", "--narrow", "--whole"], errors: ["exclude each other"]),
            Case(["mutants", "--runs", "0"], errors: ["--runs takes 1 to 100, not 0"]),
            Case(["check"], errors: ["Missing expected argument"]),
            Case(["check", "/nonexistent"], errors: ["there is no /nonexistent", "docs/trace.md"]),
            Case(["check", "/usr"], errors: ["/usr has no raw trace pages"]),
            Case(["check", "--begin", "nosuch", "/usr"], errors: ["'nosuch' is invalid for '--begin", "no-net-iovs"]),
        ]

        @Test(arguments: cases)
        func isRefused(_ wrong: Case) async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(wrong.arguments + (wrong.arguments[0] == "run" ? ["--out", scratch.results] : []), in: scratch)
            #expect(outcome.code == 2, "\(outcome.errors)")
            #expect(outcome.output.isEmpty)
            for text in wrong.errors { #expect(outcome.errors.contains(text), "\(outcome.errors)") }
            #expect(!scratch.has("results"))
        }

        /// Read before the kernel is looked for.
        @Test(arguments: [
            (
                "commit \(String(repeating: "2", count: 40))\nAuthor: A <a@example.org>\n\n    b\n\n\(diff)\ncommit \(String(repeating: "1", count: 40))\n"
                    + "Author: A <a@example.org>\n\n    a\n\n\(diff)", ["it has 2 commits", "`git format-patch"]
            ),
            ("From: A <a@example.org>\nSubject: [PATCH 1/2] \u{1b}[31mx\n\nno diff\n", ["\"\\x1b[31mx\": there is no diff in it"]),
            ("From: A <a@example.org>\nSubject: x\nContent-Type: text/plain; format=flowed\n\n\(diff)", ["format=flowed", "git send-email"]),
        ])
        func seriesThatIsNotWhatItsAuthorWroteIsRefused(_ text: String, _ errors: [String]) async throws {
            let scratch = try TemporaryFolder()
            let file = try scratch.write("s.patch", text)
            let outcome = try await Product.run(["series", "check", file, "--kernel", "/nonexistent", "--out", scratch.results], in: scratch)
            #expect(outcome.code == 2, "\(outcome.errors)")
            #expect(outcome.output.isEmpty && !outcome.errors.contains("\u{1b}"))
            for text in errors { #expect(outcome.errors.contains(text), "\(outcome.errors)") }
        }

        private static let diff = "--- a/net/core/x.c\n+++ b/net/core/x.c\n@@ -1 +1 @@\n-a\n+b\n"

        @Test func resultsFolderInUseIsRefusedBeforeAnyWork() async throws {
            let scratch = try TemporaryFolder()
            try scratch.write("results/precious", "mine")
            let outcome = try await Product.run(filter: "harness.pass", in: scratch)
            #expect(outcome.code == 2, "\(outcome.errors)")
            #expect(outcome.errors.contains("\(scratch.results) is not empty") && !outcome.errors.contains("built already"))
            #expect(scratch.everything.filter { $0.hasPrefix("results/") } == ["results/precious"])
        }

        @Test func resultsFolderThatIsAFileIsRefused() async throws {
            let scratch = try TemporaryFolder()
            try scratch.write("results", "mine")
            let outcome = try await Product.run(filter: "harness.pass", in: scratch)
            #expect(outcome.code == 2 && outcome.errors.contains(scratch.results), "\(outcome.errors)")
            #expect(scratch.text("results") == "mine")
        }

        /// Where KVM works, it is used. Elsewhere the run fails with the reason, and does not fall back to TCG.
        @Test func requestedKVMIsUsedOrRefused() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "harness.pass", ["--accel", "kvm"], in: scratch)
            if outcome.code == 0 {
                #expect(try RunFiles(scratch).metadata().accelerator == "kvm")
            } else {
                #expect(outcome.code == 3, "\(outcome.errors)")
                let reason = outcome.errors.split(separator: "KVM does not work here: ").last ?? ""
                #expect(reason.contains("/dev/kvm") && reason.contains("--accel tcg"), "\(outcome.errors)")
                #expect(!scratch.has("results/results.json") && outcome.output.isEmpty)
            }
        }
    }
}
