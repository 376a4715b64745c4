// SPDX-License-Identifier: GPL-2.0

public import Results

/// What a second run of a failed scenario, on a machine of its own, adds to the first, which shared its machine. The first verdict
/// stays: the finding says whether the scenarios that ran before it may be a part of the cause.
public enum IsolatedRerun {
    /// - Parameters:
    ///   - rerun: the result of the second run.
    ///   - earlier: the scenarios that ran on the shared machine before the first run, in order.
    ///   - folder: where the files of the second run are, in the results folder.
    public static func finding(_ rerun: ScenarioResult, after earlier: [String], folder: String) -> Finding {
        let before = earlier.joined(separator: ", ")
        let files = "its run: \(folder)"
        switch rerun.verdict {
        case .xfail:
            return finding(
                "again on a machine of its own: only what is known, so what ran before it may have a part in the rest: \(before)",
                [files, "known: \(rerun.reason ?? "")"])
        case .fail, .crashed:
            let message = rerun.findings.first.map { "\($0.oracle): \($0.message)" } ?? rerun.reason ?? rerun.verdict.rawValue
            return finding("again on a machine of its own: it fails there, too: \(message)", [files])
        case .pass, .skip:
            let filters = (earlier + [rerun.scenario]).map { "--filter \($0)" }.joined(separator: " ")
            return finding(
                "again on a machine of its own: no failure; it does not fail each time, or what ran before it has a part in it: \(before)",
                [files, "all of them again in that order: ppiov run --isolate none \(filters)"])
        }
    }

    private static func finding(_ message: String, _ evidence: [String]) -> Finding {
        Finding(oracle: Finding.alone, message: message, evidence: evidence)
    }
}
