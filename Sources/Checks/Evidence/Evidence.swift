// SPDX-License-Identifier: GPL-2.0

internal import LifeCycle
public import Results

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
    /// The known bug of the running kernel that the scenario meets, from the agent's `started` event.
    public var knownBug: KnownBug?
    /// The key of the scenario's marks; nil where they have no tokens.
    public var markKey: MarkKey?

    /// The texts that decode the trace, with the token of its marks.
    var traceTexts: [String: String] {
        guard let markKey else { return formats }
        return formats.merging([TraceDecoder.markTokenName: markKey.traceToken]) { $1 }
    }

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
