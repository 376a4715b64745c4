// SPDX-License-Identifier: GPL-2.0

internal import Results

/// Resource counters must have the same values after the scenario as before.
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

    private static func finding(_ message: String) -> Finding { Finding(oracle: .counters, message: message) }
}
