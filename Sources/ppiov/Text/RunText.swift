// SPDX-License-Identifier: GPL-2.0

import Harness
import Results

/// The text of the results of a run.
enum RunText {
    /// Prints KTAP to standard output, and a summary to standard error.
    ///
    /// - Parameter fault: why results are missing, or could not be written.
    /// - Throws: `fault`; `HarnessError` where the run was interrupted.
    static func report(_ results: [ScenarioResult], folder: String, interrupted: Bool, fault: (any Error)?) throws {
        // Where the harness failed before the first result, its error says all.
        if fault == nil || !results.isEmpty {
            Console.output(KTAP.document(results))
            Console.error(Summary.text(results))
        }
        Console.results(in: folder)
        if let fault {
            if !results.isEmpty { Console.output(KTAP.bailOut("\(fault)")) }
            throw fault
        }
        guard interrupted else { return }
        Console.output(KTAP.bailOut("interrupted"))
        throw HarnessError(.interrupted, "interrupted after \(results.count) results")
    }
}
