// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
public import Scenarios

/// Which series to judge, on what source, with which scenarios.
public struct SeriesRequest: Sendable {
    /// The series is its kernel's.
    public var settings: RunSettings
    public var scenarios: [Scenario]

    public init(_ settings: RunSettings, scenarios: [Scenario]) {
        self.settings = settings
        self.scenarios = scenarios
    }
}

/// Builds and judges a source after each patch of a series, or before and after all of it.
public struct SeriesSession: Sendable {
    private let context: HarnessContext

    public init(_ context: HarnessContext) { self.context = context }

    /// Judges every patch, in order.
    ///
    /// - Parameter report: called with each result, and the number of patches.
    /// - Throws: `HarnessError`: input where the series cannot be read or does not apply; harness for a fault of the harness.
    ///   `CancellationError` once all that was started has ended.
    public func check(_ request: SeriesRequest, report: @Sendable (PatchResult, Int) -> Void) async throws -> (table: SeriesTable, folder: String) {
        try await with(request) { judge in
            var results: [PatchResult] = []
            for number in 0...judge.source.series.patches.count {
                try Task.checkCancellation()
                let result = try await judge.patch(number)
                results.append(result.patch)
                report(result.patch, judge.source.series.patches.count)
                // After each patch: the run may be interrupted.
                try judge.folder.write("series.json", json: SeriesTable(source: judge.source.baseIdentity, results))
            }
            return (SeriesTable(source: judge.source.baseIdentity, results), judge.folder.path)
        }
    }

    /// Runs the source without the series and with all of it.
    ///
    /// - Throws: as `check`; harness where one of the two cannot be built or booted.
    public func compare(_ request: SeriesRequest) async throws -> (comparison: SeriesComparison, folder: String) {
        try await with(request) { judge in
            let before = try await judge.patch(0)
            let after = try await judge.patch(judge.source.series.patches.count)
            guard let old = before.results, let new = after.results else {
                let what = after.patch.verdict == .doesNotBuild ? "does not build" : "does not boot"
                throw HarnessError(
                    .harness, "with the series the source \(what)\(after.patch.note.map { ": " + $0 } ?? "")",
                    hint: "`ppiov series check` finds the first patch with which it does not",
                    blame: .kernel)
            }
            let comparison = SeriesComparison(source: judge.source.baseIdentity, before: old, after: new)
            try judge.folder.write("compare.json", json: comparison)
            return (comparison, judge.folder.path)
        }
    }

    private func with<Value>(_ request: SeriesRequest, _ body: (SeriesJudge) async throws -> Value) async throws -> Value {
        let settings = request.settings
        try ResultsFolder.check(settings.out)
        return try await SeriesSource.with(settings.kernel.series, over: settings.kernel.source, cache: context.cache, progress: context.progress) {
            source in
            try await body(SeriesJudge(request: request, context: context, source: source, folder: try ResultsFolder(settings.out)))
        }
    }
}
