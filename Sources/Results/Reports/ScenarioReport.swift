// SPDX-License-Identifier: GPL-2.0

/// Everything the agent observed of one scenario. It is evidence, not a verdict: `Checks` judges it.
public struct ScenarioReport: Codable, Sendable, Equatable {
    public enum Outcome: String, Codable, Sendable {
        /// Every step succeeded.
        case completed
        /// A step failed; `reason` has the step and the error.
        case failed
        /// The kernel or machine lacks what the scenario needs; `reason` names it.
        case skipped
    }

    public var scenario: String
    public var tier: Tier
    public var outcome: Outcome
    public var reason: String?
    public var expectation: Expectation
    public var steps: [StepRecord]
    public var pools: [PoolObservation]
    /// Absent where they could not be read: the scenario fails.
    public var before: Counters?
    public var after: Counters?
    public var payload: PayloadRecord?
    /// Bytes of trace sent, of all CPUs, and events the ring buffer lost ("overrun" + "dropped events" + "commit overrun").
    public var traceBytes: UInt64
    public var traceLost: UInt64
    /// Guest nanoseconds from `started` to `finished`.
    public var duration: UInt64

    /// The scenario began its steps. One that is skipped for a missing need did not.
    public var hasBegun: Bool { before != nil }

    public init(
        scenario: String, tier: Tier, outcome: Outcome, reason: String? = nil, expectation: Expectation, steps: [StepRecord] = [],
        pools: [PoolObservation] = [], before: Counters? = nil, after: Counters? = nil, payload: PayloadRecord? = nil,
        traceBytes: UInt64 = 0, traceLost: UInt64 = 0, duration: UInt64 = 0
    ) {
        self.scenario = scenario
        self.tier = tier
        self.outcome = outcome
        self.reason = reason
        self.expectation = expectation
        self.steps = steps
        self.pools = pools
        self.before = before
        self.after = after
        self.payload = payload
        self.traceBytes = traceBytes
        self.traceLost = traceLost
        self.duration = duration
    }
}
