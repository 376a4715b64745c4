// SPDX-License-Identifier: GPL-2.0

/// The state after some moves: which moves are legal next, and what a legal run shows.
///
/// Coarser than ``ModelState``: it has whether buffers are held, not which. If the kernel works in the background (the end of a
/// ring), it is the state after that work.
public struct MoveState: Sendable, Equatable {
    /// The state of the interface.
    public enum Interface: Sendable { case up, down, unregistered }

    public let provider: ModelProvider
    public private(set) var interface = Interface.up
    /// The bus device exists.
    public private(set) var device = true
    /// The interface is in the namespace in which it was made.
    public private(set) var inInitialNetns = true
    /// The interface has its address, and the route of that address.
    public private(set) var hasAddress = true
    /// The worker process was not killed.
    public private(set) var workerAlive = true
    /// The worker has the ring, or the netlink socket.
    public private(set) var handle = false
    /// The provider is on the queue.
    public private(set) var installed = false
    /// The queue has a pool of the provider.
    public private(set) var pooled = false
    /// The worker has a connection.
    public private(set) var connected = false
    /// Packets of the connection still arrive.
    public private(set) var packetsArrive = false
    /// Times that data was received and held since the last return.
    public private(set) var held = 0
    /// Pools of the held buffers.
    public private(set) var poolsHeld = 0
    /// A buffer of the queue's present pool is held.
    private var heldOfPool = false
    /// Times that data was left unread.
    public private(set) var unread = 0
    /// Pools of net_iovs so far.
    public private(set) var pools = 0
    /// Data has arrived.
    public private(set) var traffic = false

    public init(_ provider: ModelProvider) { self.provider = provider }

    /// Times that data is held at the most, so that the queue does not run out of buffers.
    public static let mostHeld = 3

    /// The user holds buffers, or a socket does.
    public var buffersHeld: Bool { held > 0 || unread > 0 }

    /// Why a move cannot be made or is not tried; nil if it is legal.
    public func reason(against move: Move) -> Reason? {
        let registered = interface != .unregistered
        let possible: Bool =
            switch move {
            case .bind: !handle && !installed && !connected && registered && inInitialNetns
            case .connect: workerAlive && !connected && handle && pooled && inInitialNetns && hasAddress
            case .receive: packetsArrive && handle && pooled
            case .hold: packetsArrive && handle && pooled && held < Self.mostHeld
            case .leaveUnread: packetsArrive && handle && pooled && unread == 0
            case .returnBuffers: workerAlive && held > 0 && (provider == .devmem ? connected : handle)
            case .close: workerAlive && connected
            case .end: workerAlive && handle
            case .kill: workerAlive && (handle || connected)
            case .down: interface == .up
            case .up: interface == .down
            case .restart0, .restart1, .restart2, .restart3: interface == .up && inInitialNetns
            case .setNetns: registered && inInitialNetns
            case .exitNetns: registered && !inInitialNetns
            case .unbind: registered && inInitialNetns
            case .remove, .unload: device && inInitialNetns
            }
        guard possible else { return .impossible }
        if move == .unload && (handle || buffersHeld) { return .driverWaits }
        if move == .remove && provider == .devmem && (handle || buffersHeld) { return .devmemOutlivesDevice }
        return nil
    }

    /// Why a move is not made.
    public enum Reason: String, Sendable {
        /// The move needs something that does not exist in this state.
        case impossible
        /// A devmem binding keeps its dma-buf mapped for the device without a reference on the device: the kernel (7.3) uses the device
        /// after it is freed (docs/kernel-notes.md).
        case devmemOutlivesDevice
        /// Unloading netdevsim waits for every reference on its devices (`nsim_bus_exit()`), and pools and rings have such references.
        case driverWaits
    }

    /// The state after a move; nil if the move is not legal.
    public func after(_ move: Move) -> MoveState? {
        guard reason(against: move) == nil else { return nil }
        var next = self
        next.make(move)
        return next
    }

    /// The state after a sequence of moves; nil if one of them is not legal.
    public static func after(_ moves: some Sequence<Move>, of provider: ModelProvider) -> MoveState? {
        var state = MoveState(provider)
        for move in moves {
            guard let next = state.after(move) else { return nil }
            state = next
        }
        return state
    }

    /// After `move`, the netdev family's dump must have a detached pool with buffers in flight.
    public func showsDetached(after move: Move) -> Bool {
        guard pooled, inInitialNetns, let next = after(move), next.inInitialNetns, next.buffersHeld else { return false }
        switch move {
        case .end, .down, .restart0, .restart1, .restart2, .restart3, .unbind, .remove, .unload: return true
        default: return false
        }
    }

    private mutating func make(_ move: Move) {
        switch move {
        case .bind:
            workerAlive = true
            handle = true
            installed = true
            if interface == .up { fill() }
        case .connect:
            connected = true
            packetsArrive = true
        case .receive:
            traffic = true
            unread = 0
        case .hold:
            traffic = true
            held += 1
            unread = 0
            if !heldOfPool { poolsHeld += 1 }
            heldOfPool = true
        case .leaveUnread:
            traffic = true
            unread += 1
        case .returnBuffers: dropHeld()
        case .close: closeConnection()
        case .end: endProvider()
        case .kill:
            workerAlive = false
            endProvider()
            closeConnection()
        case .down: stop(.down)
        case .up:
            interface = .up
            hasAddress = hasAddress || inInitialNetns
            if installed { fill() }
        case .restart0, .restart1, .restart2, .restart3: if installed { fill() }
        case .setNetns:
            stop(.down)
            inInitialNetns = false
            hasAddress = false
        case .exitNetns:
            stop(.down)
            inInitialNetns = true
        case .unbind: unregister()
        case .remove, .unload:
            unregister()
            device = false
        }
    }

    private mutating func fill() {
        pooled = true
        pools += 1
        heldOfPool = false
    }

    private mutating func dropHeld() {
        held = 0
        poolsHeld = 0
        heldOfPool = false
    }

    private mutating func stop(_ interface: Interface) {
        self.interface = interface
        pooled = false
        packetsArrive = false
    }

    private mutating func unregister() {
        stop(.unregistered)
        installed = false
        inInitialNetns = true
        hasAddress = false
    }

    private mutating func endProvider() {
        handle = false
        installed = false
        pooled = false
        // Tokens belong to the socket; the buffers that a ring's user holds are scrubbed with the ring.
        if provider == .zcrx { dropHeld() }
    }

    private mutating func closeConnection() {
        connected = false
        packetsArrive = false
        unread = 0
        if provider == .devmem { dropHeld() }
    }
}
