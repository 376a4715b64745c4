// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Foundation
import Harness
import Results

struct BisectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bisect",
        abstract: "Find the commit, or the patch, that introduced a failure.",
        discussion: """
            The bad end runs first. One scenario that fails there, with its fingerprint (the invariant or the splat), is what the search is \
            for; other failures do not count. Then the good end runs, then commits between the two. A commit that does not build or boot, or \
            fails in another way, is skipped. Where the failure does not show each time, a commit runs more often.

            The tree is only read: kernels are built from a checkout in the cache, and while one runs the next are built. The state is \
            written to bisect.json in the results folder after each commit; --resume continues an interrupted search (docs/bisect.md).

            EXAMPLES
              ppiov bisect --kernel ~/linux --good v7.2 --bad HEAD
              ppiov bisect --kernel ~/linux --good v7.2 --bad HEAD --filter 'restart.*'
              ppiov bisect --series v3.mbox                     which of its patches
              ppiov bisect --kernel ~/linux --bad v7.2 --good HEAD --find-fix
              ppiov bisect --resume results/20261123T120000Z-1234

            EXIT STATUS
              0    the culprit was found
              1    some commits cannot be judged, or runs contradict each other
              2    bad usage; the bad end does not fail, or the good end does
              3    the harness could not do its work: the search can be resumed
              130  interrupted: the search can be resumed
            """)

    @OptionGroup var kernel: KernelOptions

    @Option(help: ArgumentHelp("A commit that is good.", valueName: "rev"))
    var good: String?

    @Option(help: ArgumentHelp("A commit that is bad.", valueName: "rev"))
    var bad: String?

    @Flag(help: "Find the commit that fixed the failure: the bad commit is the older one.")
    var findFix = false

    @OptionGroup var selection: SelectionOptions
    @OptionGroup var options: RunOptions

    @Option(help: ArgumentHelp("Continue the search in this results folder, with the options it began with.", valueName: "folder"))
    var resume: String?

    func validate() throws {
        if resume != nil {
            guard good == nil, bad == nil, kernel.words.isEmpty, options.machine.options.words.isEmpty, selection.filter.isEmpty,
                options.folder.out == nil, options.machines.jobs == nil, options.build.isDefault, options.allowed.allow == nil, !findFix,
                !selection.all
            else {
                throw ValidationError("--resume continues with the options that the search began with: give no other option")
            }
            return
        }
        guard !kernel.source.readsStandardInput else {
            throw ValidationError("--config needs a file here, not standard input: a search that is resumed reads it again")
        }
        if kernel.series.isEmpty {
            guard good != nil, bad != nil else { throw ValidationError("give --good and --bad, or --series") }
            guard !kernel.source.isDefault else {
                throw ValidationError("--good and --bad are commits of a git tree of the kernel: name it with --kernel")
            }
        } else {
            guard good == nil, bad == nil else {
                throw ValidationError("--good and --bad are for commits: with --series, the good end is the source without it, the bad end all of it")
            }
            guard !kernel.series.contains("-") else {
                throw ValidationError("--series needs files here, not standard input: a search that is resumed reads them again")
            }
            guard !findFix else { throw ValidationError("--find-fix is for commits, not for --series") }
        }
    }

    func run() async throws {
        let (command, folder) = (self, resume)
        try await Failure.reporting(
            { try folder.map(Self.resumed) ?? (command.request(Invocation.arguments), command.options.build) },
            { request, build in
                let session = BisectSession(try await Invocation.context(wantsSandbox: build.wantsSandbox))
                let (state, place) = try await session.run(request) { Console.output(BisectText.line($0) + "\n") }
                Console.output(BisectText.end(state))
                Console.results(in: place)
                return state.result?.culprit == nil || state.result?.doubt != nil ? Results.ExitCode.failed.rawValue : 0
            })
    }

    /// The request of the search in a folder, to continue it. Changes to the directory that the search began in.
    private static func resumed(_ folder: String) throws -> (BisectRequest, BuildOptions) {
        let state = try BisectSession.load(folder)
        guard state.command.first == configuration.commandName, let command = try? parse(Array(state.command.dropFirst())) else {
            throw HarnessError(
                .input, "this ppiov does not accept the command that \(folder) began with: \(Command("ppiov", state.command).line)")
        }
        // Before the current directory changes.
        let out = URL(fileURLWithPath: folder).standardizedFileURL.path
        guard FileManager.default.changeCurrentDirectoryPath(state.directory) else {
            throw HarnessError(.input, "the search began in \(state.directory), which no longer exists")
        }
        return (try command.request(state.command, resuming: out), command.options.build)
    }

    private func request(_ words: [String], resuming folder: String? = nil) throws -> BisectRequest {
        var ends: (String, String)?
        if let good, let bad { ends = findFix ? (bad, good) : (good, bad) }
        var request = BisectRequest(
            try options.settings(kernel.request, out: folder, command: words), ends: ends, findFix: findFix, scenarios: try selection.scenarios(),
            resumes: folder != nil)
        request.allowWords = options.allowed.words
        return request
    }
}
