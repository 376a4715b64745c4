// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Foundation
import Harness
import Results

/// The command line.
@main
struct PPIOV: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ppiov",
        abstract: "Test that a kernel releases every page-pool memory-provider buffer.",
        discussion: """
            ppiov builds a kernel, with a patch series on it or not, boots it in QEMU, and runs devmem TCP and io_uring zero-copy receive \
            over netdevsim. It checks every net_iov from page_pool_state_hold to page_pool_state_release, and ends with a status for \
            scripts.

            The cache is ${XDG_CACHE_HOME:-~/.cache}/ppiov; it can be removed at any time. The tree under test is never written to. Root is \
            not needed.

            EXIT STATUS
              0    all that ran passed
              1    something failed or crashed
              2    bad usage or input
              3    the harness could not do its work (no build, no boot), or write its output
              4    nothing passed or failed
              130  interrupted
              141  the reader of standard output ended before it had read all
            """,
        version: ToolVersion.current,
        subcommands: [
            RunCommand.self, SoakCommand.self, ListCommand.self, BuildCommand.self, CheckCommand.self, MutantsCommand.self, SeriesCommand.self,
            BisectCommand.self, BisectStepCommand.self, ModelCommand.self,
            KselftestCommand.self, DoctorCommand.self, ShellCommand.self,
        ],
        defaultSubcommand: nil)

    /// As ArgumentParser's own, but bad usage ends with 2 instead of EX_USAGE, and an output that cannot be written is an error.
    static func main() async {
        ProcessState.prepare()
        // To `git bisect run`, exit status 2 and 3 mean "bad": a misspelt option would make every commit bad.
        let isStep = CommandLine.arguments.dropFirst().first == BisectStepCommand.configuration.commandName
        var code: Int32 = 0
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch  where exitCode(for: error) == .validationFailure {
            Console.error(fullMessage(for: error))
            code = isStep ? BisectStepCommand.badUsage : HarnessError.Kind.input.rawValue
        } catch {
            code = exitCode(for: error).rawValue
            let text = fullMessage(for: error)
            // A help screen or the version is what was asked for.
            if !text.isEmpty { if code == 0 { Console.output(text + "\n") } else { Console.error(text) } }
        }
        ProcessState.end(code, lost: isStep ? BisectStepCommand.harness : HarnessError.Kind.harness.rawValue)
    }
}
