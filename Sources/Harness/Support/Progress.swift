// SPDX-License-Identifier: GPL-2.0

public import Results

/// Receives what the harness reports while it works; the command line decides how it is printed.
public struct Progress: Sendable {
    /// One line.
    public var report: @Sendable (String) -> Void
    /// A scenario's result, the number of results so far, and how many there will be.
    var judged: @Sendable (ScenarioResult, Int, Int) -> Void

    /// - Parameters:
    ///   - report: prints one line.
    ///   - judged: prints a scenario's result.
    public init(
        _ report: @escaping @Sendable (String) -> Void, judged: @escaping @Sendable (ScenarioResult, Int, Int) -> Void = { _, _, _ in }
    ) {
        self.report = report
        self.judged = judged
    }

    func result(_ result: ScenarioResult, done: Int, of count: Int) { judged(result, done, count) }

    /// Discards all lines.
    public static let discarded = Progress { _ in }
}
