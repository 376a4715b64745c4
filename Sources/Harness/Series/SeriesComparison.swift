// SPDX-License-Identifier: GPL-2.0

public import Results

/// The differences between two runs of the same scenarios, `compare.json` in the results folder.
public struct SeriesComparison: Codable, Sendable, Equatable {
    /// Version of this schema.
    public static let currentSchema = 1

    /// A scenario whose verdict or failure changed.
    public struct Change: Codable, Sendable, Equatable {
        public var scenario: String
        public var before: ScenarioResult.Verdict
        public var after: ScenarioResult.Verdict
        /// The first finding, or the reason, of each side.
        public var was: String?
        public var became: String?

        /// It passed before and does not now, or fails in another way.
        public var isWorse: Bool { after == .fail || after == .crashed || ((after == .xfail || after == .skip) && before == .pass) }
    }

    /// A provider's pools in all scenarios together.
    public struct Pools: Codable, Sendable, Equatable {
        public var provider: Provider
        public var before: Side
        public var after: Side

        public struct Side: Codable, Sendable, Equatable {
            public var pools = 0
            public var netIovHolds: UInt64 = 0
            public var netIovReleases: UInt64 = 0
            /// The most net_iovs in flight of any pool.
            public var peakInflight: UInt64 = 0
            /// From the first check of a pool after its destroy to its end, in nanoseconds; nil where every pool had ended at the first check.
            public var medianDrain: UInt64?
            public var longestDrain: UInt64?
        }
    }

    /// A scenario in which the most net_iovs in flight changed.
    public struct Peak: Codable, Sendable, Equatable {
        public var scenario: String
        public var before: UInt64
        public var after: UInt64
    }

    public var schemaVersion = Self.currentSchema
    public var toolVersion: String
    /// The unpatched source.
    public var source: String
    public var totalsBefore: RunResult.Totals
    public var totalsAfter: RunResult.Totals
    public var changes: [Change]
    public var pools: [Pools]
    /// Changes of more than a quarter, and more than 64: smaller ones are noise.
    public var peaks: [Peak]

    init(source: String, before: [ScenarioResult], after: [ScenarioResult]) {
        toolVersion = ToolVersion.current
        self.source = source
        totalsBefore = RunResult.Totals(before)
        totalsAfter = RunResult.Totals(after)
        let old = Dictionary(before.map { ($0.scenario, $0) }) { first, _ in first }
        let pairs = after.compactMap { new in old[new.scenario].map { ($0, new) } }
        changes = pairs.compactMap { old, new in
            guard old.verdict != new.verdict || Fingerprint.of(old) != Fingerprint.of(new) else { return nil }
            return Change(scenario: new.scenario, before: old.verdict, after: new.verdict, was: old.headline, became: new.headline)
        }
        pools = Provider.allCases.filter { $0 != .pages }.compactMap { provider in
            let (old, new) = (Self.side(before, provider), Self.side(after, provider))
            return old.pools + new.pools == 0 ? nil : Pools(provider: provider, before: old, after: new)
        }
        peaks = pairs.compactMap { old, new in
            let (was, now) = (Self.peak(old), Self.peak(new))
            let change = was > now ? was - now : now - was
            return change > 64 && change > was / 4 ? Peak(scenario: new.scenario, before: was, after: now) : nil
        }
    }

    /// The exit code of the command: 1 where a scenario is worse, 4 where none passed or failed.
    public var exitCode: ExitCode {
        if changes.contains(where: \.isWorse) { return .failed }
        return totalsAfter.passed + totalsAfter.failed + totalsAfter.crashed > 0 ? .passed : .nothingRan
    }

    private static func peak(_ result: ScenarioResult) -> UInt64 {
        result.accounts.filter { $0.provider != .pages }.map(\.peakInflight).max() ?? 0
    }

    private static func side(_ results: [ScenarioResult], _ provider: Provider) -> Pools.Side {
        let accounts = results.flatMap(\.accounts).filter { $0.provider == provider }
        let drains = accounts.compactMap(\.drainTime).filter { $0 > 0 }.sorted()
        return Pools.Side(
            pools: accounts.count, netIovHolds: accounts.reduce(0) { $0 + $1.netIovHolds },
            netIovReleases: accounts.reduce(0) { $0 + $1.netIovReleases },
            peakInflight: accounts.map(\.peakInflight).max() ?? 0, medianDrain: drains.isEmpty ? nil : drains[drains.count / 2],
            longestDrain: drains.last)
    }
}
