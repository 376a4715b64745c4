// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Foundation
import Harness

/// The command line.
@main
struct PPIOV: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ppiov",
        abstract: "Does this kernel, with this patch series, still bring every page-pool memory-provider buffer home?",
        discussion: """
            ppiov builds a kernel, boots it in QEMU, drives devmem TCP and io_uring zero-copy receive over netdevsim, watches \
            every net_iov from page_pool_state_hold to page_pool_state_release, and gives a verdict that a script can act on.

            Everything that can be made again lives in ${XDG_CACHE_HOME:-~/.cache}/ppiov. The tree under test is never written to. \
            Root is not needed.

            EXIT STATUS
              0    all that ran passed
              1    something failed or crashed
              2    bad usage or input
              3    the harness could not do its work (no build, no boot)
              4    nothing passed or failed
              130  interrupted
            """,
        version: "0.1.0",
        subcommands: [
            RunCommand.self, SoakCommand.self, ListCommand.self, BuildCommand.self, CheckCommand.self, MutantsCommand.self, SeriesCommand.self,
            BisectCommand.self, BisectStepCommand.self, ModelCommand.self,
            KselftestCommand.self, DoctorCommand.self, ShellCommand.self,
        ],
        defaultSubcommand: nil)

    /// As ArgumentParser's own, but bad usage ends with 2 and not with EX_USAGE, and a reader that goes away ends nothing.
    static func main() async {
        // A handler, which programs that are started do not inherit, as they would SIG_IGN: `| head -1` must not kill the harness
        // in the middle of what it would have to take down.
        signal(SIGPIPE) { _ in }
        // Where a standard descriptor is closed, the next file or socket that is opened would get its number and the results.
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
            // To `git bisect run`, 2 is "bad": a misspelt option would make every commit so.
            let isStep = CommandLine.arguments.dropFirst().first == BisectStepCommand.configuration.commandName
            Foundation.exit(isStep ? BisectStepCommand.badUsage : HarnessError.Kind.input.rawValue)
        } catch {
            exit(withError: error)
        }
    }
}
