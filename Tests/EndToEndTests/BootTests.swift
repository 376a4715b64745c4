// SPDX-License-Identifier: GPL-2.0

import TestSupport
import Testing

extension EndToEnd {
    /// A kernel that does not boot gives no verdict: exit status 3, and the console as a file.
    @Suite struct Boot {
        private func boot(damage: [UInt8], scale: String) async throws -> Outcome {
            let scratch = try TemporaryFolder()
            let tree = try await BuiltTree.make(in: scratch, damage: damage)
            let outcome = try await Product.run(
                ["run", "--kernel", tree, "--filter", "harness.pass", "--timeout-scale", scale, "--out", scratch.results],
                in: scratch, environment: scratch.cache)
            #expect(outcome.code == 3, "\(outcome.errors)")
            #expect(outcome.output.isEmpty, "a kernel that does not boot has no verdict")
            #expect(outcome.errors.contains(scratch.results + "/boot-console.log"), "\(outcome.errors)")
            #expect(scratch.has("results/boot-console.log"))
            let leftovers = scratch.everything.filter { $0.hasSuffix(".making") || $0.hasSuffix("/memory") || $0.contains(".tmp-") }
            #expect(leftovers.isEmpty)
            return outcome
        }

        /// `hlt` all over the text: the CPU stops, and no interrupt starts it again.
        @Test func kernelThatStopsReachesTheDeadline() async throws {
            let outcome = try await boot(damage: [0xf4], scale: "0.1")
            #expect(outcome.errors.contains("was not ready within "), "\(outcome.errors)")
        }

        /// `ud2` all over the text: a triple fault, which ends QEMU long before the deadline.
        @Test func kernelThatEndsQEMUEndsTheWait() async throws {
            let outcome = try await boot(damage: [0x0f, 0x0b], scale: "4")
            #expect(outcome.errors.contains("the guest ended before its agent was ready"), "\(outcome.errors)")
        }
    }
}
