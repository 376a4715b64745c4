// SPDX-License-Identifier: GPL-2.0

internal import Results

/// A scenario may not be skipped where the kernel's version and configuration guarantee all that it needs.
enum GuaranteedNeedsOracle {
    static func findings(_ report: ScenarioReport, needs: Set<Need>?, _ guaranteed: GuaranteedNeeds) -> [Finding] {
        guard let needs, needs.isSubset(of: guaranteed.needs), !report.hasBegun || guaranteed.coversLateSkips else { return [] }
        return [finding(report.reason, what: "scenario")]
    }

    /// - Parameter what: "scenario", or "case" of a kernel selftest.
    static func finding(_ reason: String?, what: String, evidence: [String] = []) -> Finding {
        Finding(
            oracle: .guaranteedNeeds,
            message:
                "the kernel's version and configuration guarantee all that this \(what) needs, but it was skipped: \(reason ?? "no reason given")",
            evidence: evidence)
    }
}
