// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Foundation
import Harness
import Results
import Scenarios

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the scenarios by family: name, tier, what each does.",
        discussion: "Those that a run with the same --filter and --all would take; without either, the quick ones.")

    @OptionGroup var selection: SelectionOptions

    @Flag(help: "The whole catalogue as a document: docs/scenarios.md.")
    var markdown = false

    func run() throws {
        if markdown { return Console.output(CatalogueDocument.markdown()) }
        let selected = Result { () throws(NoScenario) in try Catalogue.select(any: selection.filter, all: selection.all) }
        guard case .success(let scenarios) = selected else {
            if case .failure(let none) = selected { Console.error("ppiov: \(none)") }
            throw ExitCode(HarnessError.Kind.input.rawValue)
        }
        let chosen = Set(scenarios.map { $0.id })
        let width = chosen.map { $0.count }.max() ?? 0
        for family in Catalogue.families {
            let shown = family.scenarios.filter { chosen.contains($0.id) }
            guard !shown.isEmpty else { continue }
            let quick = family.scenarios.count { !$0.thorough }
            let more = family.scenarios.count - quick
            let count = more == 0 ? "\(quick)" : "\(quick) quick, \(quick + more) with --all"
            Console.output("# \(family.name): \(family.summary) (\(count))\n")
            for scenario in shown {
                let padding = String(repeating: " ", count: width - scenario.id.count)
                let tier = scenario.tier.rawValue + String(repeating: " ", count: 9 - scenario.tier.rawValue.count)
                Console.output("\(scenario.id)\(padding)  \(tier)  \(scenario.summary)\n")
            }
        }
    }
}

struct BuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Build a kernel and netdevsim, or find them in the cache.",
        discussion: """
            The same source, configuration and compiler never builds twice; a changed tree builds incrementally. Prints what was built as \
            JSON. The tree is never written to.
            """)

    @OptionGroup var kernel: KernelOptions

    @Option(name: .shortAndLong, help: ArgumentHelp("Compilers at a time. (default: one for every processor)", valueName: "n"))
    var jobs: Int?

    func run() async throws {
        let request = kernel.request
        let jobs = jobs ?? Surroundings.processors
        try await Failure.reporting {
            let build = try await KernelBuilder(cache: Cache(), vm: try Surroundings.vm(), jobs: jobs, progress: Console.progress).build(request)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            Console.output(String(decoding: try encoder.encode(build), as: UTF8.self) + "\n")
            return 0
        }
    }
}

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Say what this machine has, what it lacks and how to get it.",
        discussion: "Ends with 3 where something is missing that nothing works without.")

    func run() async throws {
        try await Failure.reporting {
            let checks = await Doctor(cache: Cache(), agent: Surroundings.agent).examine()
            for check in checks {
                Console.output("\(check.missing ? "MISSING" : "ok     ") \(check.name): \(check.detail)\n")
                if let hint = check.hint { Console.output("        -> \(hint)\n") }
            }
            return checks.contains { $0.missing } ? HarnessError.Kind.harness.rawValue : 0
        }
    }
}
