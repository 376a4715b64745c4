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

    public var verb: Verb
    public var scenario: String?
    public var selftest: KernelSelftestPlan?
    /// Whether kernel selftests are told that the machine is slow (KSFT_MACHINE_SLOW); nil is no.
    public var slowMachine: Bool?
    /// The factor on deadlines inside the guest.
    public var timeoutScale: TimeoutScale
    /// The key of the marks of this scenario; nil for a command without marks.
    public var markKey: MarkKey?

    public init(
        verb: Verb, scenario: String? = nil, selftest: KernelSelftestPlan? = nil, slowMachine: Bool? = nil, timeoutScale: TimeoutScale = .one,
        markKey: MarkKey? = nil
    ) {
        self.verb = verb
        self.scenario = scenario
        self.selftest = selftest
        self.slowMachine = slowMachine
        self.timeoutScale = timeoutScale
        self.markKey = markKey
    }
}
