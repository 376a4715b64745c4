// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Checks
import Foundation
import Harness
import Results
import Scenarios

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Build a kernel, boot it, run the scenarios, give the verdict.",
        discussion: """
            KTAP goes to standard output, progress to standard error, everything else to the results folder: results.ktap, \
            results.json, junit.xml, metadata.json, and per scenario its console, its events and its raw trace (docs/results.md).

            Machines start from a snapshot of the booted guest. A few scenarios of a group share one; the first that is not green ends \
            it, so a crash or a hang costs one scenario. --isolate scenario gives each its own. A kernel, image or snapshot that was made before is taken from the cache.

            EXAMPLES
              ppiov run                                       Debian's newest kernel that netdevsim's patch is known for
              ppiov run --kernel ~/linux --filter 'zcrx.*'     your tree, as it lies there; it is not written to
              ppiov run --kernel debian:7.2 --profile debug
              ppiov run --all --jobs 2                         before a series is posted
              ppiov run --kernel v7.3.tar.xz --set KASAN=y --out /tmp/r
              ppiov run --series v3.mbox                       with those patches on it (`ppiov series check`: each of them)
            """)

    @OptionGroup var kernel: KernelOptions
    @OptionGroup(title: "Machine") var machine: MachineArguments

    @OptionGroup var selection: SelectionOptions
    @OptionGroup var results: ResultsOptions

    @Option(
        help: ArgumentHelp(
            "What starts on a fresh kernel: each scenario, every few of a group until one fails, or nothing but the first.",
            valueName: "scenario|group|none"))
    var isolate = Isolation.group.rawValue

    @OptionGroup var allowed: AllowOptions

    @Flag(help: "Build what is missing, print QEMU's command line, run nothing.")
    var dryRun = false

    func validate() throws {
        guard Isolation(rawValue: isolate) != nil else { throw ValidationError("--isolate takes scenario, group or none, not \"\(isolate)\"") }
    }

    func run() async throws {
        let request = kernel.request
        let options = machine.options
        let isolation = Isolation(rawValue: isolate) ?? .group
        let (selection, results, allowed, dry) = (selection, results, allowed, dryRun)
        try await Failure.reporting {
            let scenarios = try selection.scenarios()
            let workshop = try Surroundings.workshop(Console.progress)
            if dry { return try await Self.dryRun(workshop, request, options) }
            let run = RunRequest(
                kernel: request, machine: options, scenarios: scenarios, isolation: isolation, jobs: results.jobs,
                buildJobs: Surroundings.processors, out: results.out, allowList: try allowed.list(), reproduce: Self.ownCommand)
            let outcome = try await RunSession(workshop: workshop, today: try Self.today()).run(run)
            Console.output(KTAP.document(outcome.results))
            Console.error(Summary.text(outcome.results))
            Console.error("results: \(outcome.folder)")
            if outcome.interrupted {
                Console.output("Bail out! interrupted\n")
                throw HarnessError(.interrupted, "interrupted after \(outcome.results.count) of \(scenarios.count) scenarios")
            }
            return Results.ExitCode(outcome.results).rawValue
        }
    }

    private static func dryRun(_ workshop: Workshop, _ kernel: KernelRequest, _ options: MachineOptions) async throws -> Int32 {
        let bench = try await workshop.prepare(kernel: kernel, machine: options, buildJobs: Surroundings.processors)
        Console.output(Command(options.qemu, bench.plan.line.arguments(sockets: "$SOCKETS")).line + "\n")
        return 0
    }

    static func today() throws -> Day {
        let parts = Calendar(identifier: .gregorian).dateComponents(in: .gmt, from: Date())
        guard let day = Day(year: parts.year ?? 0, month: parts.month ?? 0, day: parts.day ?? 0) else {
            throw HarnessError(.harness, "the clock shows no date")
        }
        return day
    }

    static var ownCommand: String { Command("ppiov", Array(CommandLine.arguments.dropFirst())).line }
}
