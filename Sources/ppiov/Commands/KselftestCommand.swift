// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Harness
import Results

struct KselftestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kselftest", abstract: "Run the kernel's own selftests for memory providers, unmodified, on netdevsim in the guest.",
        discussion: """
            The tests, and the programs that they start, are those of the tree under test. They run in a root file system of Debian \
            packages, which is made without root and kept in the cache. Each test program gets a machine of its own.

            TEST is a path below tools/testing/selftests, or its last part; without one, all tests about memory providers run. For tests \
            that need hardware, NETIF, REMOTE_TYPE and the other variables name netdevsim; with --setting bare they are not set.

            KTAP goes to standard output: for each program its cases, and "life-cycle" for the whole program: page pools, the trace, \
            counters, the kernel log, the exit status.

            EXAMPLES
              ppiov kselftest
              ppiov kselftest -k ~/linux devmem.py iou-zcrx.py
              ppiov kselftest --list
            """)

    @OptionGroup var kernel: KernelOptions
    @OptionGroup(title: "Build") var build: BuildOptions
    @OptionGroup(title: "Machine") var machine: MachineArguments
    @OptionGroup var allowed: AllowOptions
    @OptionGroup var folder: OutOption

    @Option(
        help: ArgumentHelp(
            "Whether the tests get an interface (NETIF and the other variables) or none. (default: what each test is written for)", valueName: "name")
    )
    var setting: KernelSelftestPlan.Setting?

    @Option(help: ArgumentHelp("Write the results to this file as a Markdown table.", valueName: "file"))
    var table: String?

    @Flag(help: "List the tests and their setting; run nothing.")
    var list = false

    @Argument(help: ArgumentHelp("A test, such as drivers/net/hw/devmem.py.", valueName: "test"))
    var tests: [String] = []

    func validate() throws {
        if let memory = machine.memory, memory < 1536 {
            throw ValidationError("--memory takes at least 1536 MiB here, for the root file system and huge pages, not \(memory)")
        }
    }

    func run() async throws {
        let plans = KernelSelftestCatalogue.plans(tests, setting: setting)
        if list {
            for plan in plans { Console.output("\(plan.program)\t\(plan.setting.rawValue)\n") }
            return
        }
        let (table, build) = (table, build)
        try await Failure.reporting(
            {
                let settings = RunSettings(
                    kernel: kernel.request, machine: machine.options(memory: MachineArguments.selftestMemory), buildJobs: build.jobs,
                    out: folder.out, allowList: try allowed.list(), command: Invocation.arguments)
                return KernelSelftestRequest(settings, plans: plans, named: !tests.isEmpty)
            },
            { request in
                let outcome = try await KernelSelftestSession(try await Invocation.context(wantsSandbox: build.wantsSandbox)).run(request)
                try RunText.report(outcome.results, folder: outcome.folder, interrupted: outcome.interrupted, fault: outcome.fault)
                if let table { try KernelSelftestTable(release: outcome.release, plans: plans, results: outcome.results).write(to: table) }
                return Results.ExitCode(outcome.results).rawValue
            })
    }
}
