// SPDX-License-Identifier: GPL-2.0

internal import LifeCycle
internal import Results

/// The trace must be complete and conform to the life cycle, and every hold in it must be released.
enum TraceOracle {
    struct Verdict {
        var accounts: [PoolAccount] = []
        var findings: [Finding] = []
        /// The accounts, for the oracle that counts holds; nil where the trace is not reliable enough to count.
        var countable: [PoolAccount]?
        /// Events examined; nil where the trace could not be read.
        var events: Int?
    }

    static func examine(_ trace: [UInt32: [UInt8]]?, formats: [String: String], report: ScenarioReport) -> Verdict {
        var verdict = Verdict()
        guard let trace else {
            if report.tier != .harness { verdict.add("could not run: there is no trace of this scenario") }
            return verdict
        }
        if report.traceLost > 0 { verdict.add("the ring buffer lost \(report.traceLost) events") }
        let received = trace.values.reduce(0) { $0 + UInt64($1.count) }
        if received < report.traceBytes {
            verdict.add("the agent sent \(report.traceBytes) bytes of trace, but only \(received) arrived")
        }
        // Where nothing was recorded the formats do not matter.
        let decoder: TraceDecoder
        do throws(TraceFormatError) {
            decoder = try TraceDecoder(formats: formats)
        } catch {
            if received > 0 || report.tier != .harness { verdict.add("could not run: \(error)") }
            return verdict
        }
        let sources = trace.mapValues { ByteSource($0) }
        let outcome: PoolLedger.Outcome
        do throws(TraceReadError) {
            outcome = try PoolLedger(begin: report.tier == .hardware ? .unknown : .noNetIovs).examine(.pages(sources, decoder))
        } catch {
            verdict.add("could not run: \(error)")
            return verdict
        }
        verdict.events = outcome.events
        for line in outcome.losses.lines { verdict.add(line) }
        verdict.accounts = outcome.accounts.map { account($0, provider: report.expectation.provider) }
        verdict.countable = verdict.accounts
        // Where events are missing, a violation may be a consequence of that.
        guard outcome.losses.isEmpty && report.traceLost == 0 else { return verdict }
        for violation in outcome.violations {
            verdict.findings.append(
                Finding(
                    oracle: .trace, message: "\(violation.invariant.label): \(violation.message)",
                    evidence: violation.evidence))
        }
        if outcome.violationCount > outcome.violations.count {
            verdict.add("\(outcome.violationCount - outcome.violations.count) more violations")
        }
        if let pools = report.expectation.pools, report.tier == .netdevsim, report.outcome == .completed {
            let prediction = Prediction(
                pools: pools.count, fewest: pools.fewest, buffers: pools.buffers, posted: pools.posted, ring: pools.posted,
                bulk: report.expectation.provider == .zcrx ? 64 : 1, traffic: pools.traffic)
            for broken in prediction.broken(by: outcome.accounts) {
                verdict.add("\(Violation.Invariant.asPredicted.label): \(broken)")
            }
        }
        for (account, reported) in zip(outcome.accounts, verdict.accounts) where account.inflight != 0 && !outlives(account, report.tier) {
            verdict.add(unbalanced(account, reported))
        }
        return verdict
    }

    /// The default pool of a network interface that stays: it existed before the scenario or, on hardware, was made when the provider
    /// was uninstalled. `page_pool_destroy()` was not called on it, so it may hold pages.
    private static func outlives(_ account: PoolLedger.Account, _ tier: Tier) -> Bool {
        (account.isOlderThanRecording || tier == .hardware) && account.lastRelease == nil && account.netIovHolds == 0 && account.netIovReleases == 0
    }

    /// "pool 0xffff888003a1c000 (zcrx): held 256, released 253: 3 in flight"
    private static func unbalanced(_ account: PoolLedger.Account, _ reported: PoolAccount) -> String {
        let carried = account.carriedIn.map { $0 > 0 ? "\($0) in flight before, " : "" } ?? ""
        let left = account.inflight > 0 ? "\(account.inflight) in flight" : "\(-account.inflight) released without a hold"
        let label = Violation.Invariant.allReleased.label
        return "\(label): pool \(reported.pool) (\(reported.provider.rawValue)): \(carried)held \(account.holds), "
            + "released \(account.releases): \(left)"
    }

    /// Only a memory provider has net_iovs, and a scenario drives one provider; all other pools are of pages.
    private static func account(_ account: PoolLedger.Account, provider: Provider) -> PoolAccount {
        PoolAccount(
            pool: KernelAddress(rawValue: account.pool), provider: account.netIovHolds + account.netIovReleases > 0 ? provider : .pages,
            holds: account.holds, releases: account.releases, netIovHolds: account.netIovHolds, netIovReleases: account.netIovReleases,
            peakInflight: account.peakInflight, inflight: account.inflight, distinct: account.distinct, mostHoldsOfOne: account.mostHoldsOfOne,
            freed: account.freed, drainTime: account.drain, began: account.began)
    }
}

extension TraceOracle.Verdict {
    mutating func add(_ message: String) { findings.append(Finding(oracle: .trace, message: message)) }
}
