// SPDX-License-Identifier: GPL-2.0

/// A condition that did not hold in time.
public struct ConditionTimeout: Error, CustomStringConvertible {
    /// What was waited for, and for how long.
    public var description: String

    /// An error with this text.
    public init(_ description: String) { self.description = description }
}

/// Waits until a condition holds; it is asked every 10 ms.
///
/// - Parameters:
///   - what: what is waited for, for the error's text.
///   - timeout: ends a test that would wait for ever; no test that passes comes near it.
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
