// SPDX-License-Identifier: GPL-2.0

import Synchronization

/// Tells who waits for a text that it has been on the console, whoever reads the console's lines.
final class ConsoleWatch: Sendable {
    private let waiting = Mutex<[(text: String, promise: Promise<Void>)]>([])

    /// Begins to look out, from now on.
    func expect(_ text: String) -> Promise<Void> {
        let promise = Promise<Void>()
        waiting.withLock { $0.append((text, promise)) }
        return promise
    }

    /// Gives up.
    func forget(_ promise: Promise<Void>) { waiting.withLock { $0.removeAll { $0.promise === promise } } }

    func see(_ line: String) {
        let met = waiting.withLock { waiting in
            guard !waiting.isEmpty else { return [Promise<Void>]() }
            let met = waiting.filter { line.contains($0.text) }.map(\.promise)
            waiting.removeAll { line.contains($0.text) }
            return met
        }
        for promise in met { promise.settle(.success(())) }
    }

    func end() {
        let lost = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting.map(\.promise)
        }
        for promise in lost { promise.settle(.failure(HarnessError(.harness, "the machine ended"))) }
    }
}
