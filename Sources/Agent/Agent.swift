// SPDX-License-Identifier: GPL-2.0

import Glibc
import Results
import Scenarios

/// The agent's command line. In a guest of the harness it has no arguments.
@main
enum Agent {
    static let usage = """
        usage: ppiov-agent                    in a guest of the harness: use its virtio-serial ports
               ppiov-agent run [--filter GLOB]... [--all]
                                      run the scenarios on this kernel, KTAP on standard output
               ppiov-agent list [--all]       print the scenarios

        run needs root. NETIF, LOCAL_V4 (or LOCAL_V6), REMOTE_V4 (or REMOTE_V6), REMOTE_TYPE (netns or ssh) and
        REMOTE_ARGS, as the kernel's driver selftests define them, run the scenarios on that interface.
        Exit status: 0 all passed, 1 something failed, 2 usage, 3 cannot run, 4 no scenario passed or failed.
        """

    static func main() {
        signal(SIGPIPE, SIG_IGN)
        let arguments = Array(CommandLine.arguments.dropFirst())
        let agent = ownPath()
        do {
            switch arguments.first {
            case nil: try GuestLoop.run(agent: agent)
            case "peer": try PeerProcess.run(Array(arguments.dropFirst()))
            case "worker": try WorkerProcess.run(Array(arguments.dropFirst()))
            case "list":
                for scenario in Catalogue.select(nil, all: arguments.dropFirst().contains("--all")) {
                    print("\(scenario.id)\t\(scenario.tier.rawValue)\t\(scenario.summary)")
                }
            case "run": exit(try Standalone.run(Array(arguments.dropFirst()), agent: agent))
            case "--help", "-h": print(usage)
            default: fail(2, "unknown command \(arguments.joined(separator: " "))\n\(usage)")
            }
        } catch let error as UsageError {
            fail(2, "\(error.message)\n\(usage)")
        } catch {
            fail(3, "\(error)")
        }
    }

    private static func fail(_ code: Int32, _ message: String) -> Never {
        let line = Array("ppiov-agent: \(message)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
        exit(code)
    }

    /// The path of this executable, with which it starts peers and workers.
    private static func ownPath() -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { return CommandLine.arguments.first ?? "ppiov-agent" }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
