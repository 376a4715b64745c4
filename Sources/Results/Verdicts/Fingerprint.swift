// SPDX-License-Identifier: GPL-2.0

/// Identifies a failure across runs: it is the same for the same fault, and does not depend on addresses and counts in the messages.
public enum Fingerprint {
    /// Oracles whose findings describe the fault best, the best first: a broken invariant, then a kernel message, then the rest.
    private static let ranked: [Oracle] = [.trace, .kernelLog, .counters, .pagePool, .payload, .exercised]

    /// The fingerprint of a result; nil where it did not fail or crash.
    public static func of(_ result: ScenarioResult) -> String? {
        guard result.verdict.isFailure else { return nil }
        let best = ranked.lazy.compactMap { oracle in result.findings.first { $0.oracle == oracle } }.first
        guard let finding = best ?? result.findings.first else { return "\(result.verdict.rawValue) \(plain(result.reason ?? ""))" }
        return "\(finding.oracle) \(core(finding))"
    }

    private static func core(_ finding: Finding) -> String {
        switch finding.oracle {
        case .trace: String(finding.message.prefix { $0 != ":" })
        case .kernelLog:
            // The kind, and the functions of the call trace.
            String(finding.message.prefix { $0 != ":" }) + (finding.message.lastIndex(of: "[").map { " " + finding.message[$0...] } ?? "")
        case .counters: String(finding.message.prefix { $0 != " " })
        default: plain(finding.message)
        }
    }

    /// Without what changes from run to run: numbers and addresses.
    private static func plain(_ text: String) -> String {
        let words = text.split(separator: " ").map { word in word.contains { $0.isNumber } ? "#" : String(word) }
        return words.prefix(12).joined(separator: " ")
    }
}
