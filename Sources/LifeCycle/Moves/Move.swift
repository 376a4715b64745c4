// SPDX-License-Identifier: GPL-2.0

/// One action of user space or of an administrator on an interface, on its memory provider, or on the holders of buffers. A ``Step``
/// is what the kernel does; a move is what is done from outside. The raw value is the move's word in a scenario id.
public enum Move: String, CaseIterable, Sendable, Hashable {
    /// The worker process binds the provider to the queue: registers an interface queue, or binds a dma-buf.
    case bind
    /// The peer connects.
    case connect
    /// Data is received, and its buffers are returned at once.
    case receive
    /// Data is received, and the user holds its buffers.
    case hold
    /// Data arrives and is not read.
    case leaveUnread = "unread"
    /// The user returns the buffers that it holds: through the refill ring, or as tokens.
    case returnBuffers = "return"
    /// The worker closes the connection.
    case close
    /// The worker ends the provider: closes the ring, or the netlink socket that has the binding.
    case end
    /// The worker is killed by SIGKILL.
    case kill
    /// The interface is set down.
    case down
    /// The interface is set up, and gets its address again if it lost it.
    case up
    /// The queue is restarted, in each of the four orders of netdevsim (`nsim_qreset_write()`).
    case restart0, restart1, restart2, restart3
    /// The interface is moved to another network namespace, which sets it down.
    case setNetns = "setnetns"
    /// That namespace exits; the kernel moves the interface back, set down (`default_device_exit_net()`).
    case exitNetns = "exitnetns"
    /// The driver is unbound from its device: the interface is unregistered, the device remains.
    case unbind
    /// The device is removed, with its interface.
    case remove
    /// The driver's module is unloaded, which removes all its devices.
    case unload

    static let restarts: [Move] = [.restart0, .restart1, .restart2, .restart3]

    /// The order of restart; nil for other moves.
    public var restartMode: Int? { Self.restarts.firstIndex(of: self) }

    /// Words of version 0.1 that have changed, with the present ones.
    public static let formerWords: [String: String] = [
        "take": Move.receive.rawValue, "keep": Move.hold.rawValue, "leave": Move.leaveUnread.rawValue, "away": Move.setNetns.rawValue,
        "netns": Move.exitNetns.rawValue,
    ]
}
