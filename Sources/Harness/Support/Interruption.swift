// SPDX-License-Identifier: GPL-2.0

import Dispatch
import Foundation
import Synchronization

/// Ends the work on SIGINT, SIGTERM or SIGHUP: its task is cancelled, and all processes that it started end with it.
public enum Interruption {
    /// Runs `body`; a signal cancels it.
    ///
    /// - Parameter report: called with one line for each signal.
    /// - Throws: what `body` throws; `HarnessError` (interrupted) where a signal was received.
    public static func guarding<Value: Sendable>(
        report: @escaping @Sendable (String) -> Void, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let received = Mutex<Int32?>(nil)
        let work = Task { try await body() }
        let sources = [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                let again = received.withLock { before in
                    guard before == nil else { return true }
                    before = number
                    return false
                }
                report(again ? "still ending what was started" : "signal \(number), ending what was started")
                work.cancel()
            }
            source.resume()
            return source
        }
        defer { sources.forEach { $0.cancel() } }
        do {
            return try await work.value
        } catch {
            guard let number = received.withLock({ $0 }) else { throw error }
            throw HarnessError(.interrupted, "interrupted by signal \(number)")
        }
    }
}
