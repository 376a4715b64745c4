// SPDX-License-Identifier: GPL-2.0

import Synchronization

/// Waits for a text on the console, independent of the reader of the console's lines.
final class ConsoleWatch: Sendable {
    private let waiting = Mutex<[(text: String, promise: Promise<Void>)]>([])

    /// A promise that the next line with this text settles.
    func expect(_ text: String) -> Promise<Void> {
        let promise = Promise<Void>()
        waiting.withLock { $0.append((text, promise)) }
        return promise
    }

    /// Ends the wait of a promise.
    func cancel(_ promise: Promise<Void>) { waiting.withLock { $0.removeAll { $0.promise === promise } } }

    /// To be called with each line.
    func feed(_ line: String) {
        let met = waiting.withLock { waiting in
            guard !waiting.isEmpty else { return [Promise<Void>]() }
            let met = waiting.filter { line.contains($0.text) }.map(\.promise)
            waiting.removeAll { line.contains($0.text) }
            return met
        }
        for promise in met { promise.settle(.success(())) }
    }

    /// To be called at the console's end.
    func end() {
        let lost = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting.map(\.promise)
        }
        for promise in lost { promise.settle(.failure(HarnessError(.harness, "the machine ended"))) }
    }
}
