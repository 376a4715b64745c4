// SPDX-License-Identifier: GPL-2.0

import LifeCycle
import Results

/// Scenarios that are sequences of moves: the teardown-order matrix, and what `ppiov soak` draws.
enum MoveScenarios {
    static let teardown: [Scenario] = TeardownMatrix.orders.map { order in
        let what = "buffers \(words(order.place)); \(words(order.first)), then \(words(order.second))"
        return scenario("teardown.\(order.name)", what, MoveSequence(provider: order.provider, moves: order.moves), thorough: !order.quick)
    }

    /// The scenario of an id such as "soak.zcrx.bind-connect-hold-end"; nil where it is none or no legal sequence.
    static func soak(_ id: String) -> Scenario? {
        guard id.hasPrefix(MoveSequence.prefix), let sequence = MoveSequence(id.dropFirst(MoveSequence.prefix.count)) else { return nil }
        return soak(sequence)
    }

    static func soak(_ sequence: MoveSequence) -> Scenario {
        scenario(MoveSequence.prefix + sequence.text, "a random legal sequence of \(sequence.moves.count) moves", sequence, thorough: true)
    }

    private static func scenario(_ id: String, _ summary: String, _ sequence: MoveSequence, thorough: Bool) -> Scenario {
        let provider: Provider = sequence.provider == .devmem ? .devmem : .zcrx
        var needs = provider.needs.union([.removableInterface])
        if sequence.moves.contains(where: { $0.restartMode != nil }) { needs.insert(.queueReset) }
        if sequence.moves.contains(.unload) { needs.insert(.reloadableModule) }
        let last = MoveState.after(sequence.moves, of: sequence.provider) ?? MoveState(sequence.provider)
        let expectation = Expectation(
            provider: provider, minimumHolds: last.pools > 0 ? 1 : 0, pools: ExpectedPools(count: last.pools, traffic: last.traffic))
        return Scenario(
            id, summary, tier: .netdevsim, needs: needs, expects: expectation, deadline: 45 + 3 * Double(sequence.moves.count),
            thorough: thorough
        ) { run in
            try drive(run, provider, sequence.moves)
        }
    }

    /// Makes moves that are legal one after the other, on an interface made for them.
    static func drive(_ run: ScenarioRun, _ provider: Provider, _ moves: [Move]) throws {
        let sequence = MoveSequence(provider: provider == .devmem ? .devmem : .zcrx, moves: moves)
        try MoveDriver(run, provider, try TestBed.make(run), sequence).drive()
    }

    private static func words(_ place: TeardownMatrix.Place) -> String {
        switch place {
        case .none: "all with the provider, no pool there"
        case .provider: "posted or with the provider"
        case .pool: "back in the pool"
        case .socket: "unread in the socket"
        case .user: "held by the user"
        }
    }

    static func words(_ move: Move) -> String {
        switch move {
        case .bind: "provider bound"
        case .connect: "connected"
        case .receive: "received and returned"
        case .hold: "received and kept"
        case .leaveUnread: "left unread"
        case .returnBuffers: "user returns all"
        case .close: "socket closed"
        case .end: "provider ended by its owner"
        case .kill: "owner killed"
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
}

/// Makes the moves, one after the other, in the kernel.
private final class MoveDriver {
    private let run: ScenarioRun
    private let provider: Provider
    private let bed: TestBed
    private let moves: [Move]
    private var state: MoveState
    private var owner: Owner?
    private var seed: UInt64 = 100
    /// Bytes were sent on this connection.
    private var streaming = false
    /// Sockets that were closing before any of this.
    private var others: Set<String> = []
    private static let kept: UInt64 = 50_000
    private static let left: UInt64 = 32_768

    init(_ run: ScenarioRun, _ provider: Provider, _ bed: TestBed, _ sequence: MoveSequence) {
        self.run = run
        self.provider = provider
        self.bed = bed
        moves = sequence.moves
        state = MoveState(sequence.provider)
    }

    func drive() throws {
        others = try Connection.closing(port: TestBed.port)
        // Taken down before the interface is.
        run.cleanUp("peer's socket closed") { try self.bed.peer.abort() }
        run.cleanUp("owner finished") {
            guard let owner = self.owner else { return }
            if self.state.held > 0 { try self.run.userEnds() }
            self.owner = nil
            if self.state.connected && !self.state.packetsArrive { _ = try owner.ask("abort") }
            try owner.finish()
        }
        for (index, move) in moves.enumerated() {
            guard let next = state.after(move) else { throw ScenarioFailure("move \(index + 1), \(move.rawValue), is not legal here") }
            try run.step("\(index + 1). \(MoveScenarios.words(move))") { try make(move) }
            let detached = state.showsDetached(after: move)
            state = next
            if detached { try ZeroCopyScenarios.seeDetached(run, provider) } else { try run.pools.observe() }
        }
    }

    private func make(_ move: Move) throws {
        switch move {
        case .bind:
            try bed.waitUnbound(within: run.patience(10))
            if owner == nil || !state.workerAlive { owner = try Owner(run, provider, bed) }
            seed += 1
            try asked("bind \(seed)")
            try run.userBound()
        case .connect:
            try asked("listen")
            try bed.peer.connect(to: bed.local, port: TestBed.port, within: run.patience(10))
            try asked("accept")
            streaming = false
        case .receive:
            try send(Self.kept)
            try asked("receive \(Self.kept + waiting) return")
        case .hold:
            try send(Self.kept)
            let held = Int(try asked("receive \(Self.kept + waiting) keep")) ?? 0
            if held == 0 { throw ScenarioFailure("the user holds no net_iov") }
            try run.userHolds(held)
        case .leaveUnread:
            try send(Self.left)
            try asked("unread \(Self.left)")
        case .returnBuffers:
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
            if state.held > 0 { try run.userEnds(killed: true) }
            try owner?.kill()
            owner = nil
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
        case .exitNetns: try bed.endNamespace(within: run.patience(10))
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
        if !state.installed && state.pools > 0 { try bed.waitUnbound(within: run.patience(10)) }
    }

    /// Where no packet gets through any more, only a reset ends a connection at once.
    private func prepareClose() throws { if !state.packetsArrive { try asked("abort") } }

    /// An orderly close is over when the peer has acknowledged it; the next move may be one that lets no packet through.
    private func settleConnection() throws {
        if state.packetsArrive { try Connection.waitForNoneClosing(port: TestBed.port, but: others, within: run.patience(10)) }
    }

    private func letGo() throws {
        guard state.held > 0 else { return }
        try asked("recheck")
        try run.userEnds()
    }

    @discardableResult
    private func asked(_ command: String) throws -> String {
        guard let owner else { throw ScenarioFailure("there is no owner to ask for \"\(command)\"") }
        return try owner.ask(command)
    }
}
