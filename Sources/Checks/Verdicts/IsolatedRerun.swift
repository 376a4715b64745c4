// SPDX-License-Identifier: GPL-2.0

public import Results

/// What a second run of a failed scenario, on a machine of its own, adds to the first, which shared its machine. The first verdict
/// stays: the finding is whether the scenarios that ran before it may be a part of the cause.
public enum IsolatedRerun {
    /// - Parameters:
    ///   - rerun: the result of the second run.
    ///   - earlier: the scenarios that ran on the shared machine before the first run, in order.
    ///   - folder: where the files of the second run are, in the results folder.
    public static func finding(_ rerun: ScenarioResult, after earlier: [String], folder: String) -> Finding {
        let before = earlier.joined(separator: ", ")
        let files = "files of the second run: \(folder)"
        switch rerun.verdict {
        case .xfail:
            return finding(
                "second run, on a machine of its own: only the known bug; scenarios that ran before it may have caused the rest: \(before)",
                [files, rerun.reason ?? ""])
        case .fail, .crashed:
            let message = rerun.findings.first?.description ?? rerun.reason ?? rerun.verdict.rawValue
            return finding("second run, on a machine of its own: it fails too: \(message)", [files])
        case .pass, .skip:
            let filters = (earlier + [rerun.scenario]).map { "--filter \($0)" }.joined(separator: " ")
            return finding(
                "second run, on a machine of its own: no failure; it does not fail every time, or scenarios that ran before it caused it: \(before)",
                [files, "run all of them again in that order: ppiov run --isolate none \(filters)"])
        }
    }

    private static func finding(_ message: String, _ evidence: [String]) -> Finding {
        Finding(oracle: .isolatedRerun, message: message, evidence: evidence)
    }
}
