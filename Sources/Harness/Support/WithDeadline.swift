// SPDX-License-Identifier: GPL-2.0

/// Sleeps for the time, of which a stop of this process (SIGSTOP, SIGTSTP) or of the host (suspend) takes a tenth at most: a deadline must not
/// pass while nobody could read what arrived.
///
/// - Throws: `CancellationError`.
func sleepAwake(for time: Duration) async throws {
    for _ in 0..<10 { try await Task.sleep(for: time / 10) }
}

/// Runs `body`, and cancels it when `limit` has passed.
///
/// - Returns: what `body` returns; nil where the time passed first.
/// - Throws: what `body` throws; `CancellationError`.
func withDeadline<Value: Sendable>(_ limit: Duration, _ body: @escaping @Sendable () async throws -> Value) async throws -> Value? {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await sleepAwake(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        return try await group.next() ?? nil
    }
}

/// Runs `body`, and cancels it when `limit` has passed.
///
/// - Throws: what `body` throws; `expired()` where the time passed first; `CancellationError`.
func withDeadline<Value: Sendable>(
    _ limit: Duration, expired: () -> HarnessError, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    guard let value = try await withDeadline(limit, body) else { throw expired() }
    return value
}
