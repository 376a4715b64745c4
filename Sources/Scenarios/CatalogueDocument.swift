// SPDX-License-Identifier: GPL-2.0

public import Results

/// The catalogue as a document: docs/scenarios.md is what this gives (`ppiov list --markdown`).
public enum CatalogueDocument {
    public static func markdown() -> String {
        var text = """
            <!-- SPDX-License-Identifier: GPL-2.0 -->
            <!-- Made by `ppiov list --markdown > docs/scenarios.md`; a unit test compares. -->
            # Scenarios

            Every way a buffer can be lost that is tried. `ppiov run` takes the quick ones, `--all` all of them, `--filter GLOB` those whose
            name matches. A scenario expects, besides what its steps say, that every net_iov held is released, that every page pool goes,
            that every counter comes back, that the trace conforms to the life cycle, and that the kernel has nothing to complain of.

            | Family | Quick | All | |
            | --- | ---: | ---: | --- |

            """
        for family in shown {
            text += "| [\(family.name)](#\(family.name)) | \(family.scenarios.count { !$0.thorough }) | \(family.scenarios.count) | \(family.summary) |\n"
        }
        text += "| all | \(shown.reduce(0) { $0 + $1.scenarios.count { !$0.thorough } }) | \(shown.reduce(0) { $0 + $1.scenarios.count }) | |\n"
        for family in shown {
            text += "\n## \(family.name)\n\n\(family.summary.prefix(1).uppercased() + family.summary.dropFirst()).\n"
            if !family.reaches.isEmpty { text += "\nKernel code: \(family.reaches.map { "`\($0)`" }.joined(separator: ", ")).\n" }
            text += "\n| Scenario | | Needs | Expects |\n| --- | --- | --- | --- |\n"
            for scenario in family.scenarios {
                let needs = scenario.needs.map { $0.rawValue }.sorted().joined(separator: ", ")
                text += "| `\(scenario.id)`\(scenario.thorough ? " (--all)" : "") | \(scenario.summary) | \(needs) | \(words(scenario)) |\n"
            }
        }
        return text
    }

    private static var shown: [ScenarioFamily] { Catalogue.families.filter { family in !family.scenarios.allSatisfy { $0.hidden } } }

    private static func words(_ scenario: Scenario) -> String {
        let expectation = scenario.expectation
        var words: [String] = []
        if expectation.minimumHolds > 0 {
            let unit = expectation.provider == .pages ? "pages" : "net_iovs"
            words.append("\(expectation.provider.rawValue): \(expectation.minimumHolds) or more \(unit) held")
        } else {
            words.append("no net_iov held")
        }
        if let pools = expectation.pools { words.append("\(pools.count) \(pools.count == 1 ? "pool" : "pools") in turn") }
        if expectation.zeroCopy { words.append("nothing copied") }
        if expectation.payload { words.append("every byte") }
        if expectation.detachedPool { words.append("a pool detached with buffers out") }
        return words.joined(separator: "; ")
    }
}
