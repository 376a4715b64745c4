// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
import Synchronization

/// What comes out of a machine while a scenario runs in it, collected by one reader per channel.
final class GuestSession: Sendable {
    /// What has come since the last scenario began.
    struct Take: Sendable {
        var events: [AgentEvent] = []
        var eventLines: [String] = []
        var console: [String] = []
        var trace = TraceStream()
        /// The agent's channel ended: the agent or the machine is gone.
        var ended = false
        /// When the harness heard that the scenario starts.
        var started: ContinuousClock.Instant?

        var report: ScenarioReport? { events.last { $0.kind == .finished }?.report }
        func knownBug(of scenario: String) -> KnownBug? { events.first { $0.kind == .started && $0.scenario == scenario }?.knownBug }
        var trouble: String? { events.last { $0.kind == .error }?.message }
    }

    private struct State {
        var take = Take()
        var waiters: [(id: Int, condition: @Sendable (Take) -> Bool, continuation: CheckedContinuation<Bool, Never>)] = []
        var next = 0
    }

    private let state = Mutex(State())
    let machine: VirtualMachine

    init(_ machine: VirtualMachine) { self.machine = machine }

    /// Reads the machine's channels for as long as `body` takes.
    static func with<Value: Sendable>(_ machine: VirtualMachine, _ body: (GuestSession) async throws -> Value) async throws -> Value {
        let session = GuestSession(machine)
        let readers = [
            Task { for await line in machine.console { session.update { $0.console.append(line.text) } } },
            Task { for await bytes in machine.trace { session.update { $0.trace.feed(bytes) } } },
            Task {
                for await line in machine.events { session.update { Self.read(line.text, into: &$0) } }
                session.update { $0.ended = true }
            },
        ]
        defer { readers.forEach { $0.cancel() } }
        return try await body(session)
    }

    private static func read(_ line: String, into take: inout Take) {
        take.eventLines.append(line)
        do {
            let event = try JSONDecoder().decode(AgentEvent.self, from: Data(line.utf8))
            if event.kind == .started, take.started == nil { take.started = .now }
            take.events.append(event)
        } catch {
            take.events.append(AgentEvent(kind: .error, time: 0, message: "the agent's line is no event: \(line.prefix(200))"))
        }
    }

    /// Forgets what came so far; that the channel ended stays true.
    func begin() {
        state.withLock { state in
            let ended = state.take.ended
            state.take = Take()
            state.take.ended = ended
        }
    }

    var take: Take { state.withLock { $0.take } }

    private func update(_ change: (inout Take) -> Void) {
        let ready = state.withLock { state in
            change(&state.take)
            let met = state.waiters.filter { $0.condition(state.take) }
            state.waiters.removeAll { waiter in met.contains { $0.id == waiter.id } }
            return met
        }
        ready.forEach { $0.continuation.resume(returning: true) }
    }

    /// Waits until `condition` holds.
    ///
    /// - Returns: false where it did not within `limit`.
    /// - Throws: `CancellationError`.
    func wait(_ limit: Duration, until condition: @escaping @Sendable (Take) -> Bool) async throws -> Bool {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        let timer = Task {
            try? await Task.sleep(for: limit)
            self.give(up: id)
        }
        defer { timer.cancel() }
        let met = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now: Bool? = state.withLock { state in
                    if condition(state.take) { return true }
                    if Task.isCancelled { return false }
                    state.waiters.append((id, condition, continuation))
                    return nil
                }
                if let now { continuation.resume(returning: now) }
            }
        } onCancel: {
            give(up: id)
        }
        try Task.checkCancellation()
        return met
    }

    private func give(up id: Int) {
        let waiter = state.withLock { state in
            let index = state.waiters.firstIndex { $0.id == id }
            return index.map { state.waiters.remove(at: $0) }
        }
        waiter?.continuation.resume(returning: false)
    }
}
