// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Harness
import Results
import Scenarios

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the scenarios by family: name, tier, summary.",
        discussion: "Lists those that `ppiov run` runs with the same --filter and --all; without either, the quick ones.")

    @OptionGroup var selection: SelectionOptions

    @Flag(help: "Print the whole catalogue as the document docs/scenarios.md.")
    var markdown = false

    func run() throws {
        if markdown { return Console.output(CatalogueDocument.markdown()) }
        try Failure.reporting(plain: {
            Self.printList(try selection.scenarios())
            return 0
        })
    }

    private static func printList(_ scenarios: [Scenario]) {
        let chosen = Set(scenarios.map { $0.id })
        let width = chosen.map { $0.count }.max() ?? 0
        for family in Catalogue.families {
            let listed = family.scenarios.filter { chosen.contains($0.id) }
            guard !listed.isEmpty else { continue }
            let quick = family.scenarios.count { !$0.thorough }
            let more = family.scenarios.count - quick
            let count = more == 0 ? "\(quick)" : "\(quick) quick, \(quick + more) with --all"
            Console.output("# \(family.name): \(family.summary) (\(count))\n")
            for scenario in listed {
                var columns = TextColumns()
                columns.add(scenario.id, width: width)
                columns.add(scenario.tier.rawValue, width: 9)
                columns.add(scenario.summary)
                Console.output(columns.line + "\n")
            }
        }
    }
}
