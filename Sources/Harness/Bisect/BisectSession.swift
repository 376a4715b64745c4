// SPDX-License-Identifier: GPL-2.0

public import Checks
import Foundation
import Results
public import Scenarios

/// What to search, and by what.
public struct BisectRequest: Sendable {
    /// The tree, or the source that a series goes on; with the series where patches are searched.
    public var kernel: KernelRequest
    /// Revisions of the tree; nil with a series, whose ends are known.
    public var ends: (old: String, new: String)?
    /// Search for the commit that mended it: the old end is bad, the new one good.
    public var findFix: Bool
    public var machine: MachineOptions
    /// What the bad end is run with; the failure that is looked for is one of theirs.
    public var scenarios: [Scenario]
    /// Machines at a time; nil for as many as suit the kernel (``Bench/guests``).
    public var jobs: Int?
    /// Compilers at a time.
    public var buildJobs: Int
    /// The folder for state and results; nil for `results/TIME`.
    public var out: String?
    /// Go on with what is in `out`.
    public var resumes: Bool
    public var allowList: AllowList
    /// The words of the option that names it.
    public var allowWords: [String] = []
    /// The words of the command.
    public var command: [String]

    public init(
        kernel: KernelRequest, ends: (old: String, new: String)?, findFix: Bool, machine: MachineOptions, scenarios: [Scenario], jobs: Int?,
        buildJobs: Int,
        out: String?, resumes: Bool, allowList: AllowList, command: [String]
    ) {
        self.kernel = kernel
        self.ends = ends
        self.findFix = findFix
        self.machine = machine
        self.scenarios = scenarios
        self.jobs = jobs
        self.buildJobs = buildJobs
        self.out = out
        self.resumes = resumes
        self.allowList = allowList
        self.command = command
    }
}

/// Finds the commit, or the patch of a series, that brought a failure in or mended it.
public struct BisectSession: Sendable {
    private let workshop: Workshop
    private let today: Day

    /// - Parameter today: for the allow-list's expiry.
    public init(workshop: Workshop, today: Day) {
        self.workshop = workshop
        self.today = today
    }

    /// Does the whole of it, or goes on with it.
    ///
    /// - Parameter report: called with each commit once it is judged.
    /// - Throws: `HarnessError`: input where the ends are not what they should be; harness for any fault of the harness, which is
    ///   never counted as good or bad. `CancellationError`; the folder then has what is known.
    public func run(_ request: BisectRequest, report: @escaping @Sendable (BisectState.Tested) -> Void) async throws -> (
        state: BisectState, folder: String
    ) {
        if !request.kernel.series.isEmpty {
            return try await SeriesSource.with(request.kernel.series, over: request.kernel.source, cache: workshop.cache, progress: workshop.progress)
            { source in
                let history = SeriesHistory(source: source, kernel: request.kernel)
                return try await search(request, history, old: "0", new: "\(source.series.patches.count)", report)
            }
        }
        guard let ends = request.ends else { throw HarnessError(.input, "there is nothing to search", hint: "give --good and --bad, or --series") }
        let history = try CommitHistory(request.kernel)
        if request.resumes {
            // By what the names were then.
            let state = try Self.load(request.out ?? "")
            return try await search(
                request, history, old: try await history.resolve(state.old.id), new: try await history.resolve(state.new.id), report)
        }
        let (old, new) = (try await history.resolve(ends.old), try await history.resolve(ends.new))
        guard old != new else { throw HarnessError(.input, "\(ends.old) and \(ends.new) are the same commit, \(old.prefix(12))") }
        guard try await history.isAncestor(old, of: new) else {
            let (first, second) = request.findFix ? ("bad", "good") : ("good", "bad")
            let swapped = try await history.isAncestor(new, of: old)
            throw HarnessError(
                .input, "\(ends.old) (\(first)) is no ancestor of \(ends.new) (\(second))",
                hint: swapped
                    ? "the \(second) one is the older: --find-fix looks for the commit that \(request.findFix ? "broke it, without the flag" : "mended it")"
                    : "they are on different branches: `git merge-base \(ends.old) \(ends.new)` names where they part, try that as the old end")
        }
        return try await search(request, history, old: old, new: new, report)
    }

    /// Judges one kernel, as it lies there.
    ///
    /// - Parameter runs: so many without the failure make it good.
    /// - Throws: `HarnessError` where the harness is at fault.
    public func step(_ request: BisectRequest, _ symptom: BisectState.Symptom, runs: Int) async throws -> (BisectState.Tested, folder: String) {
        try ResultsFolder.check(request.out)
        let builder = KernelBuilder(cache: workshop.cache, vm: workshop.vm, jobs: request.buildJobs, progress: workshop.progress)
        let source = try await builder.resolve(request.kernel)
        let folder = try ResultsFolder(request.out)
        let judge = BisectJudge(
            request: request, history: OneKernel(source: source, kernel: request.kernel), workshop: workshop, today: today, folder: folder)
        var test = BisectState.Tested(commit: BisectCommit(id: "kernel", subject: source.identity, author: "", date: ""))
        do {
            test = try await judge.judge(test, symptom, BisectRule(cleanRuns: runs), factor: 1, known: [], ahead: [])
        } catch {
            await judge.idle()
            throw error
        }
        return (test, folder.path)
    }

    /// Holds a step's options against those of the run that it is like: what fails under KASAN need not without.
    ///
    /// - Throws: `HarnessError` of kind `.input` where they differ.
    public func requireLike(_ folder: String, kernel: KernelRequest, machine: MachineOptions) throws {
        guard let data = FileManager.default.contents(atPath: folder + "/metadata.json"),
            let run = try? JSONDecoder().decode(RunMetadata.self, from: data)
        else {
            throw HarnessError(
                .input, "there is no run in \"\(folder)\": looked for \(folder)/metadata.json", hint: "give the results folder of a run that failed")
        }
        let mine = kernel.configuration + machine.shape
        guard let key = run.configuration, key != (try workshop.configuration(kernel, machine)) else { return }
        let its = run.options ?? []
        func line(_ words: [String]) -> String { words.first.map { "`\(Command($0, Array(words.dropFirst())).line)`" } ?? "none" }
        throw HarnessError(
            .input, "the run in \(folder) was made with other options: \(line(its)), and here it is \(line(mine))",
            hint: "give the step the options of that run: what fails there need not fail otherwise, and every commit would be good")
    }

    /// The failure of a run, from its results folder.
    ///
    /// - Throws: `HarnessError` of kind `.input` where there is none.
    public static func symptom(of folder: String, matching glob: String?) throws -> BisectState.Symptom {
        let file = folder + "/results.json"
        guard let data = FileManager.default.contents(atPath: file), let run = try? JSONDecoder().decode(RunResult.self, from: data) else {
            throw HarnessError(
                .input, "there are no results in \"\(folder)\": looked for \(file)", hint: "give the results folder of a run that failed")
        }
        let red = run.results.filter { Fingerprint.of($0) != nil && (glob ?? "*").isMatch(of: $0.scenario) }
        guard let first = red.first, let fingerprint = Fingerprint.of(first) else {
            throw HarnessError(
                .input, "nothing failed in \(folder)\(glob.map { " that matches \"\($0)\"" } ?? "")",
                hint: "give the results folder of a run that failed")
        }
        let message = first.findings.first.map { "\($0.oracle): \($0.message)" } ?? first.reason ?? ""
        return BisectState.Symptom(scenario: first.scenario, fingerprint: fingerprint, message: message)
    }

    private func search(
        _ request: BisectRequest, _ history: any BisectHistory, old: String, new: String, _ report: @escaping @Sendable (BisectState.Tested) -> Void
    ) async throws -> (state: BisectState, folder: String) {
        let (first, last) = (try await history.describe(old), try await history.describe(new))
        var state = BisectState(command: request.command, old: first, new: last, findFix: request.findFix)
        state.searched = try await ["configuration \(workshop.configuration(request.kernel, request.machine))"] + history.marks()
        let folder: ResultsFolder
        if request.resumes {
            let path = request.out ?? ""
            let now = state.searched ?? []
            state = try Self.load(path)
            if let then = state.searched, then != now {
                let what =
                    zip(then, now).first { $0 != $1 }.map { "\($0), and it is \($1) now" } ?? "\(then.count) kernels, and it is \(now.count) now"
                throw HarnessError(
                    .input, "\(path) has verdicts on something else: the search was of \(what)",
                    hint:
                        "put back what was changed (the series, the source below it, a --config file), or begin anew: kernels that are built stay in the cache"
                )
            }
            guard state.old.id == old, state.new.id == new, state.findFix == request.findFix else {
                throw HarnessError(
                    .input, "\(path) is of another search: \(state.old.short) to \(state.new.short)", hint: "resume it without other options")
            }
            folder = try ResultsFolder(resuming: path)
        } else {
            try ResultsFolder.check(request.out)
            folder = try ResultsFolder(request.out)
        }
        let history = try history.kept(in: folder.path)
        let judge = BisectJudge(request: request, history: history, workshop: workshop, today: today, folder: folder)
        let options = request.machine.words + request.allowWords
        let bisection = Bisection(
            state, history: history, folder: folder, judge: judge, options: options, progress: workshop.progress, report: report)
        do {
            let ended = try await bisection.run()
            await judge.idle()
            return (ended, folder.path)
        } catch {
            // What is built ahead ends with the search.
            await judge.idle()
            throw error
        }
    }

    /// The state in a folder.
    ///
    /// - Throws: `HarnessError` of kind `.input` where there is none that can be read.
    public static func load(_ folder: String) throws -> BisectState {
        let file = folder + "/bisect.json"
        guard let data = FileManager.default.contents(atPath: file) else {
            throw HarnessError(
                .input, "there is no bisection in \"\(folder)\": looked for \(file)",
                hint: "--resume takes the folder that `ppiov bisect` named first")
        }
        do {
            let state = try JSONDecoder().decode(BisectState.self, from: data)
            guard state.schemaVersion == BisectState.currentSchema else {
                throw HarnessError(.input, "\(file) is of schema \(state.schemaVersion), this ppiov writes \(BisectState.currentSchema)")
            }
            return state
        } catch let error as DecodingError {
            throw HarnessError(.input, "\(file) cannot be read: \(error)", hint: "begin anew; kernels that are built stay in the cache")
        }
    }
}

extension String {
    /// As fnmatch(3) has it.
    fileprivate func isMatch(of name: String) -> Bool { fnmatch(self, name, 0) == 0 }
}

/// A kernel that is judged alone.
private struct OneKernel: BisectHistory {
    var source: ResolvedSource
    var kernel: KernelRequest

    func range(bad: String, good: [String]) async throws -> BisectRange { BisectRange(commits: [bad], best: [bad]) }
    func contained(in commit: String, good: String) async throws -> Set<String> { [commit] }
    func describe(_ commit: String) async throws -> BisectCommit { BisectCommit(id: commit, subject: source.identity, author: "", date: "") }
    func source(_ commit: String) async throws -> ResolvedSource { source }
    func marks() async throws -> [String] { [source.identity] }
    func kept(in folder: String) throws -> any BisectHistory { self }
    func words(_ commit: String) -> [String] { kernel.words }
}
