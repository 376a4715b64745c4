// SPDX-License-Identifier: GPL-2.0

/// The last lines of a run for the reader at the terminal.
public enum Summary {
    /// A line per tier with its verdicts, a line per provider with its net_iovs, a line of the traces that were checked against the
    /// model; ends with a newline.
    public static func text(_ results: [ScenarioResult]) -> String {
        guard !results.isEmpty else { return "no scenario ran\n" }
        var lines: [String] = []
        for tier in Tier.allCases {
            let ofTier = results.filter { $0.tier == tier }
            if ofTier.isEmpty { continue }
            lines.append("\(tier.rawValue): \(RunResult.Totals(ofTier).words)")
        }
        for provider in Provider.allCases where provider != .pages {
            guard results.contains(where: { $0.provider == provider && $0.verdict != .skip }) else { continue }
            let accounts = results.flatMap(\.accounts).filter { $0.provider == provider }
            let holds = accounts.reduce(0) { $0 + $1.netIovHolds }
            let releases = accounts.reduce(0) { $0 + $1.netIovReleases }
            lines.append("\(provider.rawValue): \(holds) net_iovs held, \(releases) released")
        }
        let traced = results.filter { $0.traceEvents != nil }
        if !traced.isEmpty {
            let conform = traced.count { !$0.findings.contains { $0.oracle == .trace } }
            let events = traced.reduce(0) { $0 + ($1.traceEvents ?? 0) }
            let pools = results.reduce(0) { $0 + $1.accounts.count }
            lines.append("trace: \(conform) of \(traced.count) conform to the life cycle, \(events) events of \(pools) page pools")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
