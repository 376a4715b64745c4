// SPDX-License-Identifier: GPL-2.0

/// The verdict on one scenario.
public struct ScenarioResult: Codable, Sendable, Equatable {
    public enum Verdict: String, Codable, Sendable, CaseIterable {
        case pass, fail, skip
        /// It failed only as a known bug of this kernel version makes it fail (`KnownBug`). It counts as neither passed nor failed.
        case xfail
        /// It started and never reported: the guest or QEMU ended or hung.
        case crashed

        /// It failed or crashed.
        public var isFailure: Bool { self == .fail || self == .crashed }
    }

    public var scenario: String
    public var tier: Tier
    public var provider: Provider
    public var verdict: Verdict
    /// Why it was skipped or crashed; of an `xfail`, the known bug; of a pass that its test expected to fail, `unexpectedPass` and the test's words.
    public var reason: String?
    public var findings: [Finding]
    public var accounts: [PoolAccount]
    public var pools: [PoolObservation]
    public var payload: PayloadRecord?
    /// Events of its trace that were checked against the model; nil where no trace could be read.
    public var traceEvents: Int?
    /// Host seconds from the command to the verdict.
    public var seconds: Double

    /// How the reason of a pass begins that its test expected to fail.
    public static let unexpectedPass = "XPASS"

    public init(
        scenario: String, tier: Tier, provider: Provider, verdict: Verdict, reason: String? = nil, findings: [Finding] = [],
        accounts: [PoolAccount] = [], pools: [PoolObservation] = [], payload: PayloadRecord? = nil, traceEvents: Int? = nil,
        seconds: Double = 0
    ) {
        self.scenario = scenario
        self.tier = tier
        self.provider = provider
        self.verdict = verdict
        self.reason = reason
        self.findings = findings
        self.accounts = accounts
        self.pools = pools
        self.payload = payload
        self.traceEvents = traceEvents
        self.seconds = seconds
    }
}
