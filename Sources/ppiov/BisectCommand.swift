// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Checks
import Foundation
import Harness
import Results
import Scenarios

struct BisectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bisect",
        abstract: "Find the commit, or the patch, that lost the buffer.",
        discussion: """
            The bad end is run first: the failure of one scenario there, by its fingerprint (which invariant, or which splat), is what is \
            looked for, and nothing else counts. Then the good end, then the commits between. What does not build or boot, or fails in \
            another way, is passed over. A failure that comes only sometimes gets as many runs as it needs.

            The tree is only read: kernels are built from a checkout in the cache, and while one runs the next are built. State is written \
            after each commit to bisect.json in the results folder; an interrupted search goes on with --resume (docs/bisect.md).

            EXAMPLES
              ppiov bisect --kernel ~/linux --good v7.2 --bad HEAD
              ppiov bisect --kernel ~/linux --good v7.2 --bad HEAD --filter 'restart.*'
              ppiov bisect --series v3.mbox                     which of its patches
              ppiov bisect --kernel ~/linux --bad v7.2 --good HEAD --find-fix
              ppiov bisect --resume results/20261123T120000Z-1234

            EXIT STATUS
              0    the culprit is known
              1    it is one of several, the others of which cannot be judged; or its runs contradict each other
              2    bad usage; the bad end does not fail, or the good one does
              3    the harness could not do its work: nothing was counted, the search can be resumed
              130  interrupted: the search can be resumed
            """)

    @OptionGroup var kernel: KernelOptions
    @OptionGroup(title: "Machine") var machine: MachineArguments

    @Option(help: ArgumentHelp("A commit that is good.", valueName: "rev"))
    var good: String?

    @Option(help: ArgumentHelp("A commit that is bad.", valueName: "rev"))
    var bad: String?

    @Flag(help: "Look for the commit that mended it: the bad one is older.")
    var findFix = false

    @OptionGroup var selection: SelectionOptions
    @OptionGroup var results: ResultsOptions
    @OptionGroup var allowed: AllowOptions

    @Option(help: ArgumentHelp("Go on with the search in this folder; its options are those it began with.", valueName: "folder"))
    var resume: String?

    func validate() throws {
        if resume != nil {
            guard good == nil, bad == nil, kernel.words.isEmpty, machine.options.words.isEmpty, selection.filter.isEmpty, results.out == nil,
                results.jobs == nil,
                allowed.allow == nil, !findFix, !selection.all
            else {
                throw ValidationError("--resume goes on with the options that the search began with: give it alone")
            }
            return
        }
        if kernel.series.isEmpty {
            guard good != nil, bad != nil else { throw ValidationError("give --good and --bad, or --series") }
        } else {
            guard good == nil, bad == nil else { throw ValidationError("the ends of a series are known: leave out --good and --bad") }
            guard !kernel.series.contains("-") else {
                throw ValidationError("a search that can be resumed needs a series in files, not on standard input")
            }
            guard !findFix else { throw ValidationError("--find-fix looks among commits") }
        }
    }

    func run() async throws {
        let (command, folder) = (self, resume)
        try await Failure.reporting {
            var words = Array(CommandLine.arguments.dropFirst())
            var command = command
            var out = command.results.out
            if let folder {
                let state = try BisectSession.load(folder)
                words = state.command
                guard let parsed = try? PPIOV.parseAsRoot(words) as? BisectCommand else {
                    throw HarnessError(
                        .input, "this ppiov does not understand the command that \(folder) began with: \(Command("ppiov", words).line)")
                }
                command = parsed
                out = URL(fileURLWithPath: folder).standardizedFileURL.path
                guard FileManager.default.changeCurrentDirectoryPath(state.directory) else {
                    throw HarnessError(.input, "the search was begun in \(state.directory), which is not there any more")
                }
            }
            let request = try command.request(words: words, out: out, resumes: folder != nil)
            let session = BisectSession(workshop: try Surroundings.workshop(Console.progress), today: try RunCommand.today())
            let (state, place) = try await session.run(request) { Console.output(BisectText.line($0) + "\n") }
            Console.output(BisectText.end(state))
            Console.error("results: \(place)")
            return state.result?.culprit == nil || state.result?.doubt != nil ? Results.ExitCode.failed.rawValue : 0
        }
    }

    private func request(words: [String], out: String?, resumes: Bool) throws -> BisectRequest {
        var ends: (String, String)?
        if let good, let bad { ends = findFix ? (bad, good) : (good, bad) }
        var request = BisectRequest(
            kernel: kernel.request, ends: ends, findFix: findFix, machine: machine.options, scenarios: try selection.scenarios(), jobs: results.jobs,
            buildJobs: Surroundings.processors, out: out, resumes: resumes, allowList: try allowed.list(), command: words)
        request.allowWords = allowed.words
        return request
    }
}

struct BisectStepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bisect-step",
        abstract: "Is this kernel good or bad? For `git bisect run`.",
        discussion: """
            Builds the tree as it lies there, runs the scenario that failed in another run, and says whether it fails in the same way. The \
            other run is one of the bad end: `ppiov run --kernel TREE --filter GLOB --out FOLDER`.

            EXAMPLES
              git bisect start BAD GOOD
              git bisect run ppiov bisect-step --kernel . --like FOLDER

            EXIT STATUS
              0    good: it passes, in as many runs as were asked for
              1    bad: it fails in the same way
              125  cannot judge: it does not build or boot, fails in another way, or skips the scenario
              129  bad usage or input
              130  interrupted
              131  the harness could not do its work. git bisect stops at 128 and above, and counts nothing
            """)

    /// Exit codes that `git bisect run` stops at.
    static let badUsage: Int32 = 129
    static let harness: Int32 = 131

    @OptionGroup var kernel: SourceOptions
    @OptionGroup(title: "Machine") var machine: MachineArguments

    @Option(help: ArgumentHelp("The results folder of a run that failed: its first failure is looked for, or that of --filter.", valueName: "folder"))
    var like: String

    @Option(name: .shortAndLong, help: ArgumentHelp("Which scenario of that run, where several failed.", valueName: "glob"))
    var filter: String?

    @Option(help: ArgumentHelp("Runs without a failure that make a kernel good: more than one where it does not fail each time.", valueName: "n"))
    var runs = 1

    @OptionGroup var allowed: AllowOptions

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The results folder; it must be new. (default: steps/TIME in the folder of --like)", valueName: "folder"))
    var out: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("Machines at a time. (default: three for every processor, one in profile debug)", valueName: "n"))
    var jobs: Int?

    func validate() throws {
        guard (1...1000).contains(runs) else { throw ValidationError("--runs takes 1 to 1000, not \(runs)") }
        if let jobs, !(1...64).contains(jobs) { throw ValidationError("--jobs takes 1 to 64, not \(jobs)") }
    }

    func run() async throws {
        // Not in the current folder, which is the tree under test.
        let out = out ?? "\(like)/steps/\(Int(Date().timeIntervalSince1970))-\(getpid())"
        let (kernel, machine, like, filter, runs, jobs, allowed) = (kernel.request, machine.options, like, filter, runs, jobs, allowed)
        try await Failure.reporting {
            do {
                let symptom = try BisectSession.symptom(of: like, matching: filter)
                let request = BisectRequest(
                    kernel: kernel, ends: nil, findFix: false, machine: machine, scenarios: [], jobs: jobs, buildJobs: Surroundings.processors,
                    out: out,
                    resumes: false, allowList: try allowed.list(), command: Array(CommandLine.arguments.dropFirst()))
                let session = BisectSession(workshop: try Surroundings.workshop(Console.progress), today: try RunCommand.today())
                try session.requireLike(like, kernel: kernel, machine: machine)
                let (test, folder) = try await session.step(request, symptom, runs: runs)
                Console.output(BisectText.line(test) + "\n")
                Console.error("results: \(folder)")
                switch test.verdict {
                case .good: return 0
                case .bad: return 1
                case .skip, nil: return 125
                }
            } catch {
                // An interruption has its code already. Whatever else this is: 128 and above counts neither way.
                try Task.checkCancellation()
                Console.error("ppiov: \(error)")
                return (error as? HarnessError)?.kind == .input ? Self.badUsage : Self.harness
            }
        }
    }
}

/// How a search looks.
enum BisectText {
    /// A commit's line.
    static func line(_ test: BisectState.Tested) -> String {
        var columns = [pad(test.verdict?.rawValue ?? "?", 4), pad(test.commit.short, 12), pad(String(test.commit.subject.prefix(60)), 60)]
        if test.evidence.runs > 0 { columns.append("\(test.evidence.shown) of \(test.evidence.runs) runs") }
        if let note = test.note { columns.append("(\(note.prefix(160)))") }
        columns.append(String(format: "%.0f s + %.0f s", test.buildSeconds, test.runSeconds))
        return columns.joined(separator: "  ")
    }

    /// The last lines.
    static func end(_ state: BisectState) -> String {
        guard let result = state.result else { return "" }
        var lines: [String] = []
        if let culprit = result.culprit {
            lines.append("\(state.findFix ? "mended" : "broken") by \(culprit.short) \"\(culprit.subject)\"")
            if !culprit.author.isEmpty { lines.append("    \(culprit.author)  \(culprit.date)") }
        } else {
            lines.append("one of \(result.left.count) commits, the others of which cannot be judged:")
            for commit in result.left.prefix(20) { lines.append("    \(commit.short) \"\(commit.subject)\"") }
        }
        if let symptom = state.symptom {
            lines.append("what fails: \(symptom.scenario)  \(symptom.message)")
        }
        let rule = state.rule
        lines.append(
            String(
                format: "confidence: %.1f %% (it shows in %d of %d runs of bad commits; one is good after %d without)",
                floor(result.confidence * 1000) / 10, rule.shown, rule.runs, rule.cleanRuns))
        if let doubt = result.doubt { lines.append("not sure: \(doubt)") }
        lines += side("first bad:", result.showing, result.showingCommit, state) + side("last good:", result.clean, result.cleanCommit, state)
        let cost = state.cost
        lines.append(
            String(
                format: "%d commits judged, %d kernels built (%d of them ahead and in vain), %d found built, %d runs, %.0f s", state.tested.count,
                cost.built, cost.inVain, cost.found, cost.runs,
                cost.seconds))
        lines.append("again: \(result.reproduce)")
        return lines.joined(separator: "\n") + "\n"
    }

    /// What one of the two next to the culprit did: a line, and its run below it.
    private static func side(_ name: String, _ folder: String?, _ commit: String?, _ state: BisectState) -> [String] {
        guard let folder else { return [] }
        let margin = "            "
        var words: [String] = []
        if let test = state.tested.first(where: { $0.commit.id == commit }) {
            words.append("\(test.commit.short), it shows in \(test.evidence.shown) of \(test.evidence.runs)")
        }
        if let data = FileManager.default.contents(atPath: folder + "/results.json"), let run = try? JSONDecoder().decode(RunResult.self, from: data),
            let result = run.results.first
        {
            words.append(result.findings.first.map { "\($0.oracle): \($0.message)" } ?? result.reason ?? result.verdict.rawValue)
            let accounts = result.accounts.filter { $0.netIovHolds > 0 }
            let (held, released) = accounts.reduce((0 as UInt64, 0 as UInt64)) { ($0.0 + $1.netIovHolds, $0.1 + $1.netIovReleases) }
            if held > 0 { words.append("\(held) net_iovs held, \(released) released") }
        }
        return [pad(name, margin.count) + words.joined(separator: "; "), margin + folder]
    }

    private static func pad(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
}
