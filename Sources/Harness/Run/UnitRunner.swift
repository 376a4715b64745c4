// SPDX-License-Identifier: GPL-2.0

import Checks
import Foundation
import Results
import Scenarios

/// Runs scenarios that share a machine; one that takes the machine with it costs the others only a new one.
struct UnitRunner: Sendable {
    let bench: Bench
    let store: SnapshotStore
    let folder: ResultsFolder
    let scale: Double
    let isolation: Isolation
    let judge: Judge
    let board: Board
    var stopAtFailure = false
    var needsWholeMachines = false

    /// What came of those that shared a machine.
    private struct Turn {
        /// How many were run.
        var done = 0
        /// The last of them, which is not green and does not say of itself whether those before it had a part in that.
        var doubtful: ScenarioResult?
    }

    func run(_ unit: [Scenario]) async throws {
        var left = unit[...]
        while let first = left.first {
            if stopAtFailure, board.hasFailure { return }
            let console = try folder.scenario(first.id) + (unit.count > 1 ? "/machine.log" : "/console.log")
            let scenarios = Array(left)
            let turn: Turn
            if isolation == .none {
                turn = try await withVirtualMachine(bench.plan.line, console: console) { machine in
                    let ready = try await machine.waitForReady()
                    return try await inTurn(scenarios, machine, ready)
                }
            } else {
                turn = try await store.withMachine(bench.plan, console: console) { machine, ready in
                    try await inTurn(scenarios, machine, ready)
                }
            }
            if let doubtful = turn.doubtful {
                var result = doubtful
                // Also where the second run is interrupted.
                defer { board.post(result) }
                result.findings.append(try await comparison(scenarios[turn.done - 1], after: scenarios.prefix(turn.done - 1)))
            }
            left = left.dropFirst(max(1, turn.done))
        }
    }

    /// Runs them until the machine is lost or, where they share one for speed only, one is not green.
    private func inTurn(_ scenarios: [Scenario], _ machine: VirtualMachine, _ ready: String) async throws -> Turn {
        let guest = try agreed(ready)
        return try await GuestSession.with(machine) { session in
            var turn = Turn()
            for scenario in scenarios {
                if turn.done > 0, stopAtFailure, board.hasFailure { break }
                let outcome: ScenarioTrial.Outcome
                do {
                    outcome = try await ScenarioTrial(scenario: scenario, scale: scale, guest: guest).run(session)
                } catch {
                    // What came of one that was interrupted is its own, too.
                    try? folder.keep(session.take, of: scenario.id, formats: guest.traceFormats)
                    throw error
                }
                if turn.done == 0, let heard = outcome.take.started {
                    board.begun(scenario.id, seconds: ScenarioTrial.seconds(heard - machine.started))
                }
                try folder.keep(outcome.take, of: scenario.id, formats: guest.traceFormats)
                try requireWhole(outcome, of: scenario.id)
                let result = judge.verdict(outcome.evidence)
                turn.done += 1
                let red = result.verdict == .fail || result.verdict == .crashed
                // One that hangs would take its whole deadline again; and a run that stops here has no use for it.
                if red, isolation == .group, turn.done > 1, !outcome.hung, !stopAtFailure {
                    turn.doubtful = result
                } else {
                    board.post(result)
                }
                // What a failure leaves behind, a known one too, is nobody else's.
                if outcome.machineLost || ((red || result.verdict == .xfail) && isolation == .group) { break }
            }
            return turn
        }
    }

    /// Runs `scenario` again on a machine of its own. Red it stays: what is found is whether those before it had a part in that.
    private func comparison(_ scenario: Scenario, after others: some Collection<Scenario>) async throws -> Finding {
        let name = scenario.id + "/alone"
        let alone = try await store.withMachine(bench.plan, console: try folder.scenario(name) + "/console.log") { machine, ready in
            let guest = try agreed(ready)
            return try await GuestSession.with(machine) { session in
                let outcome = try await ScenarioTrial(scenario: scenario, scale: scale, guest: guest).run(session)
                try folder.keep(outcome.take, of: name, formats: guest.traceFormats)
                try requireWhole(outcome, of: name)
                return judge.verdict(outcome.evidence)
            }
        }
        return IsolatedRerun.finding(alone, after: others.map(\.id), folder: "scenarios/" + name)
    }

    /// - Throws: `HarnessError` where QEMU itself came to an end, and that was to be no verdict.
    private func requireWhole(_ outcome: ScenarioTrial.Outcome, of name: String) throws {
        guard needsWholeMachines, let exit = outcome.fault else { return }
        throw HarnessError(
            .harness, "\(name): \(exit)", hint: "nothing was counted; see what ended QEMU, and run it again",
            evidence: ["its run: \(folder.path)"] + exit.stderr.suffix(3))
    }

    /// - Throws: `HarnessError` where agent and harness are not of one build.
    private func agreed(_ ready: String) throws -> GuestInfo {
        let guest = try Self.agreed(ready)
        board.met(guest)
        return guest
    }

    /// - Throws: `HarnessError` where agent and harness are not of one build.
    static func agreed(_ ready: String) throws -> GuestInfo {
        let event = try JSONDecoder().decode(AgentEvent.self, from: Data(ready.utf8))
        guard event.version == AgentEvent.schemaVersion, let guest = event.guest else {
            throw HarnessError(
                .harness, "the agent speaks version \(event.version) of the events, this harness version \(AgentEvent.schemaVersion)",
                hint: "build both again: scripts/build")
        }
        return guest
    }
}
