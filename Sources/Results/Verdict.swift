// SPDX-License-Identifier: GPL-2.0

/// One thing an oracle found wrong.
public struct Finding: Codable, Sendable, Equatable {
    /// Which oracle: "scenario", "trace", "page-pool", "kernel-log", "counters", "payload", "exercised", "machine".
    public var oracle: String
    /// One line: what was expected, what was seen; names the pool and the number in flight where there is one.
    public var message: String
    /// Evidence, a line each (a splat, the last events).
    public var evidence: [String]

    public init(oracle: String, message: String, evidence: [String] = []) {
        self.oracle = oracle
        self.message = message
        self.evidence = evidence
    }
}

/// Holds and releases of one pool, from the trace.
public struct PoolAccount: Codable, Sendable, Equatable {
    /// The kernel address of the pool, as the trace has it.
    public var pool: UInt64
    public var provider: Provider
    public var holds: UInt64
    public var releases: UInt64
    /// Of these, of net_iovs.
    public var netIovHolds: UInt64
    public var netIovReleases: UInt64
    public var peakInflight: UInt64
    /// The pool's last `page_pool_release` event said nothing was in flight.
    public var freed: Bool

    public init(
        pool: UInt64, provider: Provider, holds: UInt64, releases: UInt64, netIovHolds: UInt64, netIovReleases: UInt64,
        peakInflight: UInt64, freed: Bool
    ) {
        self.pool = pool
        self.provider = provider
        self.holds = holds
        self.releases = releases
        self.netIovHolds = netIovHolds
        self.netIovReleases = netIovReleases
        self.peakInflight = peakInflight
        self.freed = freed
    }
}

/// The verdict on one scenario.
public struct ScenarioResult: Codable, Sendable, Equatable {
    public enum Verdict: String, Codable, Sendable {
        case pass, fail, skip
        /// It started and never reported: the guest or QEMU died or hung under it.
        case crashed
    }

    public var scenario: String
    public var tier: Tier
    public var provider: Provider
    public var verdict: Verdict
    /// Why it was skipped or crashed.
    public var reason: String?
    public var findings: [Finding]
    public var accounts: [PoolAccount]
    public var pools: [PoolObservation]
    public var payload: PayloadRecord?
    /// Host seconds from the command to the verdict.
    public var seconds: Double

    public init(
        scenario: String, tier: Tier, provider: Provider, verdict: Verdict, reason: String? = nil, findings: [Finding] = [],
        accounts: [PoolAccount] = [], pools: [PoolObservation] = [], payload: PayloadRecord? = nil, seconds: Double = 0
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
        self.seconds = seconds
    }
}
