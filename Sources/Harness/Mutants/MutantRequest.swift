// SPDX-License-Identifier: GPL-2.0

/// Which mutants to run, and how.
public struct MutantRequest: Sendable {
    /// Which scenarios run against a mutant.
    public enum Reach: Sendable {
        /// Those of its `Filter:`.
        case filter
        /// Those of its `Filter:`, then the quick ones, up to the first that fails.
        case quick
        /// The same, to the last.
        case whole
    }

    /// The kernel is the unmodified one; its profile is replaced by each mutant's.
    public var settings: RunSettings
    public var mutants: [Mutant]
    /// How often the scenario that catches a mutant runs.
    public var runs: Int
    public var reach: Reach

    public init(_ settings: RunSettings, mutants: [Mutant], runs: Int, reach: Reach) {
        self.settings = settings
        self.mutants = mutants
        self.runs = runs
        self.reach = reach
    }
}
