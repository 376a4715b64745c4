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
        Exit status: 0 all passed, 1 something failed, 2 usage, 3 cannot run or write its output, 4 no scenario passed
        or failed, 141 the reader of the output ended first.
        """

    static func main() {
        // A handler and not SIG_IGN, which the programs that it starts would inherit.
        signal(SIGPIPE) { _ in }
        let arguments = Array(CommandLine.arguments.dropFirst())
        let agent = ownPath()
        do {
            switch arguments.first {
            case nil: try GuestLoop.run(agent: agent)
            case "peer": try PeerProcess.run(Array(arguments.dropFirst()))
            case "worker": try WorkerProcess.run(Array(arguments.dropFirst()))
            case "list":
                let scenarios = Catalogue.select(nil, all: arguments.dropFirst().contains("--all"))
                finish(0, scenarios.map { "\($0.id)\t\($0.tier.rawValue)\t\($0.summary)\n" }.joined())
            case "run":
                let outcome = try Standalone.run(Array(arguments.dropFirst()), agent: agent)
                finish(outcome.code, outcome.output)
            case "--help", "-h": finish(0, usage + "\n")
            default: fail(2, "unknown command \(arguments.joined(separator: " "))\n\(usage)")
            }
        } catch let error as UsageError {
            fail(2, "\(error.message)\n\(usage)")
        } catch {
            fail(3, "\(error)")
        }
    }

    /// Writes the output and exits with `code`; with 3 where it cannot be written, and with 141 where its reader ended first: then nobody was
    /// told the results.
    private static func finish(_ code: Int32, _ output: String) -> Never {
        var rest = Array(output.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EPIPE { exit(141) }
            guard count > 0 else { fail(3, "cannot write standard output: \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
        guard close(STDOUT_FILENO) == 0 || errno == EINTR else { fail(3, "cannot write standard output: \(String(cString: strerror(errno)))") }
        exit(code)
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
