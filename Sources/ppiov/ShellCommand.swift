// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Harness

struct ShellCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell", abstract: "A shell in the guest, or one command in it.",
        discussion: """
            The guest is the one that runs have: this kernel, the modules loaded, ppiov-agent in /bin; and of the host's programs those that \
            one works with (sh, ip, ethtool, make, strace, trace-cmd, ... where the host has them). Its file system is memory: nothing of \
            the host is shared.

            With a COMMAND its output comes to standard output without kernel messages, and its exit status is ppiov's.

            EXAMPLES
              ppiov shell
              ppiov shell -- 'ppiov-agent run --filter "zcrx.*"'
              ppiov shell --include ~/test.sh -- 'sh /test.sh'
            """)

    @OptionGroup var kernel: KernelOptions
    @OptionGroup(title: "Machine") var machine: MachineArguments

    @Option(help: ArgumentHelp("A file or folder of the host to put into the guest; may be repeated.", valueName: "host[:guest]"))
    var include: [String] = []

    @Argument(help: ArgumentHelp("A shell command to run instead of a shell.", valueName: "command"))
    var command: [String] = []

    func run() async throws {
        let (request, options, include) = (kernel.request, machine.options, include)
        let command = command.joined(separator: " ")
        try await Failure.reporting {
            let session = ShellSession(workshop: try Surroundings.workshop(Console.progress))
            guard !command.isEmpty else {
                try await session.interactive(kernel: request, machine: options, buildJobs: Surroundings.processors, includes: include)
            }
            return try await session.run(
                command, kernel: request, machine: options, buildJobs: Surroundings.processors, includes: include
            ) { Console.output($0 + "\n") }
        }
    }
}
