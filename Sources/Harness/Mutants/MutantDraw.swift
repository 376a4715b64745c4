// SPDX-License-Identifier: GPL-2.0

import LifeCycle
import Results
import Scenarios

/// The random sequences that a filter such as "soak.zcrx.*" means. They are always the same, and the unmodified kernel has passed them.
enum MutantDraw {
    /// Sequences of each provider, and moves of each.
    static let count = 16
    static let length = 16

    /// Scenarios for a glob that matches any sequence of a provider; none for any other glob.
    static func scenarios(_ glob: String) -> [Scenario] {
        guard glob.hasPrefix("soak."), glob.hasSuffix("*") else { return [] }
        return [ModelProvider.zcrx, .devmem].filter { Glob.matches(glob, "soak.\($0.rawValue).") }.flatMap { provider in
            var random = SeededGenerator(seed: 1)
            return (0..<count).compactMap { _ in
                Catalogue.named(MoveSequence.prefix + MoveSequence(provider, length: length, using: &random).text)
            }
        }
    }
}
