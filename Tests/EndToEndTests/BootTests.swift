// SPDX-License-Identifier: GPL-2.0

import TestSupport
import Testing

extension EndToEnd {
    /// A kernel that does not boot is the harness's failure to do its work, told once, with the console to read.
    @Suite struct Boot {
        private func boot(damage: [UInt8]) async throws -> Outcome {
            let scratch = try TemporaryFolder()
            let tree = try await BuiltTree.make(in: scratch, damage: damage)
            let outcome = try await Product.run(
                ["run", "--kernel", tree, "--filter", "selftest.pass", "--timeout-scale", "0.1", "--out", scratch.results],
                in: scratch, environment: scratch.cache)
            #expect(outcome.code == 3, "\(outcome.errors)")
            #expect(outcome.output.isEmpty, "a kernel that does not boot has no verdict")
            #expect(outcome.errors.contains(scratch.results + "/boot-console.log"), "\(outcome.errors)")
            #expect(scratch.has("results/boot-console.log"))
            let leftovers = scratch.everything.filter { $0.hasSuffix(".making") || $0.hasSuffix("/memory") || $0.contains(".tmp-") }
            #expect(leftovers.isEmpty)
            return outcome
        }

        /// `hlt` all over the text: the CPU stops and no interrupt wakes it.
        @Test func silentKernelMeetsItsDeadline() async throws {
            let outcome = try await boot(damage: [0xf4])
            #expect(outcome.errors.contains("was not ready within "), "\(outcome.errors)")
        }

        /// `ud2` all over the text: a triple fault, which ends QEMU.
        @Test func dyingKernelIsNotWaitedFor() async throws {
            let outcome = try await boot(damage: [0x0f, 0x0b])
            #expect(outcome.errors.contains("the guest ended before its agent was ready"), "\(outcome.errors)")
        }
    }
}
