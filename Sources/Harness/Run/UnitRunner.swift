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

    func run(_ unit: [Scenario]) async throws {
        var left = unit[...]
        while let first = left.first {
            let console = try folder.scenario(first.id) + (unit.count > 1 ? "/machine.log" : "/console.log")
            let done: Int
            if isolation == .none {
                let scenarios = Array(left)
                done = try await withVirtualMachine(bench.plan.line, console: console) { machine in
                    let ready = try await machine.waitForReady()
                    return try await inTurn(scenarios, machine, ready)
                }
            } else {
                let scenarios = Array(left)
                done = try await store.withMachine(bench.plan, console: console) { machine, ready in
                    try await inTurn(scenarios, machine, ready)
                }
            }
            left = left.dropFirst(max(1, done))
        }
    }

    /// Runs them until the machine is lost; says how many were done.
    private func inTurn(_ scenarios: [Scenario], _ machine: VirtualMachine, _ ready: String) async throws -> Int {
        let event = try JSONDecoder().decode(AgentEvent.self, from: Data(ready.utf8))
        guard event.version == AgentEvent.schemaVersion, let guest = event.guest else {
            throw HarnessError(
                .harness, "the agent speaks version \(event.version) of the events, this harness version \(AgentEvent.schemaVersion)",
                hint: "build both again: scripts/build")
        }
        board.met(guest)
        return try await GuestSession.with(machine) { session in
            var done = 0
            for scenario in scenarios {
                let outcome = try await ScenarioTrial(scenario: scenario, scale: scale, guest: guest).run(session)
                if done == 0, let heard = outcome.take.started {
                    board.begun(scenario.id, seconds: ScenarioTrial.seconds(heard - machine.started))
                }
                try folder.keep(outcome.take, of: scenario.id, formats: guest.traceFormats)
                board.post(Self.held(judge.judge(outcome.evidence), of: scenario, to: bench.promises))
                done += 1
                if outcome.machineLost { break }
            }
            return done
        }
    }

    /// A skip for want of what this very kernel was built with is no skip: the kernel lost it.
    static func held(_ result: ScenarioResult, of scenario: Scenario, to promises: Set<Need>) -> ScenarioResult {
        guard result.verdict == .skip, !scenario.hidden, scenario.needs.isSubset(of: promises) else { return result }
        var result = result
        result.verdict = .fail
        result.findings.append(
            Finding(
                oracle: "scenario",
                message: "the kernel was built with all that this scenario needs, and yet: \(result.reason ?? "it was skipped")"))
        return result
    }
}
