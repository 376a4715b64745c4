// SPDX-License-Identifier: GPL-2.0

import Checks
import Foundation
public import LifeCycle
public import Results
import Scenarios

/// The settings of a soak.
public struct SoakRequest: Sendable {
    public var settings: RunSettings
    public var providers: [ModelProvider]
    /// Draws the sequences: the same seed draws the same ones in the same order.
    public var seed: UInt64
    /// Moves of each sequence.
    public var moves: Int
    /// No sequence starts after this time.
    public var time: Duration

    public init(_ settings: RunSettings, providers: [ModelProvider], seed: UInt64, moves: Int, time: Duration) {
        self.settings = settings
        self.providers = providers
        self.seed = seed
        self.moves = moves
        self.time = time
    }
}

/// The outcome of a soak.
public struct SoakOutcome: Sendable {
    /// Sequences that were judged; those that were skipped are not counted.
    public var sequences = 0
    public var moves = 0
    /// Why sequences were skipped; nil where none was.
    public var skipped: String?
    /// The sequence that failed, as it was drawn.
    public var failed: ScenarioResult?
    /// The shortest that fails in the same way.
    public var shortest: ScenarioResult?
    /// How often the shortest failed in further runs, and the number of those runs.
    public var again = (failed: 0, runs: 0)
    public var folder: String
}

/// Runs random legal sequences of moves until one fails or time is up, and shortens the one that failed.
public struct SoakSession: Sendable {
    private let context: HarnessContext
    /// Shorter sequences that are tried at the most.
    private static let mostCuts = 200
    private static let repeats = 3

    public init(_ context: HarnessContext) { self.context = context }

    /// The sequence of that number; the same for the same seed and length.
    public static func sequence(_ number: Int, of request: SoakRequest) -> MoveSequence {
        var random = SeededGenerator(seed: request.seed &+ UInt64(number) &* 0xA076_1D64_78BD_642F)
        let provider = request.providers[number % request.providers.count]
        return MoveSequence(provider, length: request.moves, using: &random)
    }

    /// Runs sequences until one fails or time is up.
    ///
    /// - Throws: `HarnessError` where there is no kernel, no boot, or no place for results. A sequence's failure is a result.
    public func run(_ request: SoakRequest) async throws -> SoakOutcome {
        let settings = request.settings
        try ResultsFolder.check(settings.out)
        let machine = try await context.prepare(settings)
        let folder = try ResultsFolder(settings.out)
        try await context.boot(machine, bootConsole: folder.path + "/boot-console.log")
        let trial = SequenceTrial(
            machine: machine, store: context.snapshots, folder: folder,
            judge: Judge(allowList: settings.allowList, today: context.today, guaranteed: machine.guaranteed),
            jobs: max(1, settings.jobs ?? machine.guests))
        context.progress.report("seed \(request.seed): sequences of \(request.moves) moves, \(trial.jobs) at a time")

        var outcome = SoakOutcome(folder: folder.path)
        var drawn = 0
        let end = ContinuousClock.now + request.time
        while .now < end && outcome.failed == nil {
            let batch = (drawn..<drawn + trial.jobs * 4).map { Self.sequence($0, of: request) }
            drawn += batch.count
            let results = try await trial.run(batch, progress: context.progress)
            let judged = results.filter { $0.verdict != .skip }
            outcome.sequences += judged.count
            outcome.moves += judged.reduce(0) { $0 + (MoveSequence($1.scenario.dropFirst(MoveSequence.prefix.count))?.moves.count ?? 0) }
            outcome.failed = judged.first { Fingerprint.of($0) != nil }
            outcome.skipped = outcome.skipped ?? results.first { $0.verdict == .skip }?.reason
            // This kernel will lack the same in the next batch.
            if judged.isEmpty { break }
        }
        if let failed = outcome.failed { try await shorten(failed, trial, &outcome) }
        return outcome
    }

    /// Leaves out moves as long as the rest fails in the same way.
    private func shorten(_ failed: ScenarioResult, _ trial: SequenceTrial, _ outcome: inout SoakOutcome) async throws {
        guard let fingerprint = Fingerprint.of(failed), var shortest = MoveSequence(failed.scenario.dropFirst(MoveSequence.prefix.count)) else {
            return
        }
        context.progress.report("failed: \(fingerprint); searching for a shorter sequence that fails in the same way")
        var result = failed
        var tried = 0
        var seen: Set<String> = [shortest.text]
        search: while tried < Self.mostCuts {
            let cuts = shortest.cuts.filter { seen.insert($0.text).inserted }
            var left = cuts[...]
            while !left.isEmpty && tried < Self.mostCuts {
                let batch = Array(left.prefix(trial.jobs))
                left = left.dropFirst(batch.count)
                tried += batch.count
                let results = try await trial.run(batch, progress: .discarded)
                let same = results.filter { Fingerprint.of($0) == fingerprint }
                if let best = same.min(by: { $0.scenario.count < $1.scenario.count }),
                    let found = MoveSequence(best.scenario.dropFirst(MoveSequence.prefix.count))
                {
                    context.progress.report("\(found.moves.count) moves fail: \(found.text)")
                    shortest = found
                    result = best
                    continue search
                }
            }
            break
        }
        outcome.shortest = result
        for _ in 0..<Self.repeats {
            let again = try await trial.run([shortest], progress: .discarded)
            outcome.again.runs += 1
            if again.first.flatMap(Fingerprint.of) == fingerprint { outcome.again.failed += 1 }
        }
    }
}

/// Runs sequences, each from the snapshot.
private struct SequenceTrial: Sendable {
    let machine: PreparedMachine
    let store: SnapshotStore
    let folder: ResultsFolder
    let judge: Judge
    let jobs: Int

    /// - Returns: the results in the order of `sequences`. Files of those that passed are removed: they would fill the disk.
    func run(_ sequences: [MoveSequence], progress: Progress) async throws -> [ScenarioResult] {
        var ids: Set<String> = []
        let scenarios = sequences.compactMap { Catalogue.named(MoveSequence.prefix + $0.text) }.filter { ids.insert($0.id).inserted }
        let collector = ResultCollector(scenarios, progress)
        let runner = UnitRunner(
            machine: machine, store: store, folder: folder, isolation: .scenario, judge: judge, collector: collector)
        try await concurrently(scenarios, limit: jobs) { try await runner.run([$0]) }
        for result in collector.results where Fingerprint.of(result) == nil {
            try? FileManager.default.removeItem(atPath: folder.path + "/scenarios/" + result.scenario)
        }
        return collector.results
    }
}
