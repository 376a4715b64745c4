// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Foundation
import Harness

struct BisectStepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bisect-step",
        abstract: "Judge one kernel for `git bisect run`.",
        discussion: """
            Builds the tree in its present state, and runs the scenario that failed in an earlier run; the exit status is the verdict: whether it fails in \
            the same way. The earlier run is one of the bad end: `ppiov run --kernel TREE --filter GLOB --out FOLDER`.

            EXAMPLES
              git bisect start BAD GOOD
              git bisect run ppiov bisect-step --kernel . --like FOLDER

            EXIT STATUS
              0    good: it passes in all --runs
              1    bad: it fails in the same way
              125  not judged: no build, no boot, another failure, or a skip
              129  bad usage or input
              130  interrupted
              131  the harness could not do its work: git bisect stops
            """)

    /// Exit codes that `git bisect run` stops at.
    static let badUsage: Int32 = 129
    static let harness: Int32 = 131

    @OptionGroup var kernel: SourceOptions
    @OptionGroup(title: "Build") var build: BuildOptions
    @OptionGroup(title: "Machine") var machine: MachineArguments

    @Option(
        help: ArgumentHelp(
            "The results folder of a run that failed; its first failure counts, or the first that matches --filter.", valueName: "folder"))
    var like: String

    @Option(name: .shortAndLong, help: ArgumentHelp("Which scenario of that run, where several failed.", valueName: "glob"))
    var filter: String?

    @Option(help: ArgumentHelp("Runs without a failure that make a kernel good; more than one where it does not fail each time.", valueName: "n"))
    var runs = 1

    @OptionGroup var allowed: AllowOptions

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The results folder; it must be new. (default: steps/TIME in the folder of --like)", valueName: "folder"))
    var out: String?

    @OptionGroup var machines: JobsOption

    func validate() throws {
        guard (1...1000).contains(runs) else { throw ValidationError("--runs takes 1 to 1000, not \(runs)") }
    }

    func run() async throws {
        // Not in the current folder: it is the tree under test.
        let out = out ?? "\(like)/steps/\(Int(Date().timeIntervalSince1970))-\(getpid())"
        let (kernel, build, machine, like, filter, runs, jobs, allowed) = (
            kernel.request, build, machine.options, like, filter, runs, machines.jobs, allowed
        )
        try await Failure.reporting {
            do {
                let symptom = try BisectSession.symptom(of: like, matching: filter)
                let settings = RunSettings(
                    kernel: kernel, machine: machine, jobs: jobs, buildJobs: build.jobs, out: out, allowList: try allowed.list(),
                    command: Invocation.arguments)
                let session = BisectSession(try await Invocation.context(wantsSandbox: build.wantsSandbox))
                try session.requireLike(like, kernel: kernel, machine: machine)
                let (test, folder) = try await session.step(BisectRequest(settings), symptom, runs: runs)
                Console.output(BisectText.line(test) + "\n")
                Console.results(in: folder)
                switch test.verdict {
                case .good: return 0
                case .bad: return 1
                case .skip, nil: return 125
                }
            } catch {
                // An interruption has its own code. For any other error, git bisect must store no verdict.
                try Task.checkCancellation()
                Console.error("ppiov: \(error)")
                return (error as? HarnessError)?.kind == .input ? Self.badUsage : Self.harness
            }
        }
    }
}
