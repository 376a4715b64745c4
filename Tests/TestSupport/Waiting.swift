// SPDX-License-Identifier: GPL-2.0

/// A condition that did not hold in time.
public struct ConditionTimeout: Error, CustomStringConvertible {
    /// The condition, and how long the test waited.
    public var description: String

    /// An error with this text.
    public init(_ description: String) { self.description = description }
}

/// Waits until a condition holds. It is evaluated every 10 ms.
///
/// - Parameters:
///   - what: the condition, for the error's text.
///   - timeout: ends a test that would never end. A test that passes needs much less.
/// - Throws: `ConditionTimeout`, or what the condition throws.
public func waitUntil(
    _ what: @autoclosure () -> String, timeout: Duration = .seconds(60), _ condition: () throws -> Bool
) async throws {
    let end = ContinuousClock.now + timeout
    while try !condition() {
        guard ContinuousClock.now < end else { throw ConditionTimeout("waited \(timeout) until \(what())") }
        try await Task.sleep(for: .milliseconds(10))
    }
}
