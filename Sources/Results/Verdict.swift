// SPDX-License-Identifier: GPL-2.0

/// One thing an oracle found wrong.
public struct Finding: Codable, Sendable, Equatable {
    /// The oracle of what a second run, on a machine of its own, says of a failure on a machine that was shared.
    public static let alone = "alone"

    /// Which oracle: "scenario", "trace", "page-pool", "kernel-log", "counters", "payload", "exercised", "machine"; or "alone".
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
    /// Still out at the end; negative where more came home than went out. nil, as the next two, in files of older versions.
    public var inflight: Int64?
    /// Different netmems that it held.
    public var distinct: UInt64?
    /// How often it held the netmem that it held most often.
    public var mostHoldsOfOne: UInt64?
    /// The pool's last `page_pool_release` event said nothing was in flight.
    public var freed: Bool
    /// From the first look at the pool after its destroy to its end, nanoseconds; nil where it never ended.
    public var drainTime: UInt64?
    /// When its first event was recorded: guest CLOCK_MONOTONIC, nanoseconds.
    public var began: UInt64?

    public init(
        pool: UInt64, provider: Provider, holds: UInt64, releases: UInt64, netIovHolds: UInt64, netIovReleases: UInt64,
        peakInflight: UInt64, inflight: Int64? = nil, distinct: UInt64? = nil, mostHoldsOfOne: UInt64? = nil, freed: Bool,
        drainTime: UInt64? = nil, began: UInt64? = nil
    ) {
        self.began = began
        self.pool = pool
        self.provider = provider
        self.holds = holds
        self.releases = releases
        self.netIovHolds = netIovHolds
        self.netIovReleases = netIovReleases
        self.peakInflight = peakInflight
        self.inflight = inflight
        self.distinct = distinct
        self.mostHoldsOfOne = mostHoldsOfOne
        self.freed = freed
        self.drainTime = drainTime
    }
}

/// The verdict on one scenario.
public struct ScenarioResult: Codable, Sendable, Equatable {
    public enum Verdict: String, Codable, Sendable {
        case pass, fail, skip
        /// It failed in the way that this kernel version is known to (`KnownBug`), and in no other. It counts as neither passed nor failed.
        case xfail
        /// It started and never reported: the guest or QEMU died or hung under it.
        case crashed
    }

    public var scenario: String
    public var tier: Tier
    public var provider: Provider
    public var verdict: Verdict
    /// Why it was skipped or crashed; of an `xfail`, the known bug.
    public var reason: String?
    public var findings: [Finding]
    public var accounts: [PoolAccount]
    public var pools: [PoolObservation]
    public var payload: PayloadRecord?
    /// Events of its trace that were held against the model; nil where there was no trace that could be read.
    public var traceEvents: Int?
    /// Host seconds from the command to the verdict.
    public var seconds: Double

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
