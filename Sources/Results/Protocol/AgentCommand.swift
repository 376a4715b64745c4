// SPDX-License-Identifier: GPL-2.0

/// One line on the events channel, harness to agent.
public struct AgentCommand: Codable, Sendable, Equatable {
    public enum Verb: String, Codable, Sendable {
        /// Run `scenario`.
        case run
        /// Run a kernel selftest: `selftest`.
        case selftest
        /// Sync and power the machine off.
        case poweroff
    }

    public private(set) var verb: Verb
    public private(set) var scenario: String?
    public private(set) var selftest: KernelSelftestPlan?
    /// Whether kernel selftests are told that the machine is slow (KSFT_MACHINE_SLOW); nil is no.
    public private(set) var slowMachine: Bool?
    /// The factor on deadlines inside the guest.
    public private(set) var timeoutScale = TimeoutScale.one
    /// The key of the marks of this scenario; nil for a command without marks.
    public private(set) var markKey: MarkKey?

    /// Runs a scenario.
    public static func run(_ scenario: String, timeoutScale: TimeoutScale, markKey: MarkKey) -> AgentCommand {
        AgentCommand(verb: .run, scenario: scenario, timeoutScale: timeoutScale, markKey: markKey)
    }

    /// Runs a kernel selftest.
    public static func selftest(_ plan: KernelSelftestPlan, slowMachine: Bool, timeoutScale: TimeoutScale, markKey: MarkKey) -> AgentCommand {
        AgentCommand(verb: .selftest, selftest: plan, slowMachine: slowMachine, timeoutScale: timeoutScale, markKey: markKey)
    }
}
