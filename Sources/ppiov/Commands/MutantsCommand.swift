// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Harness

struct MutantsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mutants",
        abstract: "Break the kernel on purpose, one bug at a time, and list the scenarios that fail.",
        discussion: """
            Each mutant is a patch with one life-cycle bug (docs/mutants.md). It is applied to a copy of the kernel's source in the cache \
            and built incrementally. The scenarios that its header names run first, then the quick ones, up to the first that fails, while \
            the next mutant is built. The unmodified kernel must pass the same scenarios; those it has passed are stored.

            Standard output gets one line for each mutant when it is done: caught, with scenario and oracle; MISSED; FLAKY, where it is \
            caught in some of --runs only; does not build; does not boot. The results folder gets mutants.json, in the order of the names, \
            and the evidence of each run.

            EXAMPLES
              ppiov mutants                              all of them, on debian:7.3
              ppiov mutants 010 '*scrub*'                by number or name
              ppiov mutants --narrow                     the scenarios of each header only
              ppiov mutants --runs 3 --out /tmp/m        which are caught each time
              ppiov mutants --whole 050                  every quick scenario that fails
              ppiov mutants --mutants ~/mine --kernel ~/linux

            EXIT STATUS
              0    every mutant was caught, or its header has the reason why not
              1    one was missed, is flaky, or did not build or boot
              2    bad usage; a mutant cannot be read or does not apply
              3    the unmodified kernel fails a scenario, or the harness failed
              130  interrupted
            """)

    @Argument(help: ArgumentHelp("Mutants by name (shell patterns) or number. (default: all)", valueName: "glob"))
    var globs: [String] = []

    @Option(help: ArgumentHelp("The folder of the mutants. (default: the repository's mutants/)", valueName: "folder"))
    var mutants: String?

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The unmodified kernel: as for `ppiov run`, but not a tree that is built already.", valueName: "tree|tarball|debian:VERSION"))
    var kernel = "debian:7.3"

    @Option(help: ArgumentHelp("A kernel option to set (K=y, K=m, K=n, K=value); may be repeated.", valueName: "K=V"))
    var set: [String] = []

    @OptionGroup(title: "Build") var build: BuildOptions
    @OptionGroup(title: "Machine") var machine: MachineArguments

    @Option(help: ArgumentHelp("How often the scenario that catches a mutant runs.", valueName: "n"))
    var runs = 1

    @Flag(help: "Run only the scenarios that a mutant's header names.")
    var narrow = false

    @Flag(help: "Do not stop at the first scenario that fails: list them all.")
    var whole = false

    @OptionGroup var results: OutOption
    @OptionGroup var machines: JobsOption

    func validate() throws {
        guard (1...100).contains(runs) else { throw ValidationError("--runs takes 1 to 100, not \(runs)") }
        guard !(narrow && whole) else { throw ValidationError("--narrow and --whole exclude each other") }
    }

    func run() async throws {
        let build = build
        try await Failure.reporting(
            {
                let settings = RunSettings(
                    kernel: KernelRequest(source: kernel, sets: set), machine: machine.options, jobs: machines.jobs,
                    buildJobs: build.jobs, out: results.out, command: Invocation.arguments)
                return MutantRequest(
                    settings, mutants: try Mutant.load(try mutants ?? InstallLayout.mutants(), matching: globs), runs: runs,
                    reach: narrow ? .filter : whole ? .whole : .quick)
            },
            { request in
                let width = request.mutants.map(\.name.count).max() ?? 0
                let session = MutantSession(try await Invocation.context(wantsSandbox: build.wantsSandbox))
                let (table, place) = try await session.run(request) { Console.output(MutantText.line($0, width: width) + "\n") }
                Console.output(MutantText.summary(table.totals) + "\n")
                Console.results(in: place)
                return table.mutants.allSatisfy(\.isGood) ? 0 : 1
            })
    }
}
