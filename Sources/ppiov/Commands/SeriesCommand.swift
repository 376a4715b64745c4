// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Harness
import Results

/// `ppiov series`: a patch series, patch by patch or as a whole.
struct SeriesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "series",
        abstract: "Test a patch series: each patch of it, or the source with and without it.",
        discussion: """
            A series is an mbox (b4, patchwork), a folder of `git format-patch` or quilt, a Maildir, or files of mails or diffs, in order. \
            It is applied to a copy as `git am` does, with a three-way merge where the base is known; the tree under test is never written to.

            A build runs commands of the source as you: Makefiles, Kconfig files, scripts, programs that it compiles. Look at patches of \
            others first, or use --sandbox.
            """,
        subcommands: [SeriesCheckCommand.self, SeriesCompareCommand.self])
}

/// The options of both commands.
struct SeriesOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The series: mboxes, mails, diffs, or folders of them; - for standard input.", valueName: "series"))
    var series: [String]

    @OptionGroup var kernel: SourceOptions
    @OptionGroup var selection: SelectionOptions
    @OptionGroup var options: RunOptions

    /// - Throws: `HarnessError` of kind `.input`.
    func request() throws -> SeriesRequest {
        var kernel = kernel.request
        kernel.series = series
        return SeriesRequest(try options.settings(kernel), scenarios: try selection.scenarios())
    }

    /// Makes the session and runs `body`.
    func run(_ body: @escaping @Sendable (SeriesSession, SeriesRequest) async throws -> (folder: String, code: Results.ExitCode)) async throws {
        let build = options.build
        try await Failure.reporting(
            { try request() },
            { request in
                let (folder, code) = try await body(SeriesSession(try await Invocation.context(wantsSandbox: build.wantsSandbox)), request)
                Console.results(in: folder)
                return code.rawValue
            })
    }
}

struct SeriesCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Build, boot and run the source after each patch of a series.",
        discussion: """
            The source runs without the series first, then after each patch. Standard output gets one line for each, and at the end the \
            first patch that breaks something: a failure that is there before a patch does not count against it. Patches with the same \
            kernel run once.

            The results folder gets series.json, and a folder of results for each patch (docs/series.md).

            A build runs commands of the patches: --sandbox keeps those of others from your files and the network.

            EXAMPLES
              ppiov series check v3-*.patch                         on Debian's kernel
              ppiov series check -k ~/linux outgoing/ -f 'zcrx.*'   on your work tree
              b4 am -o- MESSAGE-ID | ppiov series check --sandbox -

            EXIT STATUS
              0    every patch builds without new warnings, boots, and passes
              1    one does not
              2    bad usage; the series cannot be read, or does not apply
              3    the source itself does not build or boot, or the harness failed
              4    nothing passed or failed
              130  interrupted
            """)

    @OptionGroup var options: SeriesOptions

    func run() async throws {
        try await options.run { session, request in
            let (table, folder) = try await session.check(request) { Console.output(SeriesText.line($0, of: $1) + "\n") }
            Console.output(SeriesText.end(table) + "\n")
            return (folder, table.exitCode)
        }
    }
}

struct SeriesCompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Run a source without a series and with it, and print what changed.",
        discussion: """
            Prints verdicts that changed (the contract.* scenarios check errno and extack of every refusal), how long pools took to drain, \
            and the most buffers in flight. The results folder gets compare.json, and the results of both runs.

            EXAMPLES
              ppiov series compare v3.mbox
              ppiov series compare -k ~/linux v3.mbox --all --jobs 2

            EXIT STATUS
              0    nothing is worse
              1    a scenario fails that did not fail, or fails in another way
              2    bad usage; the series cannot be read, or does not apply
              3    one of the two does not build or boot, or the harness failed
              4    nothing passed or failed
              130  interrupted
            """)

    @OptionGroup var options: SeriesOptions

    func run() async throws {
        try await options.run { session, request in
            let (comparison, folder) = try await session.compare(request)
            Console.output(SeriesText.comparison(comparison))
            return (folder, comparison.exitCode)
        }
    }
}
