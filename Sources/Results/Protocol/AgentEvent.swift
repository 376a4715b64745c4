// SPDX-License-Identifier: GPL-2.0

/// One line on the events channel, agent to harness: a JSON object. See docs/results.md.
///
/// `kind` determines which of the optional payloads is present.
public struct AgentEvent: Codable, Sendable, Equatable {
    /// Version of this schema. In version 2 marks have tokens (`MarkKey`).
    public static let schemaVersion = 2

    public enum Kind: String, Codable, Sendable {
        /// The agent is up; `guest` is set.
        case ready
        /// A scenario starts; nothing but its `finished` proves that it ended. `knownBug` may be set.
        case started
        /// A step of the scenario was done; `step` is set.
        case step
        /// The scenario ended; `report` is set.
        case finished
        /// The agent had an error that it could not handle; `message` is set.
        case error
        /// A kernel selftest wrote a line; `message` is the line.
        case output
    }

    public var version: Int
    public var kind: Kind
    /// Guest CLOCK_MONOTONIC, nanoseconds.
    public var time: UInt64
    public var scenario: String?
    public var guest: GuestInfo?
    public var step: StepRecord?
    public var report: ScenarioReport?
    public var message: String?
    /// The known bug of the running kernel that the scenario meets. It is in `started`, because a scenario that crashes sends no report.
    public var knownBug: KnownBug?

    public init(
        kind: Kind, time: UInt64, scenario: String? = nil, guest: GuestInfo? = nil, step: StepRecord? = nil,
        report: ScenarioReport? = nil, message: String? = nil, knownBug: KnownBug? = nil
    ) {
        self.version = Self.schemaVersion
        self.kind = kind
        self.time = time
        self.scenario = scenario
        self.guest = guest
        self.step = step
        self.report = report
        self.message = message
        self.knownBug = knownBug
    }
}
