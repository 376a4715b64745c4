// SPDX-License-Identifier: GPL-2.0

import Foundation
import Testing

extension BlackBox {
    /// What the caller got wrong ends with 2, says what is wrong, and leaves nothing.
    @Suite struct Input {
        struct Case: Sendable, CustomTestStringConvertible {
            var arguments: [String]
            var says: [String]
            var testDescription: String { arguments.joined(separator: " ") }

            init(_ arguments: [String], says: [String]) {
                self.arguments = arguments
                self.says = says
            }
        }

        static let cases = [
            Case(["run", "--kernel", "/nonexistent"], says: ["/nonexistent", "debian:7.3"]),
            Case(["run", "--kernel", "/usr"], says: ["/usr is not a kernel source tree"]),
            Case(["run", "--kernel", "/etc/passwd"], says: ["neither a folder nor a tarball"]),
            Case(["run", "--kernel", "/dev/zero"], says: ["/dev/zero"]),
            Case(["run", "--kernel", "debian:nosuch"], says: ["debian:nosuch is not a kernel version"]),
            Case(["run", "--kernel", "debian:99.1"], says: ["debian:99.1 is not in Debian's suites", "linux-source-"]),
            Case(["run", "--kernel", Product.kernel, "--filter", "nothing.such"], says: ["no scenario matches \"nothing.such\""]),
            Case(["list", "--filter", "nothing.such"], says: ["no scenario matches \"nothing.such\""]),
            Case(["run", "--kernel", Product.kernel, "--profile", "nosuch"], says: ["profile \"nosuch\"", "known profiles: "]),
            Case(["run", "--kernel", Product.kernel, "--set", "FOO_NO_SUCH=y"], says: ["CONFIG_FOO_NO_SUCH: wanted y, got n"]),
            Case(["run", "--kernel", Product.kernel, "--set", "nonsense"], says: ["--set nonsense is not an option"]),
            Case(["run", "--kernel", Product.kernel, "--config", "/nonexistent"], says: ["/nonexistent"]),
            Case(["run", "--kernel", Product.kernel, "--allow", "/nonexistent"], says: ["allow-list /nonexistent"]),
            Case(["run", "--no-such-option"], says: ["--no-such-option", "Usage:"]),
            Case(["nosuch"], says: ["nosuch", "Usage:"]),
            Case(["run", "--memory", "100"], says: ["--memory takes 256 to 65536 MiB, not 100"]),
            Case(["run", "--memory", "much"], says: ["'much' is invalid for '--memory"]),
            Case(["run", "--cpus", "0"], says: ["--cpus takes"]),
            Case(["run", "--jobs", "0"], says: ["--jobs takes"]),
            Case(["run", "--accel", "magic"], says: ["--accel takes"]),
            Case(["run", "--isolate", "nobody"], says: ["--isolate takes"]),
            Case(["run", "--timeout-scale", "0"], says: ["--timeout-scale takes"]),
            Case(["run", "--timeout-scale", "nan"], says: ["--timeout-scale takes"]),
            Case(["model", "--design", "nosuch"], says: ["there is beforeRework, rework, unifiedRefCount, and no \"nosuch\""]),
            Case(["model", "--fault", "nosuch"], says: ["there is no fault \"nosuch\"; --list-faults names them"]),
            Case(["model", "--design", "beforeRework", "--fault", "put-not-atomic"], says: ["put-not-atomic has nothing to break there"]),
            Case(["model", "--buffers", "9"], says: ["--buffers takes 1 to 4, not 9"]),
            Case(["soak", "--minutes", "0"], says: ["--minutes takes a number above 0"]),
            Case(["soak", "--length", "1"], says: ["--length takes 2 to 24, not 1"]),
            Case(["soak", "--provider", "none"], says: ["--provider takes devmem or zcrx"]),
            Case(["soak", "--seed", "-1"], says: ["--seed"]),
            Case(["run", "--filter", "soak.zcrx.bind-bind"], says: ["no scenario matches"]),
            Case(["mutants", "--narrow", "--whole"], says: ["exclude each other"]),
            Case(["mutants", "--runs", "0"], says: ["--runs takes 1 to 100, not 0"]),
            Case(["check"], says: ["Missing expected argument"]),
            Case(["check", "/nonexistent"], says: ["there is no /nonexistent", "docs/trace.md"]),
            Case(["check", "/usr"], says: ["/usr has no raw trace pages"]),
            Case(["check", "--begin", "nosuch", "/usr"], says: ["there is no-net-iovs, no-pools, unknown, and no \"nosuch\""]),
        ]

        @Test(arguments: cases)
        func isRefused(_ wrong: Case) async throws {
            let scratch = try Scratch()
            let outcome = try await Product.run(wrong.arguments + (wrong.arguments[0] == "run" ? ["--out", scratch.results] : []), in: scratch)
            #expect(outcome.code == 2, "\(outcome.errors)")
            #expect(outcome.output.isEmpty)
            for words in wrong.says { #expect(outcome.errors.contains(words), "\(outcome.errors)") }
            #expect(!scratch.has("results"))
        }

        @Test func resultsFolderInUseIsRefusedBeforeAnyWork() async throws {
            let scratch = try Scratch()
            try scratch.write("results/precious", "mine")
            let outcome = try await Product.run(filter: "selftest.pass", in: scratch)
            #expect(outcome.code == 2, "\(outcome.errors)")
            #expect(outcome.errors.contains("\(scratch.results) is not empty") && !outcome.errors.contains("built already"))
            #expect(scratch.everything.filter { $0.hasPrefix("results/") } == ["results/precious"])
        }

        @Test func resultsFolderThatIsAFileIsRefused() async throws {
            let scratch = try Scratch()
            try scratch.write("results", "mine")
            let outcome = try await Product.run(filter: "selftest.pass", in: scratch)
            #expect(outcome.code == 2 && outcome.errors.contains(scratch.results), "\(outcome.errors)")
            #expect(try scratch.text("results") == "mine")
        }

        /// Where KVM works this shows that it is used; elsewhere that its absence is a failure with a reason, never a silent TCG.
        @Test func wishForKVMIsMetOrRefused() async throws {
            let scratch = try Scratch()
            let outcome = try await Product.run(filter: "selftest.pass", ["--accel", "kvm"], in: scratch)
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
