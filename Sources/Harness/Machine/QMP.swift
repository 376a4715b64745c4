// SPDX-License-Identifier: GPL-2.0

import Foundation
import Synchronization

/// QEMU's monitor: commands with their replies, and events.
///
/// A disconnect means that QEMU has ended: all pending commands and waits fail.
final class QMP: Sendable {
    /// A position in the stream of events. A wait from a mark made before a command misses no event that the command causes.
    struct Mark: Sendable {
        fileprivate var index: Int
    }

    private struct EventWaiter {
        var from: Int
        var matches: @Sendable (QMPEvent) -> Bool
        var promise: Promise<QMPEvent>
    }

    private struct State {
        var nextID = 1
        var pending: [Int: (command: String, promise: Promise<QMPValue>)] = [:]
        var events: [QMPEvent] = []
        /// How many events were dropped from the front of `events`.
        var dropped = 0
        var waiters: [EventWaiter] = []
        var isDisconnected = false
    }

    /// Events kept for marks; QEMU sends a dozen for a machine.
    private static let history = 1024

    private let state = Mutex(State())
    private let greeting = Promise<String>()
    private let splitter = Mutex(LineSplitter(limit: 16 << 20))
    private let send: @Sendable ([UInt8]) async throws -> Void

    /// - Parameter send: writes to the monitor's socket. The caller passes bytes from it to `receive`.
    init(send: @escaping @Sendable ([UInt8]) async throws -> Void) { self.send = send }

    /// To be called with the bytes from the monitor's socket, and with nil at its end.
    func receive(_ bytes: [UInt8]?) {
        guard let bytes else { return disconnect() }
        for line in splitter.withLock({ $0.feed(bytes) }) { handle(QMPMessage(line: line.text)) }
    }

    private func handle(_ message: QMPMessage) {
        switch message {
        case .greeting(let version):
            greeting.settle(.success(version))
        case .reply(let id, let value):
            state.withLock { $0.pending.removeValue(forKey: id) }?.promise.settle(.success(value))
        case .refusal(let id, let errorClass, let text):
            // A refusal without an id is for a line that QEMU could not parse: the oldest pending command is assumed.
            let refused = state.withLock { state in
                (id ?? state.pending.keys.min()).flatMap { state.pending.removeValue(forKey: $0) }
            }
            refused?.promise.settle(.failure(QMPError(command: refused?.command ?? "", errorClass: errorClass, message: text)))
        case .event(let event):
            record(event)
        case .unknown:
            break
        }
    }

    private func record(_ event: QMPEvent) {
        let met = state.withLock { state -> [EventWaiter] in
            state.events.append(event)
            if state.events.count > Self.history {
                state.events.removeFirst()
                state.dropped += 1
            }
            let met = state.waiters.filter { $0.matches(event) }
            state.waiters.removeAll { $0.matches(event) }
            return met
        }
        for waiter in met { waiter.promise.settle(.success(event)) }
    }

    private static var disconnected: HarnessError { HarnessError(.harness, "QEMU closed its monitor: it has ended") }

    private func disconnect() {
        let (pending, waiters) = state.withLock { state in
            state.isDisconnected = true
            defer {
                state.pending = [:]
                state.waiters = []
            }
            return (Array(state.pending.values), state.waiters)
        }
        greeting.settle(.failure(Self.disconnected))
        for command in pending { command.promise.settle(.failure(Self.disconnected)) }
        for waiter in waiters { waiter.promise.settle(.failure(Self.disconnected)) }
    }

    /// Waits for the greeting and leaves negotiation.
    ///
    /// - Returns: QEMU's version, "7.2.22".
    @discardableResult
    func negotiate(within limit: Duration) async throws -> String {
        let version = try await withDeadline(limit, expired: { HarnessError(.harness, "QEMU's monitor sent no greeting within \(limit)") }) {
            [greeting] in try await greeting.value()
        }
        try await execute("qmp_capabilities", within: limit)
        return version
    }

    /// Executes a command.
    ///
    /// - Returns: its result.
    /// - Throws: `QMPError` where QEMU refuses; `HarnessError` where QEMU has ended or does not reply in time; `CancellationError`.
    @discardableResult
    func execute(
        _ command: String, _ arguments: [String: QMPValue] = [:], within limit: Duration = .seconds(30)
    ) async throws -> QMPValue {
        let promise = Promise<QMPValue>()
        let id = try state.withLock { state throws(HarnessError) -> Int in
            guard !state.isDisconnected else { throw Self.disconnected }
            let id = state.nextID
            state.nextID += 1
            state.pending[id] = (command, promise)
            return id
        }
        defer { state.withLock { _ = $0.pending.removeValue(forKey: id) } }
        try await send(QMPMessage.request(id: id, command: command, arguments: arguments))
        return try await withDeadline(limit, expired: { HarnessError(.harness, "QEMU did not reply to \(command) within \(limit)") }) {
            try await promise.value()
        }
    }

    /// The end of the stream of events, now.
    var mark: Mark { state.withLock { Mark(index: $0.dropped + $0.events.count) } }

    /// Waits for the first event after `mark` that `matches`.
    ///
    /// - Throws: `HarnessError` where QEMU has ended or no event matched in time; `CancellationError`.
    @discardableResult
    func event(
        after mark: Mark, within limit: Duration, _ matches: @escaping @Sendable (QMPEvent) -> Bool
    ) async throws -> QMPEvent {
        let promise = Promise<QMPEvent>()
        state.withLock { state in
            let from = max(0, mark.index - state.dropped)
            if let event = state.events.dropFirst(from).first(where: matches) {
                promise.settle(.success(event))
            } else if state.isDisconnected {
                promise.settle(.failure(Self.disconnected))
            } else {
                state.waiters.append(EventWaiter(from: mark.index, matches: matches, promise: promise))
            }
        }
        defer { state.withLock { $0.waiters.removeAll { $0.promise === promise } } }
        return try await withDeadline(limit, expired: { HarnessError(.harness, "QEMU did not send the expected event within \(limit)") }) {
            try await promise.value()
        }
    }

    /// Waits until QEMU stops the guest because the accelerator cannot continue it.
    ///
    /// - Returns: false where QEMU ended or the task was cancelled first.
    func acceleratorFails() async -> Bool {
        var seen = Mark(index: 0)
        while !Task.isCancelled {
            guard (try? await event(after: seen, within: .seconds(1 << 30), { $0.name == "STOP" })) != nil else { return false }
            seen = mark
            // A stop that the harness asked for, before a snapshot, has another status. The query is later than each stop before `seen`.
            let status = try? await execute("query-status")
            if status?["status"]?.string == "internal-error" { return true }
        }
        return false
    }

    /// The newest 1024 events.
    var events: [QMPEvent] { state.withLock { $0.events } }
}
