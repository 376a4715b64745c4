// SPDX-License-Identifier: GPL-2.0

internal import Results

/// Every pool that netlink showed must be gone within its deadline.
enum PagePoolOracle {
    static func findings(_ report: ScenarioReport) -> [Finding] {
        var findings: [Finding] = []
        for observation in report.pools where !observation.gone {
            let pool = observation.pool
            // The default pool of an interface that lives on: no netdevsim of the harness's does.
            if report.tier == .hardware && pool.provider == .pages && !pool.detached { continue }
            findings.append(
                finding(
                    "page pool \(pool.id) (\(pool.provider.rawValue)) is still there with \(pool.inflight) "
                        + "\(pool.provider == .pages ? "pages" : "net_iovs") in flight"
                        + (pool.detached || observation.seenDetached ? ", detached" : "")))
        }
        if report.tier != .harness && report.expectation.minimumHolds > 0
            && !report.pools.contains(where: { $0.pool.provider == report.expectation.provider })
        {
            findings.append(finding("could not run: no \(report.expectation.provider.rawValue) page pool was observed"))
        }
        if report.expectation.detachedPool
            && !report.pools.contains(where: { $0.seenDetached && max($0.pool.inflight, $0.peakInflight) > 0 })
        {
            findings.append(finding("no page pool was seen detached with buffers in flight"))
        }
        return findings
    }

    private static func finding(_ message: String) -> Finding { Finding(oracle: "page-pool", message: message) }
}

/// Resource counters must be after what they were before.
enum CountersOracle {
    static func findings(_ report: ScenarioReport) -> [Finding] {
        if report.tier == .harness && report.before == nil && report.after == nil { return [] }
        guard let before = report.before else { return [finding("could not run: no counters from before the scenario")] }
        guard let after = report.after else { return [finding("could not run: no counters from after the scenario")] }
        if before.isEmpty && after.isEmpty && report.tier != .harness { return [finding("could not run: no counter was read")] }
        return Set(before.keys).union(after.keys).sorted().compactMap { name in
            switch (before[name], after[name]) {
            case (let old?, let new?):
                if old == new { return nil }
                let change = new.subtractingReportingOverflow(old)
                let difference = change.overflow ? "" : " (\(change.partialValue > 0 ? "+" : "")\(change.partialValue))"
                return finding("\(name) was \(old) before and is \(new) after\(difference)")
            case (_?, nil): return finding("could not run: \(name) was not read after the scenario")
            default: return finding("could not run: \(name) was not read before the scenario")
            }
        }
    }

    private static func finding(_ message: String) -> Finding { Finding(oracle: "counters", message: message) }
}

/// Every payload byte must be the one sent, and where zero copy is claimed none may have been copied.
enum PayloadOracle {
    static func findings(_ report: ScenarioReport) -> [Finding] {
        let expectation = report.expectation
        guard let payload = report.payload else {
            return expectation.payload || expectation.zeroCopy
                ? [finding("could not run: the scenario has no payload record")] : []
        }
        var findings: [Finding] = []
        if let offset = payload.firstMismatch {
            findings.append(finding("byte \(offset) is not the one sent"))
        }
        if payload.complete ? payload.received != payload.sent : payload.received > payload.sent {
            findings.append(finding("sent \(payload.sent) bytes, received \(payload.received)"))
        }
        if expectation.payload && payload.complete && payload.received == 0 {
            findings.append(finding("nothing was received"))
        }
        if expectation.zeroCopy {
            if payload.copied != 0 {
                findings.append(
                    finding("\(payload.copied) of \(payload.received) bytes were copied, though zero copy is claimed"))
            } else if payload.zeroCopy == 0 {
                findings.append(finding("nothing was received in zero copy, though zero copy is claimed"))
            }
        }
        return findings
    }

    private static func finding(_ message: String) -> Finding { Finding(oracle: "payload", message: message) }
}

/// The provider under test must have done something: a run in which nothing was held proves nothing.
enum ExercisedOracle {
    static func findings(_ expectation: Expectation, accounts: [PoolAccount]) -> [Finding] {
        if expectation.minimumHolds <= 0 {
            let held = accounts.reduce(0) { $0 + $1.netIovHolds }
            return held == 0 ? [] : [finding("\(held) net_iovs were held, where none should be")]
        }
        let pages = expectation.provider == .pages
        let own = accounts.filter { $0.provider == expectation.provider }
        let held = own.reduce(0) { $0 + (pages ? $1.holds - $1.netIovHolds : $1.netIovHolds) }
        let released = own.reduce(0) { $0 + (pages ? $1.releases - $1.netIovReleases : $1.netIovReleases) }
        let what = pages ? "pages" : "\(expectation.provider.rawValue) net_iovs"
        var findings: [Finding] = []
        if held < UInt64(expectation.minimumHolds) {
            findings.append(finding("only \(held) \(what) were held, at least \(expectation.minimumHolds) expected"))
        }
        if released != held { findings.append(finding("\(held) \(what) were held and \(released) released")) }
        if pages, case let foreign = accounts.reduce(0, { $0 + $1.netIovHolds }), foreign != 0 {
            findings.append(finding("\(foreign) net_iovs were held, where only pages should be"))
        }
        return findings
    }

    private static func finding(_ message: String) -> Finding { Finding(oracle: "exercised", message: message) }
}
