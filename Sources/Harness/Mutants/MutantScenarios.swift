// SPDX-License-Identifier: GPL-2.0

import Scenarios

/// The scenarios that run against a mutant.
enum MutantScenarios {
    /// Those of its filter: the quick ones, then the thorough ones. Scenarios that end the unmodified kernel are left out.
    static func first(_ mutant: Mutant) -> [Scenario] {
        var chosen: Set<String> = []
        let all = mutant.filter.flatMap { Catalogue.select($0, all: true) + MutantDraw.scenarios($0) }
            .filter { chosen.insert($0.id).inserted && !$0.hidden && !KnownBugs.ending.contains($0.id) }
        return all.filter { !$0.thorough } + all.filter { $0.thorough }
    }

    /// The quick scenarios that its filter does not name.
    static func rest(_ mutant: Mutant) -> [Scenario] {
        let first = Set(first(mutant).map(\.id))
        return Catalogue.select(nil).filter { !first.contains($0.id) }
    }
}
