// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
public import Scenarios

/// A search: its settings, its ends and its scenarios.
public struct BisectRequest: Sendable {
    /// The kernel is the tree, or the source below a series; with the series where patches are searched. `out` has state and results.
    public var settings: RunSettings
    /// Revisions of the tree; nil with a series, whose ends are known.
    public var ends: (old: String, new: String)?
    /// Search for the commit that fixed it: the old end is bad, the new one good.
    public var findFix: Bool
    /// The scenarios that run on the bad end. The failure that is searched for is one of theirs.
    public var scenarios: [Scenario]
    /// Continue the search in `settings.out`.
    public var resumes: Bool
    /// The words of the option that names the allow-list.
    public var allowWords: [String] = []

    public init(
        _ settings: RunSettings, ends: (old: String, new: String)? = nil, findFix: Bool = false, scenarios: [Scenario] = [], resumes: Bool = false
    ) {
        self.settings = settings
        self.ends = ends
        self.findFix = findFix
        self.scenarios = scenarios
        self.resumes = resumes
    }
}

/// Finds the commit, or the patch of a series, that introduced a failure or fixed it.
public struct BisectSession: Sendable {
    private let context: HarnessContext

    public init(_ context: HarnessContext) { self.context = context }

    /// Runs a search, or continues one.
    ///
    /// - Parameter report: called with each commit once it is judged.
    /// - Throws: `HarnessError`: input where the bad end does not fail or the good end does; harness for a fault of the harness, which
    ///   counts neither as good nor as bad. `CancellationError`; the folder then has the results so far.
    public func run(_ request: BisectRequest, report: @escaping @Sendable (BisectState.Tested) -> Void) async throws -> (
        state: BisectState, folder: String
    ) {
        let kernel = request.settings.kernel
        if !kernel.series.isEmpty {
            return try await SeriesSource.with(kernel.series, over: kernel.source, cache: context.cache, progress: context.progress) { source in
                let history = SeriesHistory(source: source, kernel: kernel)
                return try await search(request, history, old: "0", new: "\(source.series.patches.count)", report)
            }
        }
        guard let ends = request.ends else {
            throw HarnessError(.input, "there are no commits to search", hint: "give --good and --bad, or --series")
        }
        let history = try CommitHistory(kernel)
        if request.resumes {
            // The commits that the names meant at the start.
            let state = try Self.load(request.settings.out ?? "")
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
                    ? "the \(second) one is the older: \(request.findFix ? "leave out --find-fix to find the commit that broke it" : "--find-fix finds the commit that fixed it")"
                    : "they are on different branches: `git merge-base \(ends.old) \(ends.new)` prints their common ancestor; use that as the old end"
            )
        }
        return try await search(request, history, old: old, new: new, report)
    }

    /// Judges one kernel: that of the tree in its present state.
    ///
    /// - Parameter runs: how many runs without the failure make it good.
    /// - Throws: `HarnessError` for a fault of the harness.
    public func step(_ request: BisectRequest, _ symptom: BisectState.Symptom, runs: Int) async throws -> (BisectState.Tested, folder: String) {
        let settings = request.settings
        try ResultsFolder.check(settings.out)
        let source = try await context.builder(jobs: settings.buildJobs).resolve(settings.kernel)
        let folder = try ResultsFolder(settings.out)
        let judge = BisectJudge(
            request: request, history: OneKernel(source: source, kernel: settings.kernel), context: context, folder: folder)
        var test = BisectState.Tested(commit: BisectCommit(id: "kernel", subject: source.identity, author: "", date: ""))
        do {
            test = try await judge.judge(test, symptom, BisectRule(cleanRuns: runs), factor: 1, known: [], ahead: [])
        } catch {
            await judge.stopBuilding()
            throw error
        }
        return (test, folder.path)
    }

    /// Compares a step's options with those of the run that failed: a failure under KASAN may not happen without it.
    ///
    /// - Throws: `HarnessError` of kind `.input` where they differ.
    public func requireLike(_ folder: String, kernel: KernelRequest, machine: MachineOptions) throws {
        guard let data = FileManager.default.contents(atPath: folder + "/metadata.json"),
            let run = try? JSONDecoder().decode(RunMetadata.self, from: data)
        else {
            throw HarnessError(
                .input, "there is no run in \"\(folder)\": \(folder)/metadata.json cannot be read",
                hint: "give the results folder of a run that failed")
        }
        let mine = kernel.configuration + machine.shape
        guard let key = run.configuration, key != (try context.configuration(kernel, machine)) else { return }
        func line(_ words: [String]) -> String { words.first.map { "`\(Command($0, Array(words.dropFirst())).line)`" } ?? "none" }
        throw HarnessError(
            .input, "the run in \(folder) had other options: \(line(run.options ?? [])), and this step has \(line(mine))",
            hint: "give the step the options of that run: with others the failure may not happen, and every commit would be good")
    }

    /// The failure of a run, from its results folder.
    ///
    /// - Throws: `HarnessError` of kind `.input` where there is none.
    public static func symptom(of folder: String, matching glob: String?) throws -> BisectState.Symptom {
        let file = folder + "/results.json"
        guard let data = FileManager.default.contents(atPath: file), let run = try? JSONDecoder().decode(RunResult.self, from: data) else {
            throw HarnessError(
                .input, "there are no results in \"\(folder)\": \(file) cannot be read", hint: "give the results folder of a run that failed")
        }
        let failed = run.results.filter { Fingerprint.of($0) != nil && Glob.matches(glob ?? "*", $0.scenario) }
        guard let symptom = failed.first.flatMap(BisectState.Symptom.init) else {
            throw HarnessError(
                .input, "no scenario failed in \(folder)\(glob.map { " that matches \"\($0)\"" } ?? "")",
                hint: "give the results folder of a run that failed")
        }
        return symptom
    }

    private func search(
        _ request: BisectRequest, _ history: any BisectHistory, old: String, new: String, _ report: @escaping @Sendable (BisectState.Tested) -> Void
    ) async throws -> (state: BisectState, folder: String) {
        let settings = request.settings
        let (first, last) = (try await history.describe(old), try await history.describe(new))
        var state = BisectState(command: settings.command, old: first, new: last, findFix: request.findFix)
        state.searched = try await ["configuration \(context.configuration(settings.kernel, settings.machine))"] + history.marks()
        let folder: ResultsFolder
        if request.resumes {
            let path = settings.out ?? ""
            let now = state.searched ?? []
            state = try Self.load(path)
            if let then = state.searched, then != now {
                let what = zip(then, now).first { $0 != $1 }.map { "\($0), now \($1)" } ?? "\(then.count) kernels, now \(now.count)"
                throw HarnessError(
                    .input, "the kernels that \(path) has verdicts on have changed: it was \(what)",
                    hint:
                        "undo the change (of the series, the source below it, a --config file), or begin again: kernels that are built stay in the cache"
                )
            }
            guard state.old.id == old, state.new.id == new, state.findFix == request.findFix else {
                throw HarnessError(
                    .input, "\(path) is the folder of another search: \(state.old.short) to \(state.new.short)",
                    hint: "resume it without other options")
            }
            folder = try ResultsFolder(resuming: path)
        } else {
            folder = try ResultsFolder(settings.out)
        }
        let history = try history.kept(in: folder.path)
        let judge = BisectJudge(request: request, history: history, context: context, folder: folder)
        let options = settings.machine.words + request.allowWords
        let bisection = Bisection(
            state, history: history, folder: folder, judge: judge, options: options, progress: context.progress, report: report)
        do {
            let ended = try await bisection.run()
            await judge.stopBuilding()
            return (ended, folder.path)
        } catch {
            // Builds ahead end with the search.
            await judge.stopBuilding()
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
                .input, "there is no search in \"\(folder)\": \(file) cannot be read",
                hint: "--resume takes the results folder of `ppiov bisect`")
        }
        do {
            let state = try JSONDecoder().decode(BisectState.self, from: data)
            guard state.schemaVersion == BisectState.currentSchema else {
                throw HarnessError(.input, "\(file) is of schema \(state.schemaVersion), this ppiov writes \(BisectState.currentSchema)")
            }
            return state
        } catch let error as DecodingError {
            throw HarnessError(.input, "\(file) cannot be read: \(error)", hint: "begin again; kernels that are built stay in the cache")
        }
    }
}

/// A history of one kernel, for a step.
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
