// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Harness
import LifeCycle
import Results

struct SoakCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak", abstract: "Run random legal sequences of moves until one fails, and shorten it.",
        discussion: """
            A move is an action of user space or an administrator: bind, connect, receive and hold, leave unread, return, close, end, kill, \
            interface down and up, queue restart, another namespace, driver unbind, device removal, module unload. Each sequence starts \
            from the snapshot and is judged by every oracle of `ppiov run`. The first that fails ends the soak: moves are left out as long \
            as the rest fails in the same way, and the command that runs the shortest sequence is printed.

            The seed is printed; the same seed draws the same sequences. docs/scenarios.md has the moves and their rules.

            EXAMPLES
              ppiov soak --minutes 30
              ppiov soak --seed 7 --provider zcrx --kernel ~/linux
              ppiov run --filter soak.zcrx.bind-connect-hold-down-end      one sequence

            EXIT STATUS
              0    no sequence failed within --minutes
              1    a sequence failed
              2    bad usage
              3    the kernel does not build or boot, or the harness failed
              4    no sequence ran: this kernel lacks what every sequence needs
              130  interrupted
            """)

    @OptionGroup var kernel: KernelOptions

    @Option(help: ArgumentHelp("Draws the sequences. (default: a random number, which is printed)", valueName: "n"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("Start no sequence after this many minutes.", valueName: "m"))
    var minutes = 10.0

    @Option(help: ArgumentHelp("Moves in a sequence, 2 to 24.", valueName: "n"))
    var length = 14

    @Option(help: ArgumentHelp("The memory provider; may be repeated. (default: both, alternating)", valueName: "name"))
    var provider: [SoakProvider] = []

    @OptionGroup var options: RunOptions

    enum SoakProvider: String, CaseIterable, ExpressibleByArgument {
        case zcrx, devmem

        var model: ModelProvider { self == .zcrx ? .zcrx : .devmem }
    }

    func validate() throws {
        guard minutes > 0 && minutes < 100_000 else { throw ValidationError("--minutes takes a number above 0, not \(minutes)") }
        guard (2...24).contains(length) else { throw ValidationError("--length takes 2 to 24, not \(length)") }
    }

    func run() async throws {
        let providers = (provider.isEmpty ? [.zcrx, .devmem] : provider).map(\.model)
        let (build, kernelWords) = (options.build, options.build.words + kernel.words)
        try await Failure.reporting(
            {
                SoakRequest(
                    try options.settings(kernel.request), providers: providers, seed: seed ?? UInt64.random(in: 1...999_999), moves: length,
                    time: .seconds(minutes * 60))
            },
            { request in
                let begin = ContinuousClock.now
                let outcome = try await SoakSession(try await Invocation.context(wantsSandbox: build.wantsSandbox)).run(request)
                let seconds = Int((.now - begin).seconds)
                Console.results(in: outcome.folder)
                Console.output("soak: seed \(request.seed), \(outcome.sequences) sequences, \(outcome.moves) moves, \(seconds) s\n")
                if let reason = outcome.skipped { Console.output("soak: sequences were skipped: \(reason.oneLine)\n") }
                guard let failed = outcome.failed else {
                    guard outcome.sequences > 0 else {
                        Console.output("soak: no sequence ran\n")
                        return Results.ExitCode.nothingRan.rawValue
                    }
                    Console.output("soak: none failed\n")
                    return 0
                }
                let shortest = outcome.shortest ?? failed
                Console.output("soak: failed: \(failed.scenario)\n")
                Console.output("soak: shortest that fails in the same way: \(shortest.scenario)\n")
                for finding in shortest.findings.prefix(3) { Console.output("      \(finding.line)\n") }
                if let reason = shortest.reason { Console.output("      \(reason.oneLine)\n") }
                Console.output("soak: it failed in \(outcome.again.failed) of \(outcome.again.runs) more runs\n")
                Console.output("soak: reproduce: ppiov run \(kernelWords)--filter \(shortest.scenario)\n")
                return Results.ExitCode([failed]).rawValue
            })
    }
}
