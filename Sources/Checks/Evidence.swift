// SPDX-License-Identifier: GPL-2.0

public import Results

/// Why a scenario has no report, or why its evidence is not complete.
public struct Crash: Equatable, Sendable {
    public enum Kind: Sendable {
        /// The kernel panicked.
        case panic
        /// The scenario did no step within its deadline.
        case hang
        /// The agent ended, or met an error that it could not handle.
        case agent
        /// The machine ended without a panic, or its trace or console did not arrive.
        case machine
    }

    public var kind: Kind
    /// One line.
    public var message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}

/// Everything that a scenario is judged by. The harness fills it from a guest's channels, and the agent on a booted machine from the
/// files of its own kernel.
public struct Evidence: Sendable {
    public var scenario: String
    /// Tier and provider as planned; those of a report take precedence.
    public var tier: Tier
    public var provider: Provider
    /// What the scenario needs. nil where a skip may have any reason: harness checks and kernel selftests.
    public var needs: Set<Need>?
    /// What the agent observed; nil where it never reported.
    public var report: ScenarioReport?
    /// Raw ring-buffer pages per CPU; nil where the trace is incomplete.
    public var trace: [UInt32: [UInt8]]?
    /// tracefs texts by name (`GuestInfo.traceFormats`).
    public var formats: [String: String]
    /// The kernel messages that count for this scenario (`KernelLog.evidence(in:for:)`); nil where they could not be read.
    public var log: [String]?
    public var crash: Crash?
    /// Host seconds from the command to the verdict.
    public var seconds: Double
    /// What the agent said, before the scenario began, that this kernel version does wrong in it.
    public var knownBug: KnownBug?

    public init(
        scenario: String, tier: Tier, provider: Provider, needs: Set<Need>?, report: ScenarioReport?, trace: [UInt32: [UInt8]]?,
        formats: [String: String], log: [String]?, crash: Crash? = nil, seconds: Double = 0
    ) {
        self.scenario = scenario
        self.tier = tier
        self.provider = provider
        self.needs = needs
        self.report = report
        self.trace = trace
        self.formats = formats
        self.log = log
        self.crash = crash
        self.seconds = seconds
    }
}
