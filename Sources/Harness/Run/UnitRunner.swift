// SPDX-License-Identifier: GPL-2.0

import Checks
import Foundation
import Results
import Scenarios

/// Runs scenarios that share a machine. After one that ends the machine, the others get a new one.
struct UnitRunner: Sendable {
    let machine: PreparedMachine
    let store: SnapshotStore
    let folder: ResultsFolder
    let isolation: Isolation
    let judge: Judge
    let collector: ResultCollector
    var stopAtFailure = false
    var needsWholeMachines = false

    /// What came of the scenarios that shared one machine.
    private struct Turn {
        /// How many were run.
        var done = 0
        /// The last of them, where it failed and the scenarios before it may have a part in that.
        var doubtful: ScenarioResult?
    }

    func run(_ unit: [Scenario]) async throws {
        var left = unit[...]
        while let first = left.first {
            if stopAtFailure, collector.hasFailure { return }
            let console = try folder.scenario(first.id) + (unit.count > 1 ? "/machine.log" : "/console.log")
            let scenarios = Array(left)
            let turn: Turn
            if isolation == .none {
                turn = try await withVirtualMachine(machine.plan.line, console: console) { machine in
                    let ready = try await machine.waitForReady()
                    return try await inTurn(scenarios, machine, ready)
                }
            } else {
                turn = try await store.withMachine(machine.plan, console: console) { machine, ready in
                    try await inTurn(scenarios, machine, ready)
                }
            }
            if let doubtful = turn.doubtful {
                var result = doubtful
                // Also where the second run is interrupted.
                defer { collector.add(result) }
                result.findings.append(try await rerun(scenarios[turn.done - 1], after: scenarios.prefix(turn.done - 1)))
            }
            left = left.dropFirst(max(1, turn.done))
        }
    }

    /// Runs them until the machine is lost or, with isolation `group`, one fails.
    private func inTurn(_ scenarios: [Scenario], _ guestMachine: VirtualMachine, _ ready: String) async throws -> Turn {
        let guest = try accept(ready)
        return try await GuestSession.with(guestMachine) { session in
            var turn = Turn()
            for scenario in scenarios {
                if turn.done > 0, stopAtFailure, collector.hasFailure { break }
                let outcome: ScenarioTrial.Outcome
                do {
                    outcome = try await ScenarioTrial(scenario: scenario, scale: machine.timeoutScale, guest: guest).run(session)
                } catch {
                    // What an interrupted scenario sent is kept, too.
                    try? folder.keep(session.output, of: scenario.id, formats: guest.traceFormats)
                    throw error
                }
                if turn.done == 0, let started = outcome.output.started {
                    collector.note(start: (started - guestMachine.started).seconds, of: scenario.id)
                }
                try folder.keep(outcome.output, of: scenario.id, formats: guest.traceFormats)
                try requireWhole(outcome, of: scenario.id)
                let result = judge.verdict(outcome.evidence)
                turn.done += 1
                let hasFailed = result.verdict == .fail || result.verdict == .crashed
                // Not after a hang, which would take its whole deadline again, nor where the run stops here anyway.
                if hasFailed, isolation == .group, turn.done > 1, !outcome.hung, !stopAtFailure {
                    turn.doubtful = result
                } else {
                    collector.add(result)
                }
                // What a failure leaves behind, a known one too, must not count against the next scenario.
                if outcome.machineLost || ((hasFailed || result.verdict == .xfail) && isolation == .group) { break }
            }
            return turn
        }
    }

    /// Runs a scenario that failed again on a machine of its own. Its verdict stays; the finding says whether those before it may have a
    /// part in the failure.
    private func rerun(_ scenario: Scenario, after others: some Collection<Scenario>) async throws -> Finding {
        let name = scenario.id + "/isolated-rerun"
        let result = try await store.withMachine(machine.plan, console: try folder.scenario(name) + "/console.log") { guestMachine, ready in
            let guest = try accept(ready)
            return try await GuestSession.with(guestMachine) { session in
                let outcome = try await ScenarioTrial(scenario: scenario, scale: machine.timeoutScale, guest: guest).run(session)
                try folder.keep(outcome.output, of: name, formats: guest.traceFormats)
                try requireWhole(outcome, of: name)
                return judge.verdict(outcome.evidence)
            }
        }
        return IsolatedRerun.finding(result, after: others.map(\.id), folder: "scenarios/" + name)
    }

    /// - Throws: `HarnessError` where QEMU itself ended, and that is not to become a verdict.
    private func requireWhole(_ outcome: ScenarioTrial.Outcome, of name: String) throws {
        guard needsWholeMachines, let exit = outcome.fault else { return }
        throw HarnessError(
            .harness, "\(name): \(exit)", hint: "nothing was counted; find out what ended QEMU, and run it again",
            evidence: ["its run: \(folder.path)"] + exit.stderr.suffix(3))
    }

    /// - Throws: `HarnessError` where agent and harness are of different builds.
    private func accept(_ ready: String) throws -> GuestInfo {
        let guest = try Self.guest(ready)
        collector.note(guest)
        return guest
    }

    /// What the agent's ready event has of the guest.
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
