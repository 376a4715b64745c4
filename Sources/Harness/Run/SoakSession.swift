// SPDX-License-Identifier: GPL-2.0

public import Checks
import Foundation
public import LifeCycle
public import Results
import Scenarios

/// What to soak, and for how long.
public struct SoakRequest: Sendable {
    public var kernel: KernelRequest
    public var machine: MachineOptions
    public var providers: [ModelProvider]
    /// Draws the sequences: the same seed draws the same ones in the same order.
    public var seed: UInt64
    /// Of each sequence.
    public var moves: Int
    /// No sequence is begun after it.
    public var time: Duration
    /// Machines at a time; nil for as many as suit the kernel (``Bench/guests``).
    public var jobs: Int?
    public var buildJobs: Int
    /// The results folder; nil for `results/TIME`.
    public var out: String?
    public var allowList: AllowList

    public init(
        kernel: KernelRequest, machine: MachineOptions, providers: [ModelProvider], seed: UInt64, moves: Int, time: Duration, jobs: Int?,
        buildJobs: Int, out: String?, allowList: AllowList
    ) {
        self.kernel = kernel
        self.machine = machine
        self.providers = providers
        self.seed = seed
        self.moves = moves
        self.time = time
        self.jobs = jobs
        self.buildJobs = buildJobs
        self.out = out
        self.allowList = allowList
    }
}

/// What came of a soak.
public struct SoakOutcome: Sendable {
    /// Sequences that were judged; those that were skipped tried nothing.
    public var sequences = 0
    public var moves = 0
    /// Why sequences were skipped; nil where none was.
    public var skipped: String?
    /// The sequence that failed, as it was drawn.
    public var failed: ScenarioResult?
    /// The shortest that fails in the same way.
    public var shortest: ScenarioResult?
    /// How often the shortest failed when it was run again, and how often it was.
    public var again = (failed: 0, runs: 0)
    public var folder: String
}

/// Runs random legal sequences of moves until one fails or time is up, and shortens the one that failed.
public struct SoakSession: Sendable {
    private let workshop: Workshop
    private let today: Day
    /// Candidates tried while shortening, at the most.
    private static let mostCuts = 200
    private static let repeats = 3

    public init(workshop: Workshop, today: Day) {
        self.workshop = workshop
        self.today = today
    }

    /// The sequence of that number; the same for the same seed and length.
    public static func sequence(_ number: Int, of request: SoakRequest) -> MoveSequence {
        var random = SeededGenerator(seed: request.seed &+ UInt64(number) &* 0xA076_1D64_78BD_642F)
        let provider = request.providers[number % request.providers.count]
        return MoveSequence(provider, length: request.moves, using: &random)
    }

    public func run(_ request: SoakRequest) async throws -> SoakOutcome {
        try ResultsFolder.check(request.out)
        let bench = try await workshop.prepare(kernel: request.kernel, machine: request.machine, buildJobs: request.buildJobs)
        let folder = try ResultsFolder(request.out)
        let store = SnapshotStore(cache: workshop.cache, progress: workshop.progress)
        _ = try await store.snapshot(bench.plan, bootConsole: folder.path + "/boot-console.log")
        let trial = Trial(
            bench: bench, store: store, folder: folder, scale: request.machine.timeoutScale * bench.slowness,
            judge: Judge(allowList: request.allowList, today: today, guaranteed: bench.guaranteed), jobs: request.jobs ?? bench.guests,
            progress: workshop.progress)
        workshop.progress.say("seed \(request.seed): sequences of \(request.moves) moves, \(trial.jobs) at a time")

        var outcome = SoakOutcome(folder: folder.path)
        var drawn = 0
        let end = ContinuousClock.now + request.time
        while ContinuousClock.now < end && outcome.failed == nil {
            let batch = (drawn..<drawn + max(1, trial.jobs) * 4).map { Self.sequence($0, of: request) }
            drawn += batch.count
            let results = try await trial.run(batch, loud: true)
            let judged = results.filter { $0.verdict != .skip }
            outcome.sequences += judged.count
            outcome.moves += judged.reduce(0) { $0 + (MoveSequence($1.scenario.dropFirst(MoveSequence.prefix.count))?.moves.count ?? 0) }
            outcome.failed = judged.first { Fingerprint.of($0) != nil }
            outcome.skipped = outcome.skipped ?? results.first { $0.verdict == .skip }?.reason
            // What this kernel lacks it will lack in the next batch, too.
            if judged.isEmpty { break }
        }
        if let failed = outcome.failed { try await shorten(failed, trial, &outcome) }
        return outcome
    }

    /// Leaves out moves as long as what is left fails in the same way.
    private func shorten(_ failed: ScenarioResult, _ trial: Trial, _ outcome: inout SoakOutcome) async throws {
        guard let fingerprint = Fingerprint.of(failed), var shortest = MoveSequence(failed.scenario.dropFirst(MoveSequence.prefix.count)) else {
            return
        }
        workshop.progress.say("failed: \(fingerprint); looking for a shorter sequence that fails so")
        var result = failed
        var tried = 0
        var seen: Set<String> = [shortest.text]
        search: while tried < Self.mostCuts {
            let cuts = shortest.cuts.filter { seen.insert($0.text).inserted }
            var left = cuts[...]
            while !left.isEmpty && tried < Self.mostCuts {
                let batch = Array(left.prefix(max(1, trial.jobs)))
                left = left.dropFirst(batch.count)
                tried += batch.count
                let results = try await trial.run(batch, loud: false)
                let same = results.filter { Fingerprint.of($0) == fingerprint }
                if let best = same.min(by: { $0.scenario.count < $1.scenario.count }),
                    let found = MoveSequence(best.scenario.dropFirst(MoveSequence.prefix.count))
                {
                    workshop.progress.say("\(found.moves.count) moves fail: \(found.text)")
                    shortest = found
                    result = best
                    continue search
                }
            }
            break
        }
        outcome.shortest = result
        for _ in 0..<Self.repeats {
            let again = try await trial.run([shortest], loud: false)
            outcome.again.runs += 1
            if again.first.flatMap(Fingerprint.of) == fingerprint { outcome.again.failed += 1 }
        }
    }
}

/// Runs sequences, each from the snapshot.
private struct Trial: Sendable {
    let bench: Bench
    let store: SnapshotStore
    let folder: ResultsFolder
    let scale: Double
    let judge: Judge
    let jobs: Int
    let progress: Progress

    /// - Parameter loud: say each verdict.
    /// - Returns: the results in the order of `sequences`. Files of those that passed are not kept: a soak would fill the disk.
    func run(_ sequences: [MoveSequence], loud: Bool) async throws -> [ScenarioResult] {
        var ids: Set<String> = []
        let scenarios = sequences.compactMap { Catalogue.named(MoveSequence.prefix + $0.text) }.filter { ids.insert($0.id).inserted }
        let board = Board(scenarios, loud ? progress : Progress { _ in })
        let runner = UnitRunner(
            bench: bench, store: store, folder: folder, scale: scale, isolation: .scenario, judge: judge, board: board)
        try await withThrowingTaskGroup(of: Void.self) { group in
            var left = scenarios[...]
            for _ in 0..<max(1, jobs) {
                guard let next = left.popFirst() else { break }
                group.addTask { try await runner.run([next]) }
            }
            while try await group.next() != nil {
                if let next = left.popFirst() { group.addTask { try await runner.run([next]) } }
            }
        }
        for result in board.results where Fingerprint.of(result) == nil {
            try? FileManager.default.removeItem(atPath: folder.path + "/scenarios/" + result.scenario)
        }
        return board.results
    }
}
