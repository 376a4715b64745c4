// SPDX-License-Identifier: GPL-2.0

import LifeCycle
import Results

/// Makes the moves, one after the other, in the kernel.
final class MoveDriver {
    /// Makes moves that are legal in that order, on an interface made for them.
    static func drive(_ run: ScenarioRun, _ provider: Provider, _ moves: [Move]) throws {
        let sequence = MoveSequence(provider: provider == .devmem ? .devmem : .zcrx, moves: moves)
        try MoveDriver(run, provider, try run.makeTestBed(), sequence).drive()
    }

    /// A move in words, for steps and documents.
    static func words(_ move: Move) -> String {
        switch move {
        case .bind: "provider bound"
        case .connect: "connected"
        case .take: "received and returned"
        case .keep: "received and kept"
        case .leave: "left unread"
        case .giveBack: "user returns all"
        case .close: "socket closed"
        case .end: "provider ended by its owner"
        case .kill: "owner killed"
        case .down: "interface down"
        case .up: "interface up"
        case .restart0, .restart1, .restart2, .restart3: "queue restarted, mode \(move.restartMode ?? 0)"
        case .away: "interface moved to another namespace"
        case .netns: "that namespace ended"
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
    private var owner: ProviderWorker?
    private var seed: UInt64 = 100
    /// Bytes were sent on this connection.
    private var streaming = false
    /// Sockets that were closing before any of this.
    private var others: Set<String> = []
    private static let kept: UInt64 = 50_000
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
        // Taken down before the interface is.
        run.cleanUp("peer's socket closed") { try self.bed.peer.abort() }
        run.cleanUp("owner finished") {
            guard let owner = self.owner else { return }
            if self.state.kept > 0 { try self.run.userEnds() }
            self.owner = nil
            if self.state.connected && !self.state.flowing { _ = try owner.ask("abort") }
            try owner.finish()
        }
        for (index, move) in moves.enumerated() {
            guard let next = state.after(move) else { throw ScenarioFailure("move \(index + 1), \(move.rawValue), is not legal here") }
            try run.step("\(index + 1). \(Self.words(move))") { try make(move) }
            let detached = state.showsDetached(after: move)
            state = next
            if detached { try run.expectDetachedPool(of: provider) } else { try run.pools.observe() }
        }
    }

    private func make(_ move: Move) throws {
        switch move {
        case .bind:
            try bed.waitUnbound(within: run.timeout(10))
            if owner == nil || !state.ownerAlive { owner = try ProviderWorker(run, provider, bed) }
            seed += 1
            try asked("bind \(seed)")
            try run.userBound()
        case .connect:
            try asked("listen")
            try bed.peer.connect(to: bed.local, port: Connection.port, within: run.timeout(10))
            try asked("accept")
            streaming = false
        case .take:
            try send(Self.kept)
            try asked("receive \(Self.kept + waiting) return")
        case .keep:
            try send(Self.kept)
            let held = Int(try asked("receive \(Self.kept + waiting) keep")) ?? 0
            if held == 0 { throw ScenarioFailure("the user holds no net_iov") }
            try run.userHolds(held)
        case .leave:
            try send(Self.left)
            try asked("unread \(Self.left)")
        case .giveBack:
            try asked("recheck")
            try run.userHolds(0)
            try asked("return")
        case .close:
            if provider == .devmem { try letGo() }
            try prepareClose()
            try asked("close")
            try settleConnection()
        case .end:
            if provider == .zcrx { try letGo() }
            try asked("end")
        case .kill:
            if state.connected { try prepareClose() }
            if state.kept > 0 { try run.userEnds(killed: true) }
            try owner?.kill()
            owner = nil
            if state.connected { try settleConnection() }
        case .down: try bed.setUp(false)
        case .up:
            try settleProvider()
            try bed.setUp(true)
            if state.home && !state.addressed { try bed.addAddress() }
        case .restart0, .restart1, .restart2, .restart3:
            try settleProvider()
            try bed.resetQueue(mode: move.restartMode ?? 0)
        case .away: try bed.moveAway()
        case .netns: try bed.endNamespace(within: run.timeout(10))
        case .unbind: try bed.unbindDriver()
        case .remove:
            // The rule of legal moves says that the binding is over; its dma-buf is unmapped in the background.
            if provider == .devmem { try bed.settle(run) }
            try bed.remove()
        case .unload:
            try bed.settle(run)
            try bed.unloadDriver()
        }
    }

    /// Bytes left unread, which the next receive brings first.
    private var waiting: UInt64 { state.unread > 0 ? Self.left : 0 }

    private func send(_ bytes: UInt64) throws {
        if streaming { try bed.peer.sendMore(bytes) } else { try bed.peer.send(PayloadPattern(seed: seed), bytes: bytes) }
        streaming = true
    }

    /// Whether the provider is still on the queue decides whose pool comes next, so what ends in the background is waited for.
    private func settleProvider() throws {
        if !state.installed && state.pools > 0 { try bed.waitUnbound(within: run.timeout(10)) }
    }

    /// Where no packet gets through any more, only a reset ends a connection at once.
    private func prepareClose() throws { if !state.flowing { try asked("abort") } }

    /// An orderly close is over when the peer has acknowledged it; the next move may be one that lets no packet through.
    private func settleConnection() throws {
        if state.flowing { try Connection.waitForNoneClosing(port: Connection.port, but: others, within: run.timeout(10)) }
    }

    private func letGo() throws {
        guard state.kept > 0 else { return }
        try asked("recheck")
        try run.userEnds()
    }

    @discardableResult
    private func asked(_ command: String) throws -> String {
        guard let owner else { throw ScenarioFailure("there is no owner to ask for \"\(command)\"") }
        return try owner.ask(command)
    }
}
