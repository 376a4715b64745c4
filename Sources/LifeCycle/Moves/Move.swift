// SPDX-License-Identifier: GPL-2.0

/// One thing that somebody does to an interface, to its memory provider, or to those who hold buffers: what user space and an
/// administrator see of the life cycle, where ``Step`` is what the kernel does. Its raw value is its word in a scenario's id.
public enum Move: String, CaseIterable, Sendable, Hashable {
    /// The owner binds the provider to the queue: registers an interface queue, or a dma-buf.
    case bind
    /// A connection from the peer.
    case connect
    /// Data is received and given back at once.
    case take
    /// Data is received and kept by the user.
    case keep
    /// Data arrives and nobody reads it.
    case leave
    /// The user gives back what it keeps: refill ring, or tokens.
    case giveBack = "return"
    /// The owner closes the connection.
    case close
    /// The owner ends the provider: closes the ring, or the netlink socket that has the binding.
    case end
    /// The owner is killed by SIGKILL.
    case kill
    /// The interface is set down.
    case down
    /// The interface is set up, and has its address again where it lost it.
    case up
    /// The queue is restarted, in each of the four orders that netdevsim knows (`nsim_qreset_write()`).
    case restart0, restart1, restart2, restart3
    /// The interface is moved to another network namespace, which sets it down.
    case away
    /// That namespace goes; the kernel sends the interface back, down (`default_device_exit_net()`).
    case netns
    /// The driver is unbound from its device: the interface is unregistered, the device remains.
    case unbind
    /// The device goes, and its interface with it.
    case remove
    /// The driver's module is unloaded, and every device of it goes.
    case unload

    static let restarts: [Move] = [.restart0, .restart1, .restart2, .restart3]

    /// The order of restart; nil for other moves.
    public var restartMode: Int? { Self.restarts.firstIndex(of: self) }
}
