// SPDX-License-Identifier: GPL-2.0

/// What a failure is known by again: the same in every run of the same fault, whatever addresses and counts it came with.
public enum Fingerprint {
    /// The fingerprint of a result; nil where it passed or was skipped.
    ///
    /// A crash is known by how the kernel died; a failure by its most telling finding: a broken invariant, then a kernel message, then
    /// whatever else there is.
    public static func of(_ result: ScenarioResult) -> String? {
        guard result.verdict == .fail || result.verdict == .crashed else { return nil }
        let ranked = ["trace", "kernel-log", "counters", "page-pool", "payload", "exercised"]
        for oracle in ranked {
            if let finding = result.findings.first(where: { $0.oracle == oracle }) { return "\(oracle) \(core(finding))" }
        }
        guard let finding = result.findings.first else { return "\(result.verdict.rawValue) \(plain(result.reason ?? ""))" }
        return "\(finding.oracle) \(core(finding))"
    }

    private static func core(_ finding: Finding) -> String {
        switch finding.oracle {
        case "trace": String(finding.message.prefix { $0 != ":" })
        case "kernel-log":
            // Kind, and the functions that the message was made in.
            String(finding.message.prefix { $0 != ":" }) + (finding.message.lastIndex(of: "[").map { " " + finding.message[$0...] } ?? "")
        case "counters": String(finding.message.prefix { $0 != " " })
        default: plain(finding.message)
        }
    }

    /// Without what changes from run to run: numbers and addresses.
    private static func plain(_ text: String) -> String {
        let words = text.split(separator: " ").map { word in word.contains { $0.isNumber } ? "#" : String(word) }
        return words.prefix(12).joined(separator: " ")
    }
}
