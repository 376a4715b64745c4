// SPDX-License-Identifier: GPL-2.0

import Foundation
import Synchronization

/// Runs work that blocks (it reads, hashes or copies many files) on a thread that is not one of Swift's cooperative pool.
///
/// The pool has a thread for each CPU: where all of them block in the kernel, no task proceeds, the readers of a running machine's channels
/// among them. At most as many of these threads run as there are CPUs, two at least.
///
/// - Parameter body: calls `Cancellation.check()` at intervals. It may not wait for another `blocking`.
/// - Throws: what `body` throws; `CancellationError`.
func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try Task.checkCancellation()
    let flag = CancellationFlag()
    return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
            Cancellation.threads.addOperation {
                continuation.resume(
                    with: Result {
                        try Cancellation.$flag.withValue(flag) {
                            try Cancellation.check()
                            return try body()
                        }
                    })
            }
        }
    } onCancel: {
        flag.isSet.store(true, ordering: .relaxed)
    }
}

/// Whether the current work is cancelled, on a thread of `blocking` as in a task.
enum Cancellation {
    @TaskLocal fileprivate static var flag: CancellationFlag?

    fileprivate static let threads = {
        let queue = OperationQueue()
        queue.name = "ppiov.blocking"
        queue.maxConcurrentOperationCount = width
        return queue
    }()

    /// The most `blocking` that run at a time.
    static let width = max(2, ProcessInfo.processInfo.activeProcessorCount)

    /// - Throws: `CancellationError` where the work is cancelled.
    static func check() throws {
        if Task.isCancelled || flag?.isSet.load(ordering: .relaxed) == true { throw CancellationError() }
    }
}

fileprivate final class CancellationFlag: Sendable {
    let isSet = Atomic(false)
}
