// SPDX-License-Identifier: GPL-2.0

internal import Results

/// Every page pool that netlink reported must be freed by its deadline.
enum PagePoolOracle {
    static func findings(_ report: ScenarioReport) -> [Finding] {
        var findings: [Finding] = []
        for observation in report.pools where !observation.gone {
            let pool = observation.pool
            // The default pool of an interface that stays; a netdevsim that the harness made does not stay.
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

    private static func finding(_ message: String) -> Finding { Finding(oracle: .pagePool, message: message) }
}
