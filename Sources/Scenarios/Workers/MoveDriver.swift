// SPDX-License-Identifier: GPL-2.0

import LifeCycle
import Results

/// Performs the moves of a sequence, one after the other.
final class MoveDriver {
    /// Performs moves that are legal in that order, on an interface made for them.
    static func drive(_ run: ScenarioRun, _ provider: Provider, _ moves: [Move]) throws {
        let sequence = MoveSequence(provider: provider == .devmem ? .devmem : .zcrx, moves: moves)
        try MoveDriver(run, provider, try run.makeTestBed(), sequence).drive()
    }

    /// A move in words, for steps and documents.
    static func words(_ move: Move) -> String {
        switch move {
        case .bind: "provider bound"
        case .connect: "connected"
        case .receive: "received and returned"
        case .hold: "received and held"
        case .leaveUnread: "left unread"
        case .returnBuffers: "user returns all"
        case .close: "socket closed"
        case .end: "provider ended by its process"
        case .kill: "process killed"
        case .down: "interface down"
        case .up: "interface up"
        case .restart0, .restart1, .restart2, .restart3: "queue restarted, mode \(move.restartMode ?? 0)"
        case .setNetns: "interface moved to another namespace"
        case .exitNetns: "that namespace ended"
        case .unbind: "driver unbound from the device"
        case .remove: "device removed"
        case .unload: "driver module unloaded"
        }
    }

    private let run: ScenarioRun
    private let provider: Provider
    private let bed: any TestBed
    private let moves: [Move]
    private var state: MoveState
    private var worker: ProviderWorker?
    private var seed: UInt64 = 100
    /// Payload was sent over this connection.
    private var streaming = false
    /// Sockets that were closing before the first move.
    private var others: Set<String> = []
    private static let heldBytes: UInt64 = 50_000
    private static let left: UInt64 = 32_768

    init(_ run: ScenarioRun, _ provider: Provider, _ bed: any TestBed, _ sequence: MoveSequence) {
        self.run = run
        self.provider = provider
        self.bed = bed
        moves = sequence.moves
        state = MoveState(sequence.provider)
    }

    func drive() throws {
        others = try Connection.closing(port: Connection.port)
        // Done before the interface is removed.
        run.cleanUp("peer's socket closed") { try self.bed.peer.abort() }
        run.cleanUp("worker finished") {
            guard let worker = self.worker else { return }
            if self.state.held > 0 { try self.run.userEnds() }
            self.worker = nil
            if self.state.connected && !self.state.packetsArrive { _ = try worker.perform("abort") }
            try worker.finish()
        }
        for (index, move) in moves.enumerated() {
            guard let next = state.after(move) else { throw ScenarioFailure("move \(index + 1), \(move.rawValue), is not legal here") }
            try run.step("\(index + 1). \(Self.words(move))") { try perform(move) }
            let detached = state.showsDetached(after: move)
            state = next
            if detached { try run.expectDetachedPool(of: provider) } else { try run.pools.observe() }
        }
    }

    private func perform(_ move: Move) throws {
        switch move {
        case .bind:
            try bed.waitUnbound(within: run.timeout(10))
            if worker == nil || !state.workerAlive { worker = try ProviderWorker(run, provider, bed) }
            seed += 1
            try command("bind \(seed)")
            try run.userBound()
        case .connect:
            try command("listen")
            try bed.peer.connect(to: bed.local, port: Connection.port, within: run.timeout(10))
            try command("accept")
            streaming = false
        case .receive:
            try send(Self.heldBytes)
            try command("receive \(Self.heldBytes + waiting) return")
        case .hold:
            try send(Self.heldBytes)
            let held = Int(try command("receive \(Self.heldBytes + waiting) hold")) ?? 0
            if held == 0 { throw ScenarioFailure("the user holds no net_iov") }
            try run.userHolds(held)
        case .leaveUnread:
            try send(Self.left)
            try command("unread \(Self.left)")
        case .returnBuffers:
            try command("recheck")
            try run.userHolds(0)
            try command("return")
        case .close:
            if provider == .devmem { try markEnd() }
            try prepareClose()
            try command("close")
            try settleConnection()
        case .end:
            if provider == .zcrx { try markEnd() }
            try command("end")
        case .kill:
            if state.connected { try prepareClose() }
            if state.held > 0 { try run.userEnds(killed: true) }
            try worker?.kill()
            worker = nil
            if state.connected { try settleConnection() }
        case .down: try bed.setUp(false)
        case .up:
            try settleProvider()
            try bed.setUp(true)
            if state.inInitialNetns && !state.hasAddress { try bed.addAddress() }
        case .restart0, .restart1, .restart2, .restart3:
            try settleProvider()
            try bed.resetQueue(mode: move.restartMode ?? 0)
        case .setNetns: try bed.moveAway()
        case .exitNetns: try bed.endNamespace(within: run.timeout(10))
        case .unbind: try bed.unbindDriver()
        case .remove:
            // In a legal sequence the binding has ended before; its dma-buf is unmapped by a work queue.
            if provider == .devmem { try bed.settle(run) }
            try bed.remove()
        case .unload:
            try bed.settle(run)
            try bed.unloadDriver()
        }
    }

    /// Unread bytes, which the next receive delivers first.
    private var waiting: UInt64 { state.unread > 0 ? Self.left : 0 }

    private func send(_ bytes: UInt64) throws {
        if streaming { try bed.peer.sendMore(bytes) } else { try bed.peer.send(PayloadPattern(seed: seed), bytes: bytes) }
        streaming = true
    }

    /// Waits for an end that is asynchronous: the next pool depends on whether the provider is still on the queue.
    private func settleProvider() throws {
        if !state.installed && state.pools > 0 { try bed.waitUnbound(within: run.timeout(10)) }
    }

    /// Where no packet can pass any more, only a reset ends a connection at once.
    private func prepareClose() throws { if !state.packetsArrive { try command("abort") } }

    /// Waits until the peer has acknowledged an orderly close: after the next move packets may not pass any more.
    private func settleConnection() throws {
        if state.packetsArrive { try Connection.waitForNoneClosing(port: Connection.port, but: others, within: run.timeout(10)) }
    }

    private func markEnd() throws {
        guard state.held > 0 else { return }
        try command("recheck")
        try run.userEnds()
    }

    @discardableResult
    private func command(_ command: String) throws -> String {
        guard let worker else { throw ScenarioFailure("there is no worker for \"\(command)\"") }
        return try worker.perform(command)
    }
}
