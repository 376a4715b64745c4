// SPDX-License-Identifier: GPL-2.0

public import Checks
import Foundation
import Results
public import Scenarios

/// Which series to judge, on what, by which scenarios.
public struct SeriesRequest: Sendable {
    /// The series is the request's own.
    public var kernel: KernelRequest
    public var machine: MachineOptions
    public var scenarios: [Scenario]
    /// Machines at a time; nil for as many as suit the kernel (``Bench/guests``).
    public var jobs: Int?
    /// Compilers at a time.
    public var buildJobs: Int
    /// The results folder; nil for `results/TIME`.
    public var out: String?
    public var allowList: AllowList
    public var reproduce: String

    public init(
        kernel: KernelRequest, machine: MachineOptions, scenarios: [Scenario], jobs: Int?, buildJobs: Int, out: String?, allowList: AllowList,
        reproduce: String
    ) {
        self.kernel = kernel
        self.machine = machine
        self.scenarios = scenarios
        self.jobs = jobs
        self.buildJobs = buildJobs
        self.out = out
        self.allowList = allowList
        self.reproduce = reproduce
    }
}

/// Builds and judges a source after each patch of a series, or before and after all of it.
public struct SeriesSession: Sendable {
    private let workshop: Workshop
    private let today: Day

    /// - Parameter today: for the allow-list's expiry.
    public init(workshop: Workshop, today: Day) {
        self.workshop = workshop
        self.today = today
    }

    /// Judges every patch in turn.
    ///
    /// - Parameter report: called with each result as it comes.
    /// - Throws: `HarnessError`: input where the series is none or does not apply; harness for a fault of the harness.
    ///   `CancellationError` once everything that was started is gone.
    public func check(_ request: SeriesRequest, report: @Sendable (PatchResult, Int) -> Void) async throws -> (table: SeriesTable, folder: String) {
        try await with(request) { work in
            var results: [PatchResult] = []
            for number in 0...work.source.series.patches.count {
                try Task.checkCancellation()
                let result = try await work.judge(number)
                results.append(result.patch)
                report(result.patch, work.source.series.patches.count)
                // After each, for a run that is interrupted.
                try work.folder.write("series.json", json: SeriesTable(source: work.source.baseIdentity, results))
            }
            return (SeriesTable(source: work.source.baseIdentity, results), work.folder.path)
        }
    }

    /// Runs the source without the series and with all of it.
    ///
    /// - Throws: as `check`; harness where one of the two cannot be built or booted.
    public func compare(_ request: SeriesRequest) async throws -> (comparison: SeriesComparison, folder: String) {
        try await with(request) { work in
            let before = try await work.judge(0)
            let after = try await work.judge(work.source.series.patches.count)
            guard let old = before.results, let new = after.results else {
                let what = after.patch.verdict == .doesNotBuild ? "does not build" : "does not boot"
                throw HarnessError(
                    .harness, "with the series the source \(what)\(after.patch.note.map { ": " + $0 } ?? "")",
                    hint: "`ppiov series check` says which patch is the first",
                    blame: .kernel)
            }
            let comparison = SeriesComparison(source: work.source.baseIdentity, before: old, after: new)
            try work.folder.write("compare.json", json: comparison)
            return (comparison, work.folder.path)
        }
    }

    private func with<Value>(_ request: SeriesRequest, _ body: (Work) async throws -> Value) async throws -> Value {
        try ResultsFolder.check(request.out)
        return try await SeriesSource.with(request.kernel.series, over: request.kernel.source, cache: workshop.cache, progress: workshop.progress) {
            source in
            let folder = try ResultsFolder(request.out)
            let builder = KernelBuilder(cache: workshop.cache, vm: workshop.vm, jobs: request.buildJobs, progress: workshop.progress)
            return try await body(
                Work(request: request, workshop: workshop, today: today, builder: builder, source: source, folder: folder, runs: Runs()))
        }
    }
}

/// What is known from the patches before: results by the kernel that they are of, and warnings.
private actor Runs {
    private var warnings: Set<String> = []
    private var isKnown = false
    private var hasNetdevsim = false
    private var known: [String: (number: Int, results: [ScenarioResult])] = [:]

    func known(_ kernel: String) -> (number: Int, results: [ScenarioResult])? { known[kernel] }

    /// Those that were not there before; none of the source's own, which each patch is held against. nil where one of the two is not known.
    func new(_ warnings: [String]?, _ number: Int) -> [String]? {
        if number == 0 { isKnown = warnings != nil }
        guard isKnown, let warnings else { return nil }
        let new = warnings.filter { self.warnings.insert($0).inserted }
        return number == 0 ? [] : new
    }

    /// Whether a patch took netdevsim away, where the source has it.
    func hasLost(_ netdevsim: String?, _ number: Int) -> Bool {
        if number == 0 { hasNetdevsim = netdevsim != nil }
        return hasNetdevsim && netdevsim == nil
    }

    func note(_ kernel: String, _ number: Int, _ results: [ScenarioResult]) { known[kernel] = (number, results) }
}

private struct Work: Sendable {
    var request: SeriesRequest
    var workshop: Workshop
    var today: Day
    var builder: KernelBuilder
    var source: SeriesSource
    var folder: ResultsFolder
    var runs: Runs

    /// - Returns: the results are nil where nothing could be run.
    func judge(_ number: Int) async throws -> (patch: PatchResult, results: [ScenarioResult]?) {
        let state = number == 0 ? nil : source.applied.states[number - 1]
        var result = PatchResult(
            number: number, subject: state?.patch.subject ?? "(without the series)", author: state?.patch.author, verdict: .skipped)
        result.note = state?.note
        let clock = ContinuousClock()
        let begin = clock.now
        if number > 0 { workshop.progress.say("patch \(number) of \(source.series.patches.count): \(result.subject)") }
        let kernel: KernelBuild
        do {
            kernel = try await builder.build(request.kernel, of: try source.source(after: number))
        } catch let error as HarnessError where error.blame == .kernel && number > 0 {
            result.verdict = .doesNotBuild
            result.note = error.evidence.first ?? error.message
            result.buildSeconds = ScenarioTrial.seconds(clock.now - begin)
            return (result, nil)
        }
        if await runs.hasLost(kernel.netdevsim, number) {
            // Without it nearly every scenario would be skipped, and a skip is no failure.
            result.verdict = .doesNotBuild
            result.note = "no netdevsim: \(kernel.netdevsimReason ?? "")"
            result.buildSeconds = ScenarioTrial.seconds(clock.now - begin)
            return (result, nil)
        }
        result.kernel = kernel.key
        result.buildSeconds = ScenarioTrial.seconds(clock.now - begin)
        if let new = await runs.new(kernel.warnings, number) {
            result.warnings = new
        } else {
            let unknown = "new warnings are not told: an older ppiov compiled some of it"
            workshop.progress.say("\(result.subject): \(unknown) (remove its folder in the cache's objects/ to have it compiled anew)")
            result.note = [result.note, unknown].compactMap { $0 }.joined(separator: "; ")
        }
        let built = clock.now
        let content = try kernel.content()
        let results: [ScenarioResult]
        if let known = await runs.known(content) {
            results = known.results
            result.note = [result.note, "the same kernel as \(known.number == 0 ? "without the series" : "after patch \(known.number)")"].compactMap {
                $0
            }.joined(separator: "; ")
        } else {
            do {
                results = try await run(number, kernel)
            } catch let error as HarnessError where error.blame == .kernel && number > 0 {
                result.verdict = .doesNotBoot
                result.note = error.message
                result.runSeconds = ScenarioTrial.seconds(clock.now - built)
                return (result, nil)
            }
            result.runSeconds = ScenarioTrial.seconds(clock.now - built)
            await runs.note(content, number, results)
        }
        result.totals = RunResult.Totals(results)
        result.failures = results.compactMap(PatchResult.Failure.init)
        result.xfailed = results.filter { $0.verdict == .xfail }.map(\.scenario)
        result.skipped = Dictionary(results.filter { $0.verdict == .skip }.map { ($0.scenario, $0.reason ?? "") }) { first, _ in first }
        switch ExitCode(results) {
        case .failed: result.verdict = .failed
        case .passed: result.verdict = .passed
        default: result.verdict = .skipped
        }
        return (result, results)
    }

    private func run(_ number: Int, _ kernel: KernelBuild) async throws -> [ScenarioResult] {
        var run = RunRequest(
            kernel: request.kernel, machine: request.machine, scenarios: request.scenarios, isolation: .group, jobs: request.jobs,
            buildJobs: request.buildJobs, out: "\(folder.path)/\(String(format: "%04d", number))", allowList: request.allowList,
            reproduce: request.reproduce)
        run.needsWholeMachines = true
        let bench = try await workshop.bench(kernel, machine: request.machine)
        let snapshot = try await SnapshotStore(cache: workshop.cache, progress: workshop.progress).snapshot(bench.plan, bootConsole: nil)
        // A hundred MB for each patch, and none is booted twice.
        defer { if number > 0 { try? Files.remove(snapshot.folder) } }
        let outcome = try await RunSession(workshop: workshop, today: today).run(run, on: bench)
        if outcome.interrupted { throw CancellationError() }
        return outcome.results
    }
}
