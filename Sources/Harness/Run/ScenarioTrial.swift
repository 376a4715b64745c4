// SPDX-License-Identifier: GPL-2.0

import Checks
import Foundation
import Results
import Scenarios

/// One scenario in one machine: told to run, watched, and its evidence gathered, whatever becomes of it.
struct ScenarioTrial {
    let id: String
    let tier: Tier
    let provider: Provider
    /// As `Evidence.needs`.
    let needs: Set<Need>?
    /// Seconds without a word, before scaling.
    let deadline: Double
    let command: AgentCommand
    /// Multiplies every deadline, in the guest and out of it.
    let scale: Double
    let guest: GuestInfo
    /// Given what the agent says, as it comes.
    var heard: @Sendable (AgentEvent) -> Void = { _ in }

    struct Outcome {
        var evidence: Evidence
        var take: GuestSession.Take
        /// The machine cannot run another scenario.
        var machineLost: Bool
        /// It came to no end within its deadline.
        var hung: Bool
        /// How QEMU ended, where that was none of the guest's doing.
        var fault: MachineExit?
    }

    init(scenario: Scenario, scale: Double, guest: GuestInfo) {
        (id, tier, provider, deadline) = (scenario.id, scenario.tier, scenario.expectation.provider, scenario.deadline)
        needs = scenario.hidden ? nil : scenario.needs
        command = AgentCommand(verb: .run, scenario: scenario.id, timeoutScale: scale)
        (self.scale, self.guest) = (scale, guest)
    }

    /// One of the kernel's own selftests; the agent notices first that it hangs.
    init(selftest plan: SelftestPlan, scale: Double, guest: GuestInfo) {
        (id, tier, provider, deadline) = (plan.name, .netdevsim, plan.provider, plan.patience + 60)
        needs = nil
        command = AgentCommand(verb: .selftest, selftest: plan, timeoutScale: scale)
        (self.scale, self.guest) = (scale, guest)
    }

    func run(_ session: GuestSession) async throws -> Outcome {
        session.begin()
        let clock = ContinuousClock()
        let begin = clock.now
        do {
            try await session.machine.send(String(decoding: try JSONEncoder().encode(command), as: UTF8.self))
        } catch let error where !(error is CancellationError) {
            // A machine that died before it heard of the scenario: its channel has ended, and `death` says how.
        }
        var crash = try await hang(session).map { Crash(.hang, $0) }
        let hung = crash != nil
        var exit: MachineExit?
        if hung {
            // Backtraces of the CPUs and of blocked tasks, then the end: the console has them.
            _ = try await session.machine.dumpAndStop()
        } else if session.take.report == nil {
            (crash, exit) = try await death(session)
        } else {
            // Trace and console travel on channels of their own: wait for their ends.
            let patience = Duration.seconds(10 * scale)
            let mark = KernelLogMark.end(id)
            let whole = try await session.wait(patience) { take in
                take.trace.broken != nil || (take.trace.complete && take.console.contains { $0.hasSuffix(mark) })
            }
            if !whole {
                exit = session.machine.exit
                crash = Crash(.machine, "the report came, the end of its trace or console did not" + (exit.map { ": \($0)" } ?? ""))
            }
        }
        let take = session.take
        let seconds = Self.seconds(clock.now - begin)
        let lost = crash != nil
        var evidence = Evidence(
            scenario: id, tier: tier, provider: provider, needs: needs, report: take.report,
            trace: take.trace.complete && take.trace.broken == nil ? take.trace.pages : nil, formats: guest.traceFormats,
            log: KernelLog.evidence(in: take.console, for: id), crash: crash, seconds: seconds)
        evidence.knownBug = take.knownBug(of: id)
        if let broken = take.trace.broken { evidence.crash = evidence.crash ?? Crash(.machine, broken) }
        return Outcome(evidence: evidence, take: take, machineLost: lost, hung: hung, fault: exit.flatMap { $0.isQEMUs ? $0 : nil })
    }

    /// Waits for the scenario's end, for as long as it goes on: a machine that has to share its processors may be slow, and what hangs is
    /// silent.
    ///
    /// - Returns: what to say of one that hangs; nil where it came to an end, whichever.
    private func hang(_ session: GuestSession) async throws -> String? {
        let limit = Duration.seconds(deadline * scale)
        let clock = ContinuousClock()
        let end = clock.now + limit * 10
        @Sendable func over(_ take: GuestSession.Take) -> Bool { take.report != nil || take.trouble != nil || take.ended }
        var count = 0
        while clock.now < end {
            guard try await session.wait(limit, until: { [count] in over($0) || $0.events.count > count }) else {
                let last = session.take.events.last { $0.kind == .step }?.step?.name
                return "hung: no word for \(Self.seconds(limit)) s" + (last.map { " after step \"\($0)\"" } ?? "")
            }
            let take = session.take
            take.events.dropFirst(count).forEach(heard)
            count = take.events.count
            if over(take) { return nil }
        }
        return "hung: no report within \(Self.seconds(limit * 10)) s"
    }

    /// Why the agent is gone, and how QEMU ended where it did.
    private func death(_ session: GuestSession) async throws -> (why: Crash, MachineExit?) {
        // A line that was cut short by the end of all is trouble, too.
        if let trouble = session.take.trouble, !(try await session.wait(.seconds(1)) { $0.ended }) {
            return (Crash(.agent, "the agent could not go on: \(trouble)"), nil)
        }
        // The agent may be gone before the kernel or init has said why: wait for the machine's end, where it comes.
        let exit = try await withThrowingTaskGroup(of: MachineExit?.self) { group in
            group.addTask { try? await session.machine.waitForExit() }
            group.addTask {
                try? await Task.sleep(for: .seconds(10))
                return nil
            }
            let first = try await group.next() ?? nil
            group.cancelAll()
            try Task.checkCancellation()
            return first
        }
        session.machine.kill()
        _ = try await session.wait(.seconds(2)) { take in take.console.contains { KernelLog.lastWords(in: [$0]) != nil } }
        if let words = KernelLog.lastWords(in: session.take.console) { return (words, exit) }
        guard let exit else { return (Crash(.machine, "the agent's channel closed and the machine went on"), nil) }
        return (Crash(.machine, "\(exit)"), exit)
    }

    static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }
}
