// SPDX-License-Identifier: GPL-2.0

/// Runs `body`, and cancels it when `limit` has passed.
///
/// - Returns: what `body` returns; nil where the time passed first.
/// - Throws: what `body` throws; `CancellationError`.
func withDeadline<Value: Sendable>(_ limit: Duration, _ body: @escaping @Sendable () async throws -> Value) async throws -> Value? {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
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
