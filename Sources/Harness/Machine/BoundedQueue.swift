// SPDX-License-Identifier: GPL-2.0

import Dispatch
import Synchronization

/// A queue from one producer thread to one asynchronous reader, with back pressure.
///
/// `AsyncStream` either grows without bound or drops elements; a guest can write faster than its host reads.
/// Here the producer's thread blocks while `limit` is exceeded, the socket fills, and the guest waits.
final class BoundedQueue<Element: Sendable>: AsyncSequence, Sendable {
    typealias Failure = Never

    private struct State {
        var elements: [(element: Element, cost: Int)] = []
        /// The elements before it were read.
        var head = 0
        var cost = 0
        var ended = false
        var reader: CheckedContinuation<Element?, Never>?
        var isProducerBlocked = false

        mutating func pop() -> Element? {
            guard head < elements.count else { return nil }
            let (element, spent) = elements[head]
            head += 1
            cost -= spent
            if head == elements.count || head > 4096 {
                elements.removeFirst(head)
                head = 0
            }
            return element
        }

        /// Whether a blocked producer is to be woken; it then counts as not blocked.
        mutating func wakesProducer(_ limit: Int) -> Bool {
            guard isProducerBlocked, ended || cost <= limit else { return false }
            isProducerBlocked = false
            return true
        }
    }

    private let state = Mutex(State())
    private let limit: Int
    /// Signalled for a producer that is blocked.
    private let capacity = DispatchSemaphore(value: 0)

    /// - Parameter limit: the summed cost above which `push` blocks.
    init(limit: Int) { self.limit = limit }

    /// Appends; blocks while the queue is over its limit. Only for a thread that may block. Ignored after `end`.
    func push(_ element: Element, cost: Int) {
        while true {
            let (isBlocked, reader) = state.withLock { state -> (Bool, CheckedContinuation<Element?, Never>?) in
                if state.ended { return (false, nil) }
                if state.cost > limit {
                    state.isProducerBlocked = true
                    return (true, nil)
                }
                if let reader = state.reader {
                    state.reader = nil
                    return (false, reader)
                }
                state.elements.append((element, cost))
                state.cost += cost
                return (false, nil)
            }
            reader?.resume(returning: element)
            guard isBlocked else { return }
            capacity.wait()
        }
    }

    /// No element follows. Queued elements can still be read.
    func end() {
        let (reader, wakesProducer) = state.withLock { state in
            state.ended = true
            defer { state.reader = nil }
            return (state.reader, state.wakesProducer(limit))
        }
        if wakesProducer { capacity.signal() }
        reader?.resume(returning: nil)
    }

    private func receive(_ continuation: CheckedContinuation<Element?, Never>) {
        let (isWaiting, element, wakesProducer) = state.withLock { state -> (Bool, Element?, Bool) in
            // A cancelled reader takes no element: the queued elements are for the next reader.
            guard !Task.isCancelled else { return (false, nil, false) }
            let element = state.pop()
            guard element == nil, !state.ended, state.reader == nil else { return (false, element, state.wakesProducer(limit)) }
            state.reader = continuation
            return (true, nil, false)
        }
        if wakesProducer { capacity.signal() }
        if !isWaiting { continuation.resume(returning: element) }
    }

    private func cancelReader() {
        let reader = state.withLock { state in
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: nil)
    }

    /// The next element; nil at the end or when the calling task is cancelled.
    func next() async -> Element? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { receive($0) }
        } onCancel: {
            cancelReader()
        }
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        let queue: BoundedQueue

        mutating func next() async -> Element? { await queue.next() }
        mutating func next(isolation actor: isolated (any Actor)?) async -> Element? { await queue.next() }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: self) }
}
