// SPDX-License-Identifier: GPL-2.0

public import Checks
import Foundation
public import Results
public import Scenarios
import Synchronization

/// How scenarios share machines.
public enum Isolation: String, Sendable, CaseIterable {
    /// Each starts from the snapshot.
    case scenario
    /// A few of a group share a machine that started from the snapshot. One that is not green ends it.
    case group
    /// All share one that is booted for them: for what accumulates.
    case none
}

/// What to run, and how.
public struct RunRequest: Sendable {
    public var kernel: KernelRequest
    public var machine: MachineOptions
    public var scenarios: [Scenario]
    public var isolation: Isolation
    /// Machines at a time; nil for as many as suit the kernel (``Bench/guests``).
    public var jobs: Int?
    /// Compilers at a time.
    public var buildJobs: Int
    /// The results folder; nil for `results/TIME`.
    public var out: String?
    public var allowList: AllowList
    /// The command that runs the same again.
    public var reproduce: String
    /// Start no more once one has failed or crashed.
    public var stopAtFailure = false
    /// A QEMU that is killed ends the run with an error: where kernels are held against each other it says nothing of this one.
    public var needsWholeMachines = false
    /// Tell a known bug of the kernel's version apart from a failure. A search looks for what fails, known or not.
    public var knownBugs = true

    public init(
        kernel: KernelRequest, machine: MachineOptions, scenarios: [Scenario], isolation: Isolation, jobs: Int?, buildJobs: Int,
        out: String?, allowList: AllowList, reproduce: String
    ) {
        self.kernel = kernel
        self.machine = machine
        self.scenarios = scenarios
        self.isolation = isolation
        self.jobs = jobs
        self.buildJobs = buildJobs
        self.out = out
        self.allowList = allowList
        self.reproduce = reproduce
    }
}

/// What came of a run.
public struct RunOutcome: Sendable {
    /// In the order of the request; shorter where the run was interrupted.
    public var results: [ScenarioResult]
    public var folder: String
    public var interrupted: Bool
}

/// Runs scenarios: a machine for each unit of isolation, evidence to the judge, results to the folder.
public struct RunSession: Sendable {
    private let workshop: Workshop
    private let progress: Progress
    private let today: Day

    /// - Parameter today: for the allow-list's expiry.
    public init(workshop: Workshop, today: Day) {
        self.workshop = workshop
        self.progress = workshop.progress
        self.today = today
    }

    /// Does the whole of it.
    ///
    /// - Throws: `HarnessError` where there is no kernel, no boot, or no place for results. A scenario's failure is a result.
    public func run(_ request: RunRequest) async throws -> RunOutcome { try await run(request, on: nil) }

    /// - Parameter bench: made before; nil has the request's kernel built.
    func run(_ request: RunRequest, on made: Bench?) async throws -> RunOutcome {
        let begin = (clock: ContinuousClock.now, date: Date())
        // Before a build that takes minutes.
        try ResultsFolder.check(request.out)
        let bench: Bench
        if let made {
            bench = made
        } else {
            bench = try await workshop.prepare(kernel: request.kernel, machine: request.machine, buildJobs: request.buildJobs)
        }
        let folder = try ResultsFolder(request.out)
        let scale = request.machine.timeoutScale * bench.slowness
        progress.say(
            "\(request.scenarios.count) scenario\(request.scenarios.count == 1 ? "" : "s"), isolation \(request.isolation.rawValue), deadlines x\(scale)"
        )

        let store = SnapshotStore(cache: workshop.cache, progress: progress)
        let run = UnitRunner(
            bench: bench, store: store, folder: folder, scale: scale, isolation: request.isolation,
            judge: Judge(allowList: request.allowList, today: today, knownBugs: request.knownBugs, guaranteed: bench.guaranteed),
            board: Board(request.scenarios, progress),
            stopAtFailure: request.stopAtFailure, needsWholeMachines: request.needsWholeMachines)
        if request.isolation != .none {
            // Once, before the jobs: a kernel that does not boot is the harness's failure, not every scenario's.
            _ = try await store.snapshot(bench.plan, bootConsole: folder.path + "/boot-console.log")
            workshop.noteBootSplats(folder.path + "/boot-console.log")
        }
        var interrupted = false
        var fault: (any Error)?
        do {
            try await runUnits(request, run, jobs: request.jobs ?? bench.guests)
        } catch is CancellationError {
            interrupted = true
        } catch {
            fault = error
        }
        let results = run.board.results
        let metadata = RunMetadata(
            bench, kernel: request.kernel, machine: request.machine, guest: run.board.guest, isolation: request.isolation, scale: scale,
            seed: "fixed per scenario", reproduce: request.reproduce, configuration: try workshop.configuration(request.kernel, request.machine),
            begin: begin,
            starts: run.board.starts)
        try folder.finish(results, metadata, bail: interrupted ? "interrupted" : fault.map { "\($0)" })
        if let fault { throw fault }
        return RunOutcome(results: results, folder: folder.path, interrupted: interrupted)
    }

    private func runUnits(_ request: RunRequest, _ run: UnitRunner, jobs: Int) async throws {
        var units = Self.units(request.scenarios, request.isolation)[...]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<max(1, jobs) {
                guard let unit = units.popFirst() else { break }
                group.addTask { try await run.run(unit) }
            }
            while try await group.next() != nil {
                if request.stopAtFailure, run.board.hasFailure { continue }
                if let unit = units.popFirst() { group.addTask { try await run.run(unit) } }
            }
        }
    }

    /// Scenarios that share a machine, in order.
    static func units(_ scenarios: [Scenario], _ isolation: Isolation) -> [[Scenario]] {
        switch isolation {
        case .scenario: return scenarios.map { [$0] }
        case .none: return scenarios.isEmpty ? [] : [scenarios]
        case .group:
            var groups: [[Scenario]] = []
            for scenario in scenarios {
                if let last = groups.indices.last, groups[last].first?.group == scenario.group {
                    groups[last].append(scenario)
                } else {
                    groups.append([scenario])
                }
            }
            return groups.flatMap(shares)
        }
    }

    /// One group's scenarios as they share machines: at most `most` on each, and as many on one as on another.
    private static func shares(_ group: [Scenario]) -> [[Scenario]] {
        let most = 8
        let machines = (group.count + most - 1) / most
        return (0..<machines).map { Array(group[group.count * $0 / machines..<group.count * ($0 + 1) / machines]) }
    }
}

/// The results as they come, put back into the order of the request.
final class Board: Sendable {
    private struct State {
        var results: [String: ScenarioResult] = [:]
        var guest: GuestInfo?
        var starts: [String: Double] = [:]
    }

    private let order: [String]
    private let progress: Progress
    private let state = Mutex(State())

    init(_ scenarios: [Scenario], _ progress: Progress) {
        order = scenarios.map { $0.id }
        self.progress = progress
    }

    var results: [ScenarioResult] { state.withLock { state in order.compactMap { state.results[$0] } } }
    var guest: GuestInfo? { state.withLock { $0.guest } }
    var hasFailure: Bool { state.withLock { $0.results.values.contains { $0.verdict == .fail || $0.verdict == .crashed } } }

    /// Seconds from a machine's start to its first scenario's start, by that scenario.
    var starts: [String: Double] { state.withLock { $0.starts } }

    func begun(_ scenario: String, seconds: Double) { state.withLock { $0.starts[scenario] = seconds } }

    func met(_ guest: GuestInfo) { state.withLock { $0.guest = guest } }

    func post(_ result: ScenarioResult) {
        let done = state.withLock { state in
            state.results[result.scenario] = result
            return state.results.count
        }
        progress.result(result, done: done, of: order.count)
    }
}
