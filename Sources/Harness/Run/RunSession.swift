// SPDX-License-Identifier: GPL-2.0

import Checks
import Foundation
public import Results
public import Scenarios

/// How scenarios share machines.
public enum Isolation: String, Sendable, CaseIterable {
    /// Each starts from the snapshot.
    case scenario
    /// A few of a group share a machine that starts from the snapshot. The first that fails ends the machine.
    case group
    /// All share one machine that is booted for them: for effects that accumulate.
    case none
}

/// Which scenarios to run, and how.
public struct RunRequest: Sendable {
    public var settings: RunSettings
    public var scenarios: [Scenario]
    public var isolation: Isolation
    /// Start no scenario after one has failed or crashed.
    public var stopAtFailure = false
    /// A QEMU that ends by itself ends the run with an error: where kernels are compared, it is no result of this kernel.
    public var needsWholeMachines = false
    /// Report a known bug of the kernel's version as xfail. A search counts it as a failure.
    public var knownBugs = true

    public init(_ settings: RunSettings, scenarios: [Scenario], isolation: Isolation) {
        self.settings = settings
        self.scenarios = scenarios
        self.isolation = isolation
    }

    /// A run of one kernel of many.
    ///
    /// - Parameter out: its results folder.
    init(oneOfMany settings: RunSettings, scenarios: [Scenario], out: String) {
        self.init(settings, scenarios: scenarios, isolation: .group)
        self.settings.out = out
        needsWholeMachines = true
    }
}

/// The outcome of a run.
public struct RunOutcome: Sendable {
    /// In the order of the request; fewer where the run was interrupted.
    public var results: [ScenarioResult]
    public var folder: String
    public var interrupted: Bool
    /// Why results are missing, or could not be written.
    public var fault: (any Error)?
}

/// Runs scenarios: starts a machine for each unit of isolation, judges the evidence, and writes the results folder.
public struct RunSession: Sendable {
    private let context: HarnessContext
    private var progress: Progress { context.progress }

    public init(_ context: HarnessContext) { self.context = context }

    /// Prepares the machine, runs the scenarios, and writes the results.
    ///
    /// - Throws: `HarnessError` where there is no kernel, no boot, or no place for results. A scenario's failure is a result, and a fault after the
    ///   first scenario began is a part of the outcome.
    public func run(_ request: RunRequest) async throws -> RunOutcome {
        let begin = (clock: ContinuousClock.now, date: Date())
        // Before a build that takes minutes.
        try ResultsFolder.check(request.settings.out)
        return try await run(request, on: try await context.prepare(request.settings), begin: begin)
    }

    /// Runs scenarios on a machine that is prepared.
    ///
    /// - Throws: as `run`; `CancellationError` where the run is interrupted.
    func completeRun(_ request: RunRequest, on machine: PreparedMachine) async throws -> RunOutcome {
        let outcome = try await run(request, on: machine, begin: (clock: .now, date: Date()))
        if let fault = outcome.fault { throw fault }
        if outcome.interrupted { throw CancellationError() }
        return outcome
    }

    private func run(
        _ request: RunRequest, on machine: PreparedMachine, begin: (clock: ContinuousClock.Instant, date: Date)
    ) async throws -> RunOutcome {
        let settings = request.settings
        let folder = try ResultsFolder(settings.out)
        let count = request.scenarios.count
        progress.report(
            "\(count) scenario\(count == 1 ? "" : "s"), isolation \(request.isolation.rawValue), deadlines x\(machine.timeoutScale)")
        if let shortage = machine.shortage(settings.jobs) { progress.report(shortage) }
        let collector = ResultCollector(request.scenarios, progress)
        let runner = UnitRunner(
            machine: machine, store: context.snapshots, folder: folder, isolation: request.isolation,
            judge: Judge(
                allowList: settings.allowList, today: context.today, knownBugs: request.knownBugs, guaranteed: machine.guaranteed),
            collector: collector, stopAtFailure: request.stopAtFailure, needsWholeMachines: request.needsWholeMachines)
        if request.isolation != .none {
            try await context.boot(machine, bootConsole: folder.path + "/boot-console.log")
        }
        var interrupted = false
        var fault: (any Error)?
        do {
            let units = Self.units(request.scenarios, request.isolation)
            try await concurrently(
                units, limit: settings.jobs ?? machine.guests, until: { _ in request.stopAtFailure && collector.hasFailure }
            ) { try await runner.run($0) }
        } catch is CancellationError {
            interrupted = true
        } catch {
            fault = error
        }
        let metadata = RunMetadata(
            machine, settings, guest: collector.guest, isolation: request.isolation, seed: "fixed per scenario",
            configuration: try context.configuration(settings.kernel, settings.machine), begin: begin, starts: collector.starts)
        do {
            try folder.finish(collector.results, metadata, bail: interrupted ? "interrupted" : fault.map { "\($0)" })
        } catch {
            // The first fault is the cause of the others.
            fault = fault ?? error
        }
        return RunOutcome(results: collector.results, folder: folder.path, interrupted: interrupted, fault: fault)
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

    /// Divides a group's scenarios among machines: at most `most` on each machine, and the numbers differ by at most one.
    private static func shares(_ group: [Scenario]) -> [[Scenario]] {
        let most = 8
        let machines = (group.count + most - 1) / most
        return (0..<machines).map { Array(group[group.count * $0 / machines..<group.count * ($0 + 1) / machines]) }
    }
}
