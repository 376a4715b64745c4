// SPDX-License-Identifier: GPL-2.0

internal import Results

/// A step of the scenario failed.
enum ScenarioOracle {
    static func findings(_ report: ScenarioReport) -> [Finding] {
        let steps = report.steps.map { "\($0.ok ? "ok" : "failed"): \($0.name)\($0.detail.map { ": " + $0 } ?? "")" }
        // Only the first finding has the steps: where the peer is gone, every clean-up fails after it.
        var findings = report.steps.filter { !$0.ok }.enumerated().map { number, step in
            Finding(
                oracle: "scenario", message: "step \"\(step.name)\" failed\(step.detail.map { ": " + $0 } ?? "")", evidence: number == 0 ? steps : [])
        }
        if report.outcome == .failed && findings.isEmpty {
            findings.append(Finding(oracle: "scenario", message: report.reason ?? "failed without a reason", evidence: steps))
        }
        return findings
    }
}

/// A scenario that was skipped after it had begun must leave nothing behind.
enum SkipOracle {
    static func findings(_ report: ScenarioReport) -> [Finding] {
        guard report.hasBegun else { return [] }
        return CountersOracle.findings(report)
            + report.pools.filter { !$0.gone && ($0.pool.provider != .pages || $0.pool.detached) }.map {
                Finding(oracle: "page-pool", message: "page pool \($0.pool.id) is still there after a skip")
            }
    }
}

/// A scenario may not be skipped where the kernel's version and configuration guarantee all that it needs.
enum GuaranteedNeedsOracle {
    static func findings(_ report: ScenarioReport, needs: Set<Need>?, _ guaranteed: GuaranteedNeeds) -> [Finding] {
        guard let needs, needs.isSubset(of: guaranteed.needs), !report.hasBegun || guaranteed.coversLateSkips else { return [] }
        return [finding(report.reason, what: "scenario")]
    }

    /// - Parameter what: "scenario", or "case" of a kernel selftest.
    static func finding(_ reason: String?, what: String, evidence: [String] = []) -> Finding {
        Finding(
            oracle: "guaranteed-needs",
            message:
                "the kernel's version and configuration guarantee all that this \(what) needs, but it was skipped: \(reason ?? "no reason given")",
            evidence: evidence)
    }
}
