// SPDX-License-Identifier: GPL-2.0

/// What is left standing after some moves: says which moves are legal next, and what a legal run shows.
///
/// Coarser than ``ModelState``: it knows that buffers are out, not which. Where the kernel works in the background (a ring's end), it
/// says how things are once that is done.
public struct MoveState: Sendable, Equatable {
    public enum Interface: Sendable { case up, down, unregistered }

    public let provider: ModelProvider
    public private(set) var interface = Interface.up
    /// The bus device.
    public private(set) var device = true
    /// The interface is in the namespace it was made in.
    public private(set) var home = true
    /// It has its address still, and the route that goes with it.
    public private(set) var addressed = true
    public private(set) var ownerAlive = true
    /// The owner has the ring, or the netlink socket.
    public private(set) var handle = false
    /// The provider is on the queue.
    public private(set) var installed = false
    /// The queue has a pool of the provider.
    public private(set) var pooled = false
    /// The owner has a connection.
    public private(set) var connected = false
    /// Packets of the connection still arrive.
    public private(set) var flowing = false
    /// Times that data was kept since it was last given back.
    public private(set) var kept = 0
    /// Pools that what is kept came from.
    public private(set) var poolsKept = 0
    /// Something of the queue's present pool is among it.
    private var keptOfPool = false
    /// Times that data was left unread.
    public private(set) var unread = 0
    /// Pools of net_iovs so far.
    public private(set) var pools = 0
    /// Data has arrived.
    public private(set) var traffic = false

    public init(_ provider: ModelProvider) { self.provider = provider }

    /// How often data is kept or left at the most, so that the queue's buffers do not run out.
    public static let mostKept = 3

    /// Buffers are with a user or in a socket.
    public var buffersOut: Bool { kept > 0 || unread > 0 }

    /// Why a move cannot be made or is not tried; nil where it can.
    public func refuses(_ move: Move) -> Reason? {
        let registered = interface != .unregistered
        let possible: Bool =
            switch move {
            case .bind: !handle && !installed && !connected && registered && home
            case .connect: ownerAlive && !connected && handle && pooled && home && addressed
            case .take: flowing && handle && pooled
            case .keep: flowing && handle && pooled && kept < Self.mostKept
            case .leave: flowing && handle && pooled && unread == 0
            case .giveBack: ownerAlive && kept > 0 && (provider == .devmem ? connected : handle)
            case .close: ownerAlive && connected
            case .end: ownerAlive && handle
            case .kill: ownerAlive && (handle || connected)
            case .down: interface == .up
            case .up: interface == .down
            case .restart0, .restart1, .restart2, .restart3: interface == .up && home
            case .away: registered && home
            case .netns: registered && !home
            case .unbind: registered && home
            case .remove, .unload: device && home
            }
        guard possible else { return .impossible }
        if move == .unload && (handle || buffersOut) { return .driverWaits }
        if move == .remove && provider == .devmem && (handle || buffersOut) { return .devmemOutlivesDevice }
        return nil
    }

    /// Why a move is not made.
    public enum Reason: String, Sendable {
        /// There is nothing to make it with.
        case impossible
        /// A devmem binding keeps its dma-buf mapped for a device that it holds no reference on: the kernel (7.3) uses it after it
        /// is freed (docs/kernel-notes.md).
        case devmemOutlivesDevice
        /// Unloading netdevsim waits for every reference on its devices (`nsim_bus_exit()`): pools and rings hold them.
        case driverWaits
    }

    /// The state after a legal move; nil where it is not.
    public func after(_ move: Move) -> MoveState? {
        guard refuses(move) == nil else { return nil }
        var next = self
        next.make(move)
        return next
    }

    /// The state after a sequence of moves; nil where one of them is not legal.
    public static func after(_ moves: some Sequence<Move>, of provider: ModelProvider) -> MoveState? {
        var state = MoveState(provider)
        for move in moves {
            guard let next = state.after(move) else { return nil }
            state = next
        }
        return state
    }

    /// After `move`, the netdev family must show a pool that is detached, with buffers out.
    public func showsDetached(after move: Move) -> Bool {
        guard pooled, home, let next = after(move), next.home, next.buffersOut else { return false }
        switch move {
        case .end, .down, .restart0, .restart1, .restart2, .restart3, .unbind, .remove, .unload: return true
        default: return false
        }
    }

    private mutating func make(_ move: Move) {
        switch move {
        case .bind:
            ownerAlive = true
            handle = true
            installed = true
            if interface == .up { fill() }
        case .connect:
            connected = true
            flowing = true
        case .take:
            traffic = true
            unread = 0
        case .keep:
            traffic = true
            kept += 1
            unread = 0
            if !keptOfPool { poolsKept += 1 }
            keptOfPool = true
        case .leave:
            traffic = true
            unread += 1
        case .giveBack: letGo()
        case .close: closeConnection()
        case .end: endProvider()
        case .kill:
            ownerAlive = false
            endProvider()
            closeConnection()
        case .down: stop(.down)
        case .up:
            interface = .up
            addressed = addressed || home
            if installed { fill() }
        case .restart0, .restart1, .restart2, .restart3: if installed { fill() }
        case .away:
            stop(.down)
            home = false
            addressed = false
        case .netns:
            stop(.down)
            home = true
        case .unbind: unregister()
        case .remove, .unload:
            unregister()
            device = false
        }
    }

    private mutating func fill() {
        pooled = true
        pools += 1
        keptOfPool = false
    }

    private mutating func letGo() {
        kept = 0
        poolsKept = 0
        keptOfPool = false
    }

    private mutating func stop(_ interface: Interface) {
        self.interface = interface
        pooled = false
        flowing = false
    }

    private mutating func unregister() {
        stop(.unregistered)
        installed = false
        home = true
        addressed = false
    }

    private mutating func endProvider() {
        handle = false
        installed = false
        pooled = false
        // Tokens are the socket's; what a ring's user holds is scrubbed with it.
        if provider == .zcrx { letGo() }
    }

    private mutating func closeConnection() {
        connected = false
        flowing = false
        unread = 0
        if provider == .devmem { letGo() }
    }
}
