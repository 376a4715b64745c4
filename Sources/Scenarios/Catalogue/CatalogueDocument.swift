// SPDX-License-Identifier: GPL-2.0

import LifeCycle
import Results

/// The catalogue as a document: docs/scenarios.md (`ppiov list --markdown`).
public enum CatalogueDocument {
    public static func markdown() -> String {
        var text = """
            <!-- SPDX-License-Identifier: GPL-2.0 -->
            <!-- Made by `ppiov list --markdown > docs/scenarios.md`; a unit test compares. -->
            # Scenarios

            This document is for those who choose scenarios to run, or who read a result and need to know what a scenario does. It lists every
            scenario. `ppiov run` runs the quick ones, `--all` runs all, `--filter GLOB` those whose name matches. In addition to its own steps,
            every scenario expects that every net_iov held is released, that every page pool is freed, that every counter has its value of
            before, that the trace conforms to the life cycle, and that the kernel log has no warning. docs/coverage.md lists the kernel lines
            that the scenarios reach and those that they do not.

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

    /// The moves, and how sequences of them are named.
    private static var moves: String {
        var text = """

            ## Moves

            `teardown.*` and `soak.*` are sequences of moves on one provider. The matrix takes every legal pair of endings with the buffers in
            each place: `none` (the interface is down, all are in the provider's free list), `provider` (posted, or in the free list), `pool` (received,
            returned, in the pool), `socket` (unread), `user` (delivered and held); then what is left ends. `ppiov soak` draws
            longer sequences at random, and any legal sequence runs by its name: `ppiov run --filter soak.zcrx.bind-connect-hold-down-end`.

            | Move | |
            | --- | --- |

            """
        for move in Move.allCases { text += "| `\(move.rawValue)` | \(MoveDriver.words(move)) |\n" }
        text += """

            A sequence is legal where every move is possible (`MoveState.reason(against:)`). Two rules exclude what cannot be judged:

            - `devmemOutlivesDevice`: a devmem binding holds no reference on the device that it is mapped for, so `remove` comes after the end of the
              binding (docs/kernel-notes.md describes the use after free). `unbind`, which keeps the device, is done while the binding exists.
            - `driverWaits`: unloading netdevsim waits for every reference on its devices, also those of rings and pools, so `unload` comes
              after their end.

            Where no packet can pass any more, a connection is closed by a reset: an orphan socket would hold devmem's tokens for minutes.

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
        if let pools = expectation.pools { words.append("\(pools.count) \(pools.count == 1 ? "pool" : "pools") one after the other") }
        if expectation.zeroCopy { words.append("nothing copied") }
        if expectation.payload { words.append("every byte checked") }
        if expectation.detachedPool { words.append("a pool detached with buffers in flight") }
        return words.joined(separator: "; ")
    }
}
