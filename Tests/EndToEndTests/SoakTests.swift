// SPDX-License-Identifier: GPL-2.0

import TestSupport
import Testing

extension EndToEnd {
    /// Random sequences: the same seed draws the same ones, and one of them runs by its name.
    @Suite struct Soak {
        @Test func aSeedDrawsTheSameSequences() async throws {
            var drawn: [[Substring]] = []
            for round in 0..<2 {
                let scratch = try TemporaryFolder()
                let outcome = try await Product.run(
                    ["soak", "--seed", "3", "--minutes", "0.001", "--length", "4", "--jobs", "1", "--out", scratch.results], in: scratch)
                #expect(outcome.code == 0, "\(outcome.errors)")
                #expect(outcome.output.contains("soak: seed 3, 4 sequences, 16 moves"), "\(outcome.output)")
                #expect(outcome.output.contains("soak: none failed"))
                let names = outcome.errors.split(whereSeparator: { $0 == " " || $0 == "\n" }).filter { $0.hasPrefix("soak.") }
                #expect(names.count == 4, "round \(round): \(outcome.errors)")
                drawn.append(names)
            }
            #expect(drawn[0] == drawn[1])
        }

        /// Where every sequence is skipped, the exit status is 4.
        @Test func skippedSequencesDoNotPass() async throws {
            let scratch = try TemporaryFolder()
            // A built tree has no sources to build netdevsim from.
            let tree = try await BuiltTree.make(in: scratch)
            let outcome = try await Product.run(
                ["soak", "--kernel", tree, "--seed", "3", "--minutes", "5", "--length", "4", "--jobs", "1", "--out", scratch.results], in: scratch)
            #expect(outcome.code == 4, "\(outcome.errors)")
            #expect(outcome.output.contains("soak: seed 3, 0 sequences, 0 moves"), "\(outcome.output)")
            #expect(outcome.output.contains("soak: sequences were skipped: there is no netdevsim"), "\(outcome.output)")
            #expect(!outcome.output.contains("none failed"))
        }

        @Test func aSequenceRunsByItsName() async throws {
            let scratch = try TemporaryFolder()
            let name = "soak.zcrx.bind-connect-hold-down-close-end"
            let outcome = try await Product.run(["run", "--filter", name, "--out", scratch.results], in: scratch)
            #expect(outcome.code == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("ok 1 \(name)"), "\(outcome.output)")
        }
    }
}
