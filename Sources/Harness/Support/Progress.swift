// SPDX-License-Identifier: GPL-2.0

public import Results

/// Where the harness reports what it does; the command line decides how it is printed.
public struct Progress: Sendable {
    /// One line.
    public var say: @Sendable (String) -> Void
    /// A scenario's result, the number of results so far, and how many there will be.
    var judged: @Sendable (ScenarioResult, Int, Int) -> Void

    /// - Parameters:
    ///   - say: prints one line.
    ///   - judged: prints a scenario's result.
    public init(
        _ say: @escaping @Sendable (String) -> Void, judged: @escaping @Sendable (ScenarioResult, Int, Int) -> Void = { _, _, _ in }
    ) {
        self.say = say
        self.judged = judged
    }

    func result(_ result: ScenarioResult, done: Int, of count: Int) { judged(result, done, count) }

    /// Prints nothing.
    public static let silent = Progress { _ in }
}
