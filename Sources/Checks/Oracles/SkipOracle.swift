// SPDX-License-Identifier: GPL-2.0

internal import Results

/// A scenario that was skipped after it had begun must leak no page pool and no resource.
enum SkipOracle {
    static func findings(_ report: ScenarioReport) -> [Finding] {
        guard report.hasBegun else { return [] }
        return CountersOracle.findings(report)
            + report.pools.filter { !$0.gone && ($0.pool.provider != .pages || $0.pool.detached) }.map {
                Finding(oracle: .pagePool, message: "page pool \($0.pool.id) is still there after a skip")
            }
    }
}
