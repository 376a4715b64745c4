// SPDX-License-Identifier: GPL-2.0

import Checks
import Foundation
import LifeCycle
import Results
import Scenarios

/// One scenario in one machine: sends the command, waits for its end, and collects the evidence.
struct ScenarioTrial {
    let id: String
    let tier: Tier
    let provider: Provider
    /// As `Evidence.needs`.
    let needs: Set<Need>?
    /// Seconds without an event after which it counts as hung, before scaling.
    let deadline: Double
    /// Seconds that it may take in all, before scaling.
    let longest: Double
    let command: AgentCommand
    let guest: GuestInfo
    /// Called with each event of the agent's, as it arrives.
    var onEvent: @Sendable (AgentEvent) -> Void = { _ in }

    struct Outcome {
        var evidence: Evidence
        var output: GuestOutput
        /// The machine cannot run another scenario.
        var machineLost: Bool
        /// It did not end within its deadline.
        var hung: Bool
        /// How QEMU ended, where the guest did not cause that.
        var fault: MachineExit?
    }

    init(scenario: Scenario, scale: TimeoutScale, guest: GuestInfo) {
        (id, tier, provider, deadline) = (scenario.id, scenario.tier, scenario.expectation.provider, scenario.deadline)
        longest = deadline * 10
        needs = scenario.hidden ? nil : scenario.needs
        command = .run(scenario.id, timeoutScale: scale, markKey: MarkKey())
        self.guest = guest
    }

    /// One of the kernel's own selftests. Its deadline is longer than the agent's, so that the agent reports the hang first.
    init(selftest plan: KernelSelftestPlan, isSlow: Bool, scale: TimeoutScale, guest: GuestInfo) {
        (id, tier, provider, deadline) = (plan.name, .netdevsim, plan.provider, plan.timeout + 60)
        longest = max(deadline * 10, (plan.limit ?? 0) + 120)
        needs = nil
        command = .selftest(plan, slowMachine: isSlow, timeoutScale: scale, markKey: MarkKey())
        self.guest = guest
    }

    private var scale: TimeoutScale { command.timeoutScale }

    /// The texts that decode the trace, with the token of its marks.
    var formats: [String: String] {
        var formats = guest.traceFormats
        formats[TraceDecoder.markTokenName] = command.markKey?.traceToken
        return formats
    }

    func run(_ session: GuestSession) async throws -> Outcome {
        session.begin()
        let begin = ContinuousClock.now
        do {
            try await session.machine.send(String(decoding: try StableJSON.line(command), as: UTF8.self))
        } catch let error where !(error is CancellationError) {
            // The machine ended before it received the command: its channel has ended, and `end(of:)` finds how.
        }
        var crash = try await hang(session).map { Crash(.hang, $0) }
        let hung = crash != nil
        var exit: MachineExit?
        if hung {
            // The console then has the backtraces of the CPUs and of blocked tasks.
            _ = try await session.machine.dumpAndStop()
        } else if session.output.report == nil {
            (crash, exit) = try await end(of: session)
        } else {
            // Trace and console have channels of their own, whose ends may arrive after the report.
            let mark = KernelLogMark.end(id, command.markKey)
            let whole = try await session.wait(scale.duration(10)) { output in
                output.trace.broken != nil || (output.trace.complete && output.console.contains { KernelLog.has(mark, $0) })
            }
            if !whole {
                exit = session.machine.exit
                crash = Crash(.machine, "the report arrived, the end of its trace or console did not" + (exit.map { ": \($0)" } ?? ""))
            }
        }
        let output = session.output
        let lost = crash != nil
        var evidence = Evidence(
            scenario: id, tier: tier, provider: provider, needs: needs, report: output.report,
            trace: output.trace.complete && output.trace.broken == nil ? output.trace.pages : nil, formats: formats,
            log: KernelLog.evidence(in: output.console, for: id, key: command.markKey), crash: crash, seconds: (.now - begin).seconds)
        evidence.markKey = command.markKey
        evidence.knownBug = output.knownBug(of: id)
        if let broken = output.trace.broken { evidence.crash = evidence.crash ?? Crash(.machine, broken) }
        return Outcome(evidence: evidence, output: output, machineLost: lost, hung: hung, fault: exit.flatMap { $0.isQEMUs ? $0 : nil })
    }

    /// Waits for the scenario's end for as long as events arrive: a machine that shares its processors may be slow, and a hang sends none.
    ///
    /// - Returns: the message of a hang; nil where the scenario ended in any way.
    private func hang(_ session: GuestSession) async throws -> String? {
        let limit = scale.duration(deadline)
        let whole = scale.duration(longest)
        var waited = Duration.zero
        @Sendable func isOver(_ output: GuestOutput) -> Bool { output.report != nil || output.agentError != nil || output.ended }
        var count = 0
        while waited < whole {
            // No wait takes longer, unless this process was stopped.
            let begin = ContinuousClock.now
            defer { waited += min(.now - begin, limit) }
            guard try await session.wait(limit, until: { [count] in isOver($0) || $0.events.count > count }) else {
                let last = session.output.events.last { $0.kind == .step }?.step?.name
                return "hung: no event for \(limit.seconds) s" + (last.map { " after step \"\($0)\"" } ?? "")
            }
            let output = session.output
            output.events.dropFirst(count).forEach(onEvent)
            count = output.events.count
            if isOver(output) { return nil }
        }
        return "hung: no report within \(whole.seconds) s"
    }

    /// Why the agent ended, and how QEMU ended where it did.
    private func end(of session: GuestSession) async throws -> (why: Crash, MachineExit?) {
        // The last line of a machine that ended may be incomplete, which is an error event, too.
        if let error = session.output.agentError, !(try await session.wait(.seconds(1)) { $0.ended }) {
            return (Crash(.agent, "the agent could not continue: \(error)"), nil)
        }
        // The agent may end before the kernel or init has printed why: wait for the machine's end.
        let exit = try await withDeadline(.seconds(10)) { try? await session.machine.waitForExit() } ?? nil
        try Task.checkCancellation()
        session.machine.kill()
        _ = try await session.wait(.seconds(2)) { output in output.console.contains { KernelLog.reasonOfEnd(in: [$0]) != nil } }
        if let crash = KernelLog.reasonOfEnd(in: session.output.console) { return (crash, exit) }
        guard let exit else { return (Crash(.machine, "the agent's channel closed and the machine still ran"), nil) }
        return (Crash(.machine, "\(exit)"), exit)
    }
}
