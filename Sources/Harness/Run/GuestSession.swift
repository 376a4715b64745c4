// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
import Synchronization

/// The output of a machine since a scenario began.
struct GuestOutput: Sendable {
    var events: [AgentEvent] = []
    var eventLines: [String] = []
    var console: [String] = []
    var trace = TraceStream()
    /// The agent's channel ended: the agent or the machine has ended.
    var ended = false
    /// When the `started` event arrived.
    var started: ContinuousClock.Instant?

    var report: ScenarioReport? { events.last { $0.kind == .finished }?.report }
    /// The message of the last `error` event.
    var agentError: String? { events.last { $0.kind == .error }?.message }

    func knownBug(of scenario: String) -> KnownBug? { events.first { $0.kind == .started && $0.scenario == scenario }?.knownBug }
}

/// Collects what a machine sends, with one reader for each channel.
final class GuestSession: Sendable {
    private struct State {
        var output = GuestOutput()
        var waiters: [(id: Int, condition: @Sendable (GuestOutput) -> Bool, continuation: CheckedContinuation<Bool, Never>)] = []
        var next = 0
    }

    private let state = Mutex(State())
    let machine: VirtualMachine

    init(_ machine: VirtualMachine) { self.machine = machine }

    /// Reads the machine's channels for as long as `body` takes; the readers have ended when it returns.
    static func with<Value: Sendable>(_ machine: VirtualMachine, _ body: (GuestSession) async throws -> Value) async throws -> Value {
        let session = GuestSession(machine)
        return try await withThrowingTaskGroup(of: Void.self) { readers in
            readers.addTask { for await line in machine.console { session.update { $0.console.append(line.marked) } } }
            readers.addTask { for await bytes in machine.trace { session.update { $0.trace.feed(bytes) } } }
            readers.addTask {
                for await line in machine.events { session.update { Self.read(line.text, into: &$0) } }
                session.update { $0.ended = true }
            }
            defer { readers.cancelAll() }
            return try await body(session)
        }
    }

    private static func read(_ line: String, into output: inout GuestOutput) {
        output.eventLines.append(line)
        do {
            let event = try JSONDecoder().decode(AgentEvent.self, from: Data(line.utf8))
            if event.kind == .started, output.started == nil { output.started = .now }
            output.events.append(event)
        } catch {
            output.events.append(AgentEvent(kind: .error, time: 0, message: "the agent's line is not an event: \(line.prefix(200))"))
        }
    }

    /// Drops the output so far; `ended` stays true.
    func begin() {
        state.withLock { state in
            let ended = state.output.ended
            state.output = GuestOutput()
            state.output.ended = ended
        }
    }

    var output: GuestOutput { state.withLock { $0.output } }

    private func update(_ change: (inout GuestOutput) -> Void) {
        let ready = state.withLock { state in
            change(&state.output)
            let met = state.waiters.filter { $0.condition(state.output) }
            state.waiters.removeAll { waiter in met.contains { $0.id == waiter.id } }
            return met
        }
        ready.forEach { $0.continuation.resume(returning: true) }
    }

    /// Waits until `condition` holds.
    ///
    /// - Returns: false where it did not within `limit`.
    /// - Throws: `CancellationError`.
    func wait(_ limit: Duration, until condition: @escaping @Sendable (GuestOutput) -> Bool) async throws -> Bool {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        let timer = Task {
            try? await sleepAwake(for: limit)
            self.endWait(id)
        }
        defer { timer.cancel() }
        let met = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now: Bool? = state.withLock { state in
                    if condition(state.output) { return true }
                    if Task.isCancelled { return false }
                    state.waiters.append((id, condition, continuation))
                    return nil
                }
                if let now { continuation.resume(returning: now) }
            }
        } onCancel: {
            endWait(id)
        }
        try Task.checkCancellation()
        return met
    }

    private func endWait(_ id: Int) {
        let waiter = state.withLock { state in
            let index = state.waiters.firstIndex { $0.id == id }
            return index.map { state.waiters.remove(at: $0) }
        }
        waiter?.continuation.resume(returning: false)
    }
}
