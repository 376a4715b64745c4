// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Checks
import Foundation
import Harness
import LifeCycle
import Results

struct SoakCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak", abstract: "Run random legal sequences of moves until one fails, and shorten it.",
        discussion: """
            A move is what user space or an administrator does: bind, connect, receive and keep, leave unread, return, close, end, kill, \
            interface down and up, queue restart, another namespace, driver unbind, device removal, module unload. Each sequence starts \
            from the snapshot and is held to every oracle of `ppiov run`. The first that fails ends the soak: moves are left \
            out as long as the rest fails in the same way, and the command that runs the shortest again is printed.

            The seed is printed; the same seed draws the same sequences. docs/scenarios.md has the moves and their rules.

            EXAMPLES
              ppiov soak --minutes 30
              ppiov soak --seed 7 --provider zcrx --kernel ~/linux
              ppiov run --filter soak.zcrx.bind-connect-hold-down-end      one sequence again

            EXIT STATUS
              0    time was up and nothing had failed
              1    a sequence failed
              2    bad usage
              3    the kernel does not build or boot, or the harness failed
              4    nothing was tried: this kernel lacks what every sequence needs
              130  interrupted
            """)

    @OptionGroup var kernel: KernelOptions
    @OptionGroup(title: "Machine") var machine: MachineArguments

    @Option(help: ArgumentHelp("Draws the sequences. (default: a new one, which is printed)", valueName: "n"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("No sequence is begun after as many minutes.", valueName: "m"))
    var minutes = 10.0

    @Option(help: ArgumentHelp("Moves of a sequence, 2 to 24.", valueName: "n"))
    var length = 14

    @Option(
        help: ArgumentHelp("The provider: devmem, zcrx; may be repeated. (default: both in turn)", valueName: "name"),
        transform: { text in
            guard let provider = ModelProvider(rawValue: text), provider != .none else {
                throw ValidationError("--provider takes devmem or zcrx, not \"\(text)\"")
            }
            return provider
        })
    var provider: [ModelProvider] = []

    @OptionGroup var results: ResultsOptions
    @OptionGroup var allowed: AllowOptions

    func validate() throws {
        guard minutes > 0 && minutes < 100_000 else { throw ValidationError("--minutes takes a number above 0, not \(minutes)") }
        guard (2...24).contains(length) else { throw ValidationError("--length takes 2 to 24, not \(length)") }
    }

    func run() async throws {
        let seed = seed ?? UInt64.random(in: 1...999_999)
        let request = kernel.request
        let (options, providers, results, minutes, length, allowed) = (machine.options, provider, results, minutes, length, allowed)
        try await Failure.reporting {
            let begin = ContinuousClock.now
            let soak = SoakRequest(
                kernel: request, machine: options, providers: providers.isEmpty ? [.zcrx, .devmem] : providers, seed: seed,
                moves: length, time: .seconds(minutes * 60), jobs: results.jobs, buildJobs: Surroundings.processors, out: results.out,
                allowList: try allowed.list())
            let workshop = try Surroundings.workshop(Console.progress)
            let outcome = try await SoakSession(workshop: workshop, today: try RunCommand.today()).run(soak)
            let seconds = (ContinuousClock.now - begin).components.seconds
            Console.output("soak: seed \(seed), \(outcome.sequences) sequences, \(outcome.moves) moves, \(seconds) s\n")
            if let reason = outcome.skipped { Console.output("soak: sequences were skipped: \(reason)\n") }
            guard let failed = outcome.failed else {
                guard outcome.sequences > 0 else {
                    Console.output("soak: nothing was tried\n")
                    return Results.ExitCode.nothingRan.rawValue
                }
                Console.output("soak: none failed\n")
                return 0
            }
            Console.output("soak: failed: \(failed.scenario)\n")
            let shortest = outcome.shortest ?? failed
            Console.output("soak: shortest that fails so: \(shortest.scenario)\n")
            for finding in shortest.findings.prefix(3) { Console.output("      \(finding.oracle): \(finding.message)\n") }
            if let reason = shortest.reason { Console.output("      \(reason)\n") }
            Console.output("soak: it failed \(outcome.again.failed) of \(outcome.again.runs) times when run again\n")
            Console.output("soak: again: ppiov run \(kernel.words)--filter \(shortest.scenario)\n")
            Console.error("results: \(outcome.folder)")
            return Results.ExitCode([failed]).rawValue
        }
    }
}
