// SPDX-License-Identifier: GPL-2.0

import Harness
import Results

/// The text of the results of a run.
enum RunText {
    /// Prints KTAP to standard output, and a summary to standard error.
    ///
    /// - Throws: `HarnessError` where the run was interrupted.
    static func report(_ results: [ScenarioResult], folder: String, interrupted: Bool) throws {
        Console.output(KTAP.document(results))
        Console.error(Summary.text(results))
        Console.error("results: \(folder)")
        guard interrupted else { return }
        Console.output("Bail out! interrupted\n")
        throw HarnessError(.interrupted, "interrupted after \(results.count) results")
    }
}
