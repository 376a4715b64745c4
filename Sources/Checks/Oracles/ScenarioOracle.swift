// SPDX-License-Identifier: GPL-2.0

internal import Results

/// A step of the scenario failed.
enum ScenarioOracle {
    static func findings(_ report: ScenarioReport) -> [Finding] {
        let steps = report.steps.map { "\($0.ok ? "ok" : "failed"): \($0.name)\($0.detail.map { ": " + $0 } ?? "")" }
        // Only the first finding has the steps: where the peer has ended, every clean-up after it fails.
        var findings = report.steps.filter { !$0.ok }.enumerated().map { number, step in
            Finding(
                oracle: .scenario, message: "step \"\(step.name)\" failed\(step.detail.map { ": " + $0 } ?? "")", evidence: number == 0 ? steps : [])
        }
        if report.outcome == .failed && findings.isEmpty {
            findings.append(Finding(oracle: .scenario, message: report.reason ?? "failed without a reason", evidence: steps))
        }
        return findings
    }
}
