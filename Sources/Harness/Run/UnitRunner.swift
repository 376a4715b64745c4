// SPDX-License-Identifier: GPL-2.0

import Checks
import Foundation
import Results
import Scenarios

/// Runs scenarios that share a machine. After a scenario that ends the machine, the others get a new one.
struct UnitRunner: Sendable {
    let machine: PreparedMachine
    let store: SnapshotStore
    let folder: ResultsFolder
    let isolation: Isolation
    let judge: Judge
    let collector: ResultCollector
    var stopAtFailure = false
    var needsWholeMachines = false

    /// The outcome of scenarios that shared one machine.
    private struct SharedRun {
        /// How many were run.
        var done = 0
        /// The result of the last of them, where it failed and the scenarios before it may have caused that.
        var doubtful: ScenarioResult?
    }

    func run(_ unit: [Scenario]) async throws {
        var left = unit[...]
        while let first = left.first {
            if stopAtFailure, collector.hasFailure { return }
            let console = try folder.scenario(first.id) + (unit.count > 1 ? "/machine.log" : "/console.log")
            let scenarios = Array(left)
            let shared: SharedRun
            if isolation == .none {
                shared = try await withVirtualMachine(machine.plan.line, console: console) { machine in
                    let ready = try await machine.waitForReady()
                    return try await runInOrder(scenarios, machine, ready)
                }
            } else {
                shared = try await store.withMachine(machine.plan, console: console) { machine, ready in
                    try await runInOrder(scenarios, machine, ready)
                }
            }
            if let doubtful = shared.doubtful {
                var result = doubtful
                // Also where the second run is interrupted.
                defer { collector.add(result) }
                result.findings.append(try await rerun(scenarios[shared.done - 1], after: scenarios.prefix(shared.done - 1)))
            }
            left = left.dropFirst(max(1, shared.done))
        }
    }

    /// Runs them until the machine is lost or, with isolation `group`, one fails.
    private func runInOrder(_ scenarios: [Scenario], _ guestMachine: VirtualMachine, _ ready: String) async throws -> SharedRun {
        let guest = try accept(ready)
        return try await GuestSession.with(guestMachine) { session in
            var shared = SharedRun()
            for scenario in scenarios {
                if shared.done > 0, stopAtFailure, collector.hasFailure { break }
                let outcome: ScenarioTrial.Outcome
                let trial = ScenarioTrial(scenario: scenario, scale: machine.timeoutScale, guest: guest)
                do {
                    outcome = try await trial.run(session)
                } catch {
                    // The output of an interrupted scenario is kept, too.
                    try? folder.keep(session.output, of: scenario.id, formats: trial.formats)
                    throw error
                }
                if shared.done == 0, let started = outcome.output.started {
                    collector.note(start: (started - guestMachine.started).seconds, of: scenario.id)
                }
                try folder.keep(outcome.output, of: scenario.id, formats: outcome.evidence.formats)
                try requireWhole(outcome, of: scenario.id)
                let result = judge.verdict(outcome.evidence)
                shared.done += 1
                let hasFailed = result.verdict == .fail || result.verdict == .crashed
                // No second run after a hang, which would take its whole deadline again, or where the run stops here.
                if hasFailed, isolation == .group, shared.done > 1, !outcome.hung, !stopAtFailure {
                    shared.doubtful = result
                } else {
                    collector.add(result)
                }
                // The effects of a failure, a known one too, must not count against the next scenario.
                if outcome.machineLost || ((hasFailed || result.verdict == .xfail) && isolation == .group) { break }
            }
            return shared
        }
    }

    /// Runs a scenario that failed again, on a machine of its own. Its verdict stays; the finding reports whether the scenarios before it may
    /// have caused the failure.
    private func rerun(_ scenario: Scenario, after others: some Collection<Scenario>) async throws -> Finding {
        let name = scenario.id + "/isolated-rerun"
        let result = try await store.withMachine(machine.plan, console: try folder.scenario(name) + "/console.log") { guestMachine, ready in
            let guest = try accept(ready)
            return try await GuestSession.with(guestMachine) { session in
                let outcome = try await ScenarioTrial(scenario: scenario, scale: machine.timeoutScale, guest: guest).run(session)
                try folder.keep(outcome.output, of: name, formats: outcome.evidence.formats)
                try requireWhole(outcome, of: name)
                return judge.verdict(outcome.evidence)
            }
        }
        return IsolatedRerun.finding(result, after: others.map(\.id), folder: "scenarios/" + name)
    }

    /// - Throws: `HarnessError` where QEMU itself ended, with `needsWholeMachines`.
    private func requireWhole(_ outcome: ScenarioTrial.Outcome, of name: String) throws {
        guard needsWholeMachines, let exit = outcome.fault else { return }
        throw HarnessError(
            .harness, "\(name): \(exit)", hint: "no result was counted; find what ended QEMU, and run it again",
            evidence: ["its run: \(folder.path)"] + exit.stderr.suffix(3))
    }

    /// - Throws: `HarnessError` where agent and harness are of different builds.
    private func accept(_ ready: String) throws -> GuestInfo {
        let guest = try Self.guest(ready)
        collector.note(guest)
        return guest
    }

    /// The guest's data in the agent's ready event.
    ///
    /// - Throws: `HarnessError` where agent and harness are of different builds.
    static func guest(_ ready: String) throws -> GuestInfo {
        let event = try JSONDecoder().decode(AgentEvent.self, from: Data(ready.utf8))
        guard event.version == AgentEvent.schemaVersion, let guest = event.guest else {
            throw HarnessError(
                .harness, "the agent writes version \(event.version) of the events, and this harness reads version \(AgentEvent.schemaVersion)",
                hint: "build both again: scripts/build")
        }
        return guest
    }
}
