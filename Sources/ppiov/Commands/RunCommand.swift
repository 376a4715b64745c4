// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Harness
import Results

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Build a kernel, boot it, run the scenarios, give the verdict.",
        discussion: """
            KTAP goes to standard output, progress to standard error. The results folder gets results.ktap, results.json, junit.xml, \
            metadata.json, and for each scenario its console, events and raw trace (docs/results.md).

            Machines start from a snapshot of the booted guest. A few scenarios of a group share a machine; the first that fails ends the \
            machine, so a crash or a hang affects one scenario only. With --isolate scenario each has a machine of its own. Kernels, images \
            and snapshots are kept in the cache.

            EXAMPLES
              ppiov run                                        Debian's newest kernel
              ppiov run --kernel ~/linux --filter 'zcrx.*'     your work tree
              ppiov run --kernel debian:7.2 --profile debug
              ppiov run --all --jobs 2                         before a series is posted
              ppiov run --kernel v7.3.tar.xz --set KASAN=y --out /tmp/r
              ppiov run --series v3.mbox                       with the series applied
            """)

    @OptionGroup var kernel: KernelOptions
    @OptionGroup var selection: SelectionOptions
    @OptionGroup var options: RunOptions

    @Option(
        help: ArgumentHelp(
            "What a machine runs: one scenario, a few of a group until one fails, or (none) all of them without a snapshot.",
            valueName: "name"))
    var isolate = Isolation.group

    @Flag(help: "Build what is missing, print QEMU's command line, run nothing.")
    var dryRun = false

    func run() async throws {
        let (dryRun, build, snapshots) = (dryRun, options.build, !dryRun && isolate != .none)
        try await Failure.reporting(
            { RunRequest(try options.settings(kernel.request), scenarios: try selection.scenarios(), isolation: isolate) },
            { request in
                let context = try await Invocation.context(wantsSandbox: build.wantsSandbox, snapshots: snapshots)
                if dryRun { return try await Self.dryRun(context, request.settings) }
                let outcome = try await RunSession(context).run(request)
                try RunText.report(outcome.results, folder: outcome.folder, interrupted: outcome.interrupted, fault: outcome.fault)
                return Results.ExitCode(outcome.results).rawValue
            })
    }

    private static func dryRun(_ context: HarnessContext, _ settings: RunSettings) async throws -> Int32 {
        let machine = try await context.prepare(settings)
        Console.output(Command(settings.machine.qemu, machine.plan.line.arguments(sockets: "$SOCKETS")).line + "\n")
        return 0
    }
}
