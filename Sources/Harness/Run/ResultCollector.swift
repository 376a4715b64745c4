// SPDX-License-Identifier: GPL-2.0

import Results
import Scenarios
import Synchronization

/// The results of a run as they arrive, returned in the order of the request.
final class ResultCollector: Sendable {
    private struct State {
        var results: [String: ScenarioResult] = [:]
        var guest: GuestInfo?
        var starts: [String: Double] = [:]
    }

    private let order: [String]
    private let progress: Progress
    private let state = Mutex(State())

    init(_ scenarios: [Scenario], _ progress: Progress) {
        order = scenarios.map { $0.id }
        self.progress = progress
    }

    var results: [ScenarioResult] { state.withLock { state in order.compactMap { state.results[$0] } } }
    var guest: GuestInfo? { state.withLock { $0.guest } }
    var hasFailure: Bool { state.withLock { $0.results.values.contains { $0.verdict == .fail || $0.verdict == .crashed } } }

    /// Seconds from a machine's start to its first scenario's start, by that scenario.
    var starts: [String: Double] { state.withLock { $0.starts } }

    func note(start seconds: Double, of scenario: String) { state.withLock { $0.starts[scenario] = seconds } }

    func note(_ guest: GuestInfo) { state.withLock { $0.guest = guest } }

    /// Adds a result, and prints it as progress.
    func add(_ result: ScenarioResult) {
        let done = state.withLock { state in
            state.results[result.scenario] = result
            return state.results.count
        }
        progress.result(result, done: done, of: order.count)
    }
}
