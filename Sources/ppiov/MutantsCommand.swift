// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Foundation
import Harness

struct MutantsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mutants",
        abstract: "Break the kernel on purpose, one bug at a time, and see whether the scenarios notice.",
        discussion: """
            Each mutant is a patch with one life-cycle bug (docs/mutants.md). It goes into a copy of the kernel's source in the cache, \
            is built incrementally, and meets the scenarios that its header names, then the quick ones, up to the first that fails, \
            while the next one is built. The unmodified kernel meets the same first and must pass them all; what it passed is remembered.

            A line each goes to standard output as it is done: caught, and by which scenario and oracle; MISSED; LUCK, where it was noticed \
            one time and not another (--runs); does not build; does not boot. The results folder gets mutants.json, in the order of \
            their names, and the evidence of each run.

            EXAMPLES
              ppiov mutants                              all of them, on debian:7.3
              ppiov mutants 010 '*scrub*'                those two kinds, by number or name
              ppiov mutants --narrow                     their own scenarios only: fast, while writing one
              ppiov mutants --runs 3 --out /tmp/m        which catches are luck
              ppiov mutants --whole 050                  every quick scenario that notices it
              ppiov mutants --mutants ~/mine --kernel ~/linux

            EXIT STATUS
              0    every mutant was caught, but for those whose header says why not
              1    one was missed, caught by luck, or did not build or boot
              2    bad usage; a mutant that is none or does not apply
              3    the unmodified kernel does not pass, or the harness could not do its work
              130  interrupted
            """)

    @Argument(help: ArgumentHelp("Mutants by name (shell patterns) or number. (default: all)", valueName: "glob"))
    var globs: [String] = []

    @Option(help: ArgumentHelp("The folder of the mutants. (default: the repository's mutants/)", valueName: "folder"))
    var mutants: String?

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The kernel that is broken: as for `ppiov run`, but not one that is built already.", valueName: "tree|tarball|debian:VERSION"))
    var kernel = "debian:7.3"

    @Option(help: ArgumentHelp("A kernel option to set (K=y, K=m, K=n, K=value); may be repeated.", valueName: "K=V"))
    var set: [String] = []

    @OptionGroup(title: "Machine") var machine: MachineArguments

    @Option(help: ArgumentHelp("How often each verdict is tried.", valueName: "n"))
    var runs = 1

    @Flag(help: "Only the scenarios that a mutant's header names.")
    var narrow = false

    @Flag(help: "Do not stop at the first scenario that notices: name them all.")
    var whole = false

    @OptionGroup var results: ResultsOptions

    func validate() throws {
        guard (1...100).contains(runs) else { throw ValidationError("--runs takes 1 to 100, not \(runs)") }
        guard !(narrow && whole) else { throw ValidationError("--narrow and --whole exclude each other") }
    }

    func run() async throws {
        let (globs, folder, results, runs) = (globs, mutants, results, runs)
        let kernel = KernelRequest(source: kernel, sets: set)
        let options = machine.options
        let reach: MutantRequest.Reach = narrow ? .filter : whole ? .whole : .quick
        try await Failure.reporting {
            let mutants = try Mutant.load(try folder ?? Surroundings.mutants(), matching: globs)
            let request = MutantRequest(
                kernel: kernel, machine: options, mutants: mutants, runs: runs, reach: reach, jobs: results.jobs, buildJobs: Surroundings.processors,
                out: results.out, reproduce: RunCommand.ownCommand)
            let width = mutants.map(\.name.count).max() ?? 0
            let session = MutantSession(workshop: try Surroundings.workshop(Console.progress), today: try RunCommand.today())
            let (table, place) = try await session.run(request) { Console.output(Self.line($0, width: width) + "\n") }
            Console.output(Self.summary(table.totals) + "\n")
            Console.error("results: \(place)")
            return table.mutants.allSatisfy(\.isGood) ? 0 : 1
        }
    }

    /// A line of the table.
    static func line(_ result: MutantResult, width: Int) -> String {
        var columns = [pad(result.verdict.word, 14), pad(result.name, width)]
        if let first = result.catches.first {
            columns.append(first.scenario)
            columns.append("\(first.oracle): \(first.message)".prefix(160).description)
            if result.tries > 1 { columns.append("(\(result.seen) of \(result.tries))") }
            if result.catches.count > 1 { columns.append("and by " + result.catches.dropFirst().map(\.scenario).joined(separator: " ")) }
            if result.explained != nil { columns.append("(its Missed: is out of date)") }
        } else if result.verdict == .missed {
            columns.append("by \(result.ran - result.skipped) scenarios\(result.tries > 1 ? ", \(result.tries) times" : "")")
            if let explained = result.explained { columns.append("explained: \(explained)") }
        }
        if let only = result.only { columns.append("[only \(only.rawValue)]") }
        if let note = result.note { columns.append("(\(note.prefix(200)))") }
        columns.append(String(format: "%.0f s + %.0f s", result.buildSeconds, result.runSeconds))
        return columns.joined(separator: "  ")
    }

    private static func pad(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }

    /// The last line.
    static func summary(_ totals: MutantTable.Totals) -> String {
        var parts = ["\(totals.caught) of \(totals.mutants) mutants caught"]
        if let percent = totals.percent { parts[0] += String(format: " (%.0f %% of those that boot)", percent) }
        if totals.luck > 0 { parts.append("\(totals.luck) by luck") }
        if totals.missed > 0 { parts.append("\(totals.missed) missed\(totals.explained > 0 ? ", \(totals.explained) of them explained" : "")") }
        if totals.doesNotBuild > 0 { parts.append("\(totals.doesNotBuild) did not build") }
        if totals.doesNotBoot > 0 { parts.append("\(totals.doesNotBoot) did not boot") }
        return parts.joined(separator: "; ")
    }
}
