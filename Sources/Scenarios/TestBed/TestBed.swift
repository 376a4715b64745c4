// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// An interface that is ready for a memory provider, and a peer that can reach it: a netdevsim pair made for the scenario
/// (``NetdevsimBed``), or the interface that NETIF names (``HardwareBed``).
///
/// What only netdevsim can do throws `ScenarioSkip` elsewhere.
protocol TestBed: AnyObject {
    var interface: String { get }
    var ifindex: UInt32 { get }
    /// The receive queue that providers are bound to and that all traffic is received on.
    var queue: UInt32 { get }
    /// The interface's address.
    var local: String { get }
    var peer: Peer { get }
    /// The peer's own interface; nil where the harness did not make it.
    var peerIndex: UInt32? { get }

    /// Runs `body` with the thread in the network namespace that the interface is in.
    func inItsNamespace<Value>(_ body: () throws -> Value) throws -> Value
    /// Waits, for 6 s at the most, until the page pools of the interface's providers are released.
    func settle(_ run: ScenarioRun) throws
    /// Makes the interface again after ``remove()``, for the same peer; it is removed when the run is over.
    func remade(_ run: ScenarioRun) throws -> any TestBed
    /// Moves the interface to a namespace made for it; the kernel sets it down on the way.
    func moveAway() throws
    /// Ends that namespace, and waits until the kernel has moved the interface back (`default_device_exit_net()`).
    func endNamespace(within seconds: Double) throws
    /// Unbinds the driver from the device: the interface is unregistered, the device stays.
    func unbindDriver() throws
    /// Unloads the driver, and with it every device; it is loaded again when the run is over.
    func unloadDriver() throws
    /// Removes the interface. A second call does nothing.
    func remove() throws
    /// Does not remove the interface when the run is over, for scenarios that leak on purpose.
    func leaveInPlace() throws
    /// Holds a page of queue 0's page pool, or returns it (debugfs `pp_hold`).
    func holdPage(_ hold: Bool) throws
    /// Restarts the queue in one of the four orders that netdevsim implements (`nsim_qreset_write()`).
    func resetQueue(mode: Int) throws
    /// The restart of the queue as a closure, for a thread, which must not use the bed itself.
    func queueReset() throws -> @Sendable (Int) throws -> Void
    /// Makes call number `call` from now of a queue operation of the driver fail.
    func fail(_ operation: Netdevsim.QueueOperation, call: Int) throws
    /// How many calls are left until the one that fails; 0 once it has been made.
    func callsToFailure(of operation: Netdevsim.QueueOperation) throws -> Int
}

extension TestBed {
    /// An operation that only netdevsim has is not possible here.
    var notNetdevsim: ScenarioSkip { ScenarioSkip("\(interface) is not a netdevsim that the harness made") }

    func inItsNamespace<Value>(_ body: () throws -> Value) throws -> Value { try body() }
    func remade(_ run: ScenarioRun) throws -> any TestBed { throw notNetdevsim }
    func moveAway() throws { throw notNetdevsim }
    func endNamespace(within seconds: Double) throws { throw notNetdevsim }
    func unbindDriver() throws { throw notNetdevsim }
    func unloadDriver() throws { throw notNetdevsim }
    func remove() throws { throw notNetdevsim }
    func leaveInPlace() throws { throw notNetdevsim }
    func holdPage(_ hold: Bool) throws { throw notNetdevsim }
    func resetQueue(mode: Int) throws { throw notNetdevsim }
    func queueReset() throws -> @Sendable (Int) throws -> Void { throw notNetdevsim }
    func fail(_ operation: Netdevsim.QueueOperation, call: Int) throws { throw notNetdevsim }
    func callsToFailure(of operation: Netdevsim.QueueOperation) throws -> Int { throw notNetdevsim }

    /// Makes the next call of a queue operation fail.
    func fail(_ operation: Netdevsim.QueueOperation) throws { try fail(operation, call: 1) }

    /// The call that was to fail was made: the error is the driver's, not one of the kernel's own checks.
    func expectFailed(_ run: ScenarioRun, _ operation: Netdevsim.QueueOperation) throws {
        let left = try callsToFailure(of: operation)
        try run.expect(left == 0, "the driver's \(operation.rawValue) failed", "the driver was not called")
    }

    /// The configuration that memory providers need. "on" must be set: the default reads "on" and is not the configured state.
    func splitHeaders() throws {
        let ethtool = try Ethtool()
        try ethtool.setRings(of: ifindex, to: DeviceRings(tcpDataSplit: .enabled, hdsThreshold: 0))
    }

    func setUp(_ up: Bool) throws {
        try inItsNamespace {
            let links = try Links()
            try links.set(ifindex, up: up)
        }
    }

    /// Adds ``local`` to the interface.
    func addAddress() throws {
        guard let address = IPAddress(local) else { throw ScenarioFailure("\"\(local)\" is not an IP address") }
        let links = try Links()
        try links.add(address, prefixLength: 24, to: ifindex)
    }

    /// Adds an IPv6 address to both ends, without duplicate address detection.
    ///
    /// - Returns: the local one.
    func addIPv6(_ run: ScenarioRun) throws -> String {
        guard let peerIndex else { throw notNetdevsim }
        let local = "2001:db8::1"
        try run.step("IPv6 addresses added") {
            guard let address = IPAddress(local) else { throw ScenarioFailure("\"\(local)\" is not an IP address") }
            try Links().add(address, prefixLength: 64, to: ifindex)
            try peer.perform(.addAddress(ifindex: peerIndex, address: "2001:db8::2", prefixLength: 64))
        }
        return local
    }

    /// Sets an MTU of 9000 bytes at both ends, so that each segment is longer than two pages. Otherwise the number of segments in a packet
    /// depends on the speed of the machine.
    func useJumboFrames(_ run: ScenarioRun) throws {
        guard let peerIndex else { throw notNetdevsim }
        try run.step("MTU of 9000 bytes at both ends") {
            try Links().set(ifindex, mtu: 9000)
            try peer.perform(.setMTU(ifindex: peerIndex, bytes: 9000))
        }
    }

    /// The receive queues of the interface that have a provider, by the netdev family, in the thread's namespace.
    func providers() throws -> [UInt32] {
        let netdev = try Netdev()
        let queues = Result { try netdev.queues(of: ifindex) }
        netdev.close()
        return try queues.get().filter { $0.kind == .receive && $0.provider != nil }.map { $0.id }.sorted()
    }

    /// Exactly those queues have a provider, by the netdev family.
    func expectProviders(_ run: ScenarioRun, on queues: [UInt32], _ name: String) throws {
        let found = try providers()
        try run.expect(found == queues, name, "queues with a provider: \(found)")
    }

    /// Waits until the queue has no provider: a ring's end is asynchronous.
    func waitUnbound(within seconds: Double) throws {
        try Polling.wait(within: seconds, orFail: "the queue still has a provider") {
            try !inItsNamespace { try providers() }.contains(queue)
        }
    }
}

extension ScenarioRun {
    /// Makes or configures the interface, and restores its state when the run is over.
    ///
    /// - Parameters:
    ///   - queues: of a netdevsim that is made. The peer has one, and what it sends is received on queue 0.
    ///   - queue: the one that providers are bound to.
    func makeTestBed(queues: Int = 1, queue: UInt32 = 0) throws -> any TestBed {
        let peer = try step("the peer answers") { try environment.startPeer() }
        peer.scale = timeout(1)
        switch environment.wire {
        case .none(let reason): throw ScenarioSkip(reason)
        case .netdevsim: return try NetdevsimBed.make(self, peer, queues: queues, queue: queue)
        case .interface(let hardware):
            guard queues == 1 else {
                throw ScenarioSkip("\(hardware.name) is set to one queue, so that traffic is steered to it; the scenario needs \(queues)")
            }
            return try HardwareBed.make(self, peer, hardware)
        }
    }
}
