// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Harness
import Results

struct KselftestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kselftest", abstract: "Run the kernel's own selftests for memory providers, unmodified, on netdevsim in the guest.",
        discussion: """
            The tests are those of the tree under test, and so are the programs that they start; around them is a root file system of \
            Debian's packages, made without root and kept in the cache. Each program gets a machine of its own.

            TEST is a path below tools/testing/selftests, or its last part; without one, all that are about memory providers. A test \
            that wants hardware finds NETIF, REMOTE_TYPE and their companions pointed at netdevsim; --setting bare gives it nothing.

            KTAP goes to standard output: for each program its cases, and "life-cycle" for what is around them all: page pools, the \
            trace, counters, the kernel log, the exit status.

            EXAMPLES
              ppiov kselftest
              ppiov kselftest -k ~/linux devmem.py iou-zcrx.py
              ppiov kselftest --list
            """)

    @OptionGroup var kernel: KernelOptions
    @OptionGroup(title: "Machine") var machine: MachineArguments
    @OptionGroup var allowed: AllowOptions

    @Option(name: .shortAndLong, help: ArgumentHelp("The results folder; it must be new. (default: results/TIME)", valueName: "folder"))
    var out: String?

    @Option(help: ArgumentHelp("What the tests find: a NIC, or nothing. (default: as each is meant to be run)", valueName: "interface|bare"))
    var setting: String?

    @Option(help: ArgumentHelp("Write the results as a table, in Markdown, to this file.", valueName: "file"))
    var table: String?

    @Flag(help: "List the tests and how they are run; run nothing.")
    var list = false

    @Argument(help: ArgumentHelp("A test, such as drivers/net/hw/devmem.py.", valueName: "test"))
    var tests: [String] = []

    func validate() throws {
        if let setting, KernelSelftestPlan.Setting(rawValue: setting) == nil {
            throw ValidationError("--setting takes interface or bare, not \"\(setting)\"")
        }
        if let memory = machine.memory, memory < 1536 {
            throw ValidationError("--memory takes at least 1536 MiB here, for the root file system and huge pages, not \(memory)")
        }
    }

    func run() async throws {
        let setting = setting.flatMap { KernelSelftestPlan.Setting(rawValue: $0) }
        let plans = SelftestCatalogue.plans(tests, setting: setting)
        if list {
            for plan in plans { Console.output("\(plan.program)\t\(plan.setting.rawValue)\n") }
            return
        }
        let (request, options, allowed, out, table, tests) = (
            kernel.request, machine.options(memory: MachineArguments.selftestMemory), allowed, out, table, tests
        )
        try await Failure.reporting {
            let session = SelftestSession(workshop: try Surroundings.workshop(Console.progress), today: try RunCommand.today())
            let outcome = try await session.run(
                SelftestRequest(
                    kernel: request, machine: options, plans: plans, named: !tests.isEmpty, buildJobs: Surroundings.processors, out: out,
                    allowList: try allowed.list(),
                    reproduce: RunCommand.ownCommand))
            Console.output(KTAP.document(outcome.results))
            Console.error(Summary.text(outcome.results))
            Console.error("results: \(outcome.folder)")
            if outcome.interrupted {
                Console.output("Bail out! interrupted\n")
                throw HarnessError(.interrupted, "interrupted after \(outcome.results.count) results")
            }
            if let table { try SelftestTable(release: outcome.release, plans: plans, results: outcome.results).write(to: table) }
            return Results.ExitCode(outcome.results).rawValue
        }
    }
}
