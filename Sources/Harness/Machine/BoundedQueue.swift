// SPDX-License-Identifier: GPL-2.0

import Foundation

/// A queue from one producer thread to one asynchronous reader, with back pressure.
///
/// `AsyncStream` either grows without bound or drops elements; a guest can write faster than its host reads.
/// Here the producer's thread blocks while `limit` is exceeded, the socket fills, and the guest waits.
public final class BoundedQueue<Element: Sendable>: AsyncSequence, @unchecked Sendable {
    public typealias Failure = Never

    // Everything below is guarded by `condition`.
    private let condition = NSCondition()
    private var elements: [(element: Element, cost: Int)] = []
    private var head = 0
    private var cost = 0
    private var ended = false
    private var waiter: CheckedContinuation<Element?, Never>?
    private let limit: Int

    /// - Parameter limit: the summed cost above which `push` blocks.
    init(limit: Int) { self.limit = limit }

    /// Appends; blocks while the queue is over its limit. Only for threads that may block. Ignored after `end`.
    func push(_ element: Element, cost added: Int) {
        condition.lock()
        while cost > limit, !ended { condition.wait() }
        if ended {
            condition.unlock()
            return
        }
        if let waiting = waiter {
            waiter = nil
            condition.unlock()
            waiting.resume(returning: element)
            return
        }
        elements.append((element, added))
        cost += added
        condition.unlock()
    }

    /// No element follows. Queued elements can still be read.
    func end() {
        condition.lock()
        ended = true
        let waiting = waiter
        waiter = nil
        condition.broadcast()
        condition.unlock()
        waiting?.resume(returning: nil)
    }

    private func pop() -> Element? {
        guard head < elements.count else { return nil }
        let (element, spent) = elements[head]
        head += 1
        cost -= spent
        if head == elements.count || head > 4096 {
            elements.removeFirst(head)
            head = 0
        }
        condition.broadcast()
        return element
    }

    private func receive(_ continuation: CheckedContinuation<Element?, Never>) {
        condition.lock()
        // A cancelled reader takes nothing: what is queued is for the next one.
        let element = Task.isCancelled ? nil : pop()
        if element == nil, !ended, waiter == nil, !Task.isCancelled {
            waiter = continuation
            condition.unlock()
            return
        }
        condition.unlock()
        continuation.resume(returning: element)
    }

    private func cancelWaiter() {
        condition.lock()
        let waiting = waiter
        waiter = nil
        condition.unlock()
        waiting?.resume(returning: nil)
    }

    /// The next element; nil at the end or when the calling task is cancelled.
    public func next() async -> Element? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { receive($0) }
        } onCancel: {
            cancelWaiter()
        }
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        let queue: BoundedQueue

        public mutating func next() async -> Element? { await queue.next() }
        public mutating func next(isolation actor: isolated (any Actor)?) async -> Element? { await queue.next() }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: self) }
}
