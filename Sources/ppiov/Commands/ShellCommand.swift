// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Harness

struct ShellCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell", abstract: "Open a shell in the guest, or run one command in it.",
        discussion: """
            The guest is that of `ppiov run`: this kernel, the modules loaded, ppiov-agent in /bin. It also has common programs of the \
            host (sh, ip, ethtool, make, strace, trace-cmd, ... where the host has them). Its file system is in memory; no folder of the \
            host is shared.

            With a COMMAND, standard output gets the command's output without kernel messages, and ppiov ends with its exit status.

            EXAMPLES
              ppiov shell
              ppiov shell -- 'ppiov-agent run --filter "zcrx.*"'
              ppiov shell --include ~/test.sh -- 'sh /test.sh'
            """)

    @OptionGroup var kernel: KernelOptions
    @OptionGroup(title: "Build") var build: BuildOptions
    @OptionGroup(title: "Machine") var machine: MachineArguments

    @Option(help: ArgumentHelp("A file or folder of the host to copy into the guest; may be repeated.", valueName: "host[:guest]"))
    var include: [String] = []

    @Argument(help: ArgumentHelp("A shell command to run instead of an interactive shell.", valueName: "command"))
    var command: [String] = []

    func run() async throws {
        let settings = RunSettings(
            kernel: kernel.request, machine: machine.options, buildJobs: build.jobs, out: nil, command: Invocation.arguments)
        let (include, command, build) = (include, command.joined(separator: " "), build)
        try await Failure.reporting {
            let session = ShellSession(try await Invocation.context(wantsSandbox: build.wantsSandbox, snapshots: false))
            guard !command.isEmpty else {
                try await session.interactive(settings, includes: include)
                return 0
            }
            return try await session.run(command, settings, includes: include) { Console.output($0 + "\n") }
        }
    }
}
