// SPDX-License-Identifier: GPL-2.0

import LifeCycle
import Results

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
            Which lines of the kernel they reach, and which not: docs/coverage.md.

            | Family | Quick | All | |
            | --- | ---: | ---: | --- |

            """
        for family in shown {
            text +=
                "| [\(family.name)](#\(family.name)) | \(family.scenarios.count { !$0.thorough }) | \(family.scenarios.count) | \(family.summary) |\n"
        }
        text += "| all | \(shown.reduce(0) { $0 + $1.scenarios.count { !$0.thorough } }) | \(shown.reduce(0) { $0 + $1.scenarios.count }) | |\n"
        text += moves
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

    /// The words that sequences are made of.
    private static var moves: String {
        var text = """

            ## Moves

            `teardown.*` and `soak.*` are sequences of moves on one provider. The matrix takes every legal pair of endings with the buffers in
            each place: `none` (the interface is down, the provider has them all), `provider` (posted, or with the provider), `pool` (received,
            given back, in the pool), `socket` (unread), `user` (delivered and kept); then whatever is left ends. `ppiov soak` draws
            longer sequences at random, and any legal sequence runs by its name: `ppiov run --filter soak.zcrx.bind-connect-hold-down-end`.

            | Move | |
            | --- | --- |

            """
        for move in Move.allCases { text += "| `\(move.rawValue)` | \(MoveScenarios.words(move)) |\n" }
        text += """

            Legal is what can be done at all (`MoveState.reason(against:)`), and two rules leave out what cannot be judged:

            - `devmemOutlivesDevice`: a devmem binding holds no reference on the device it is mapped for, so `remove` waits for its end
              (docs/kernel-notes.md has the use after free). `unbind`, after which the device is still there, is made with the binding alive.
            - `driverWaits`: unloading netdevsim waits for every reference on its devices, rings and pools included, so `unload` comes when
              they are gone.

            Where no packet gets through any more, a connection is closed by a reset: an orphan would keep devmem's tokens for minutes.

            """
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
