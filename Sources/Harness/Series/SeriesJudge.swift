// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// Builds, boots and runs the source after each patch of a series.
struct SeriesJudge: Sendable {
    let source: SeriesSource
    let folder: ResultsFolder
    private let request: SeriesRequest
    private let context: HarnessContext
    private let builder: KernelBuilder
    private let history = PatchHistory()

    private var progress: Progress { context.progress }

    init(request: SeriesRequest, context: HarnessContext, source: SeriesSource, folder: ResultsFolder) {
        self.request = request
        self.context = context
        self.source = source
        self.folder = folder
        builder = context.builder(jobs: request.settings.buildJobs)
    }

    /// Judges the source after `number` patches.
    ///
    /// - Returns: the results are nil where the kernel could not be run.
    /// - Throws: `HarnessError` for a fault of the harness, and where the source without the series does not build or boot.
    func patch(_ number: Int) async throws -> (patch: PatchResult, results: [ScenarioResult]?) {
        let state = number == 0 ? nil : source.applied.states[number - 1]
        var result = PatchResult(
            number: number, subject: state?.patch.subject ?? "(without the series)", author: state?.patch.author, verdict: .skipped)
        result.note = state?.note
        if number > 0 { progress.report("patch \(number) of \(source.series.patches.count): \(result.subject)") }
        guard let kernel = try await build(number, &result) else { return (result, nil) }
        let content = try kernel.content()
        if let known = await history.known(content) {
            result.add(note: "the same kernel as \(known.number == 0 ? "without the series" : "after patch \(known.number)")")
            result.count(known.results)
            return (result, known.results)
        }
        let begin = ContinuousClock.now
        do {
            let results = try await run(number, kernel)
            await history.note(content, number, results)
            result.count(results)
            result.runSeconds = (.now - begin).seconds
            return (result, results)
        } catch let error as HarnessError where error.blame == .kernel && number > 0 {
            result.verdict = .doesNotBoot
            result.note = error.message
            result.runSeconds = (.now - begin).seconds
            return (result, nil)
        }
    }

    /// The kernel; nil where there is none to run, and `result` has the reason.
    private func build(_ number: Int, _ result: inout PatchResult) async throws -> KernelBuild? {
        let begin = ContinuousClock.now
        defer { result.buildSeconds = (.now - begin).seconds }
        let kernel: KernelBuild
        do {
            kernel = try await builder.build(request.settings.kernel, of: try source.source(after: number))
        } catch let error as HarnessError where error.blame == .kernel && number > 0 {
            result.verdict = .doesNotBuild
            result.note = error.evidence.first ?? error.message
            return nil
        }
        if await history.hasLost(kernel.netdevsim, number) {
            // Without it nearly every scenario would be skipped, and a skip is no failure.
            result.verdict = .doesNotBuild
            result.note = "no netdevsim: \(kernel.netdevsimReason ?? "")"
            return nil
        }
        result.kernel = kernel.key
        if let new = await history.new(kernel.warnings, number) {
            result.warnings = new
        } else {
            let unknown = "new warnings are not known: an older ppiov compiled a part of it"
            progress.report("\(result.subject): \(unknown) (remove its folder in the cache's objects/ to compile all of it again)")
            result.add(note: unknown)
        }
        return kernel
    }

    private func run(_ number: Int, _ kernel: KernelBuild) async throws -> [ScenarioResult] {
        let run = RunRequest(oneOfMany: request.settings, scenarios: request.scenarios, out: "\(folder.path)/\(String(format: "%04d", number))")
        let machine = try await context.machine(of: kernel, request.settings.machine)
        let session = RunSession(context)
        // The source without the series is booted again by the next series on it.
        if number == 0 { return try await session.completeRun(run, on: machine).results }
        return try await context.withOneTimeSnapshot(of: machine) { try await session.completeRun(run, on: $0).results }
    }
}

/// The results of the patches before, by kernel, and their warnings.
private actor PatchHistory {
    private var warnings: Set<String> = []
    private var isKnown = false
    private var hasNetdevsim = false
    private var known: [String: (number: Int, results: [ScenarioResult])] = [:]

    func known(_ kernel: String) -> (number: Int, results: [ScenarioResult])? { known[kernel] }

    /// The warnings that no kernel before had; none for the source without the series. nil where the warnings of one of the two are not
    /// known.
    func new(_ warnings: [String]?, _ number: Int) -> [String]? {
        if number == 0 { isKnown = warnings != nil }
        guard isKnown, let warnings else { return nil }
        let new = warnings.filter { self.warnings.insert($0).inserted }
        return number == 0 ? [] : new
    }

    /// Whether the source has netdevsim without the series and not with this patch.
    func hasLost(_ netdevsim: String?, _ number: Int) -> Bool {
        if number == 0 { hasNetdevsim = netdevsim != nil }
        return hasNetdevsim && netdevsim == nil
    }

    func note(_ kernel: String, _ number: Int, _ results: [ScenarioResult]) { known[kernel] = (number, results) }
}
