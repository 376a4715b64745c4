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
              3    the harness could not do its work (no build, no boot)
              4    nothing passed or failed
              130  interrupted
            """,
        version: ToolVersion.current,
        subcommands: [
            RunCommand.self, SoakCommand.self, ListCommand.self, BuildCommand.self, CheckCommand.self, MutantsCommand.self, SeriesCommand.self,
            BisectCommand.self, BisectStepCommand.self, ModelCommand.self,
            KselftestCommand.self, DoctorCommand.self, ShellCommand.self,
        ],
        defaultSubcommand: nil)

    /// As ArgumentParser's own, but bad usage ends with 2 instead of EX_USAGE, and SIGPIPE is handled.
    static func main() async {
        // The end of a reader such as `head -1` must not end the harness before it has stopped its machines. A handler and not SIG_IGN, which
        // the programs that it starts would inherit.
        signal(SIGPIPE) { _ in }
        // Where a standard descriptor is closed, the next file or socket would get its number, and the output.
        while case let descriptor = open("/dev/null", O_RDWR), descriptor >= 0 {
            guard descriptor > STDERR_FILENO else { continue }
            close(descriptor)
            break
        }
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch  where exitCode(for: error) == .validationFailure {
            Console.error(fullMessage(for: error))
            // To `git bisect run`, exit status 2 means "bad": a misspelt option would make every commit bad.
            let isStep = CommandLine.arguments.dropFirst().first == BisectStepCommand.configuration.commandName
            Foundation.exit(isStep ? BisectStepCommand.badUsage : HarnessError.Kind.input.rawValue)
        } catch {
            exit(withError: error)
        }
    }
}
