// SPDX-License-Identifier: GPL-2.0

/// The exit status of the process. A script can act on it without reading anything else.
public enum ExitCode: Int32, Sendable, CaseIterable {
    /// At least one scenario passed, and none failed or crashed.
    case passed = 0
    /// A scenario failed or crashed.
    case failed = 1
    /// The command line cannot be understood.
    case usage = 2
    /// The harness itself could not do its work: no source, no build, no QEMU.
    case harness = 3
    /// Nothing passed and nothing failed: every scenario was skipped, or failed by a known bug of its kernel, or there was none.
    case nothingRan = 4
    /// Interrupted by a signal.
    case interrupted = 130

    /// The exit code for these results. Nothing at all is never a success.
    public init(_ results: [ScenarioResult]) {
        let totals = RunResult.Totals(results)
        if totals.failed + totals.crashed > 0 {
            self = .failed
        } else {
            self = totals.passed > 0 ? .passed : .nothingRan
        }
    }
}
