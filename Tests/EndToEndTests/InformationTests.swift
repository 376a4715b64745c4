// SPDX-License-Identifier: GPL-2.0

import TestSupport
import Testing

extension EndToEnd {
    /// The output of the commands that run no kernel: help, version, list, doctor.
    @Suite struct Information {
        @Test func helpHasPurposeCommandsAndExitCodes() async throws {
            let outcome = try await Product.run(["--help"], in: try TemporaryFolder())
            #expect(outcome.code == 0 && outcome.errors.isEmpty)
            #expect(outcome.output.contains("memory-provider buffer.") && outcome.output.contains("EXIT STATUS"))
            for code in ["0", "1", "2", "3", "4", "130"] {
                #expect(outcome.output.split(separator: "\n").contains { $0.hasPrefix("  \(code) ") }, "exit code \(code) is not explained")
            }
            for command in ["run", "soak", "mutants", "list", "build", "doctor"] {
                #expect(outcome.output.split(separator: "\n").contains { $0.hasPrefix("  \(command) ") }, "\(command) is not listed")
            }
        }

        @Test(arguments: [
            ["run", "Build a kernel, boot it, run the scenarios, give the verdict.", "--timeout-scale"],
            ["list", "List the scenarios", "--filter"],
            ["soak", "Run random legal sequences of moves", "--seed"],
            ["mutants", "Break the kernel on purpose", "--narrow"],
            ["build", "Build a kernel and netdevsim", "--profile"],
            ["doctor", "List what ppiov needs of this machine", "Ends with 3"],
        ])
        func helpOfACommand(_ words: [String]) async throws {
            let scratch = try TemporaryFolder()
            let long = try await Product.run(["help", words[0]], in: scratch)
            let short = try await Product.run([words[0], "--help"], in: scratch)
            #expect(long.code == 0 && long.errors.isEmpty && short.output == long.output)
            for text in words { #expect(long.output.contains(text), "\(long.output)") }
        }

        @Test func versionIsThatOfTheResults() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(["--version"], in: scratch)
            #expect(outcome.code == 0 && outcome.output.firstMatch(of: /^\d+\.\d+\.\d+\n$/) != nil)
        }

        @Test func listOmitsTheHarnessChecks() async throws {
            let scratch = try TemporaryFolder()
            let all = try await Product.run(["list"], in: scratch)
            let lines = all.output.split(separator: "\n")
            #expect(all.code == 0 && lines.count > 10)
            #expect(lines.contains { $0.hasPrefix("# teardown: ") })
            for line in lines where !line.hasPrefix("# ") {
                #expect(line.firstMatch(of: /^[a-z-]+(\.[a-z0-9-]+)+ +(nodev|netdevsim|hardware|harness) +\S/) != nil, "\(line)")
            }
            #expect(!lines.contains { $0.hasPrefix("harness.") })
            let chosen = try await Product.run(["list", "--filter", "zcrx.*"], in: scratch)
            #expect(chosen.code == 0)
            #expect(names(chosen) == names(all).filter { $0.hasPrefix("zcrx.") } && !names(chosen).isEmpty)
            let hidden = try await Product.run(["list", "--filter", "harness.p*"], in: scratch)
            #expect(names(hidden) == ["harness.pass", "harness.panic"])
        }

        private func names(_ list: Outcome) -> [Substring] {
            list.output.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0.prefix { $0 != " " } }
        }

        @Test func doctorFindsAMissingQEMU() async throws {
            let scratch = try TemporaryFolder()
            let complete = try await Product.run(["doctor"], in: scratch)
            #expect(
                complete.code == 0 && complete.output.contains("qemu-system-x86_64: /") && !complete.output.contains("MISSING"), "\(complete.output)")
            let missing = try await Product.run(["doctor"], in: scratch, environment: ["PATH": scratch.path])
            #expect(missing.code == 3 && missing.output.contains("MISSING qemu-system-x86_64") && missing.output.contains("apt-get install"))
        }

        @Test func dryRunPrintsQEMUsLineAndRunsNothing() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "harness.panic", ["--dry-run"], in: scratch)
            #expect(outcome.code == 0, "\(outcome.errors)")
            #expect(outcome.output.hasPrefix("qemu-system-x86_64 ") && outcome.output.split(separator: "\n").count == 1)
            for word in [" -kernel /", " -initrd /", " -append ", " -m 512M "] { #expect(outcome.output.contains(word)) }
            #expect(!scratch.has("results"))
        }
    }
}
