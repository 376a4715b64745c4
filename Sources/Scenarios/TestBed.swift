// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// An interface ready for a memory provider, with a peer that can reach it: a netdevsim pair made for the scenario, or the
/// interface that NETIF names, put into the state that providers ask for and back into its own afterwards.
final class TestBed {
    /// iperf's, so that a firewall on a hardware test bed is likely to let it through.
    static let port: UInt16 = 5201
    private(set) var interface: String
    private(set) var ifindex: UInt32
    /// The receive queue that all traffic lands in.
    let queue: UInt32
    let local: String
    let peer: Peer
    /// The peer's own interface; nil where it is not the harness's.
    let peerIndex: UInt32?
    private let netdevsim: UInt32?
    private var removed = false
    private var settled = false
    /// The namespace the interface was moved to.
    private var elsewhere: OwnedDescriptor?
    private var unloaded = false
    /// How many there were before the interface was made.
    private var dmaBufs: Int64?

    private init(
        interface: String, ifindex: UInt32, queue: UInt32 = 0, local: String, peer: Peer, peerIndex: UInt32? = nil, netdevsim: UInt32?
    ) {
        self.interface = interface
        self.ifindex = ifindex
        self.queue = queue
        self.local = local
        self.peer = peer
        self.peerIndex = peerIndex
        self.netdevsim = netdevsim
    }

    /// Makes or takes the interface, and has it given back when the run is over.
    ///
    /// - Parameters:
    ///   - queues: of a netdevsim that is made. The peer has one, and what it sends lands in queue 0.
    ///   - queue: the one that providers are bound to.
    static func make(_ run: ScenarioRun, queues: Int = 1, queue: UInt32 = 0) throws -> TestBed {
        let peer = try run.step("the peer answers") { try run.environment.startPeer() }
        peer.scale = run.patience(1)
        switch run.environment.wire {
        case .none(let reason): throw ScenarioSkip(reason)
        case .netdevsim: return try netdevsimPair(run, peer, queues: queues, queue: queue)
        case .interface(let hardware):
            guard queues == 1 else { throw ScenarioSkip("\(hardware.name) is put down to one queue for the sake of steering; this wants \(queues)") }
            return try hardwareInterface(run, peer, hardware)
        }
    }

    private static func netdevsimPair(_ run: ScenarioRun, _ peer: Peer, queues: Int, queue: UInt32) throws -> TestBed {
        let peerID: UInt32 = 2
        let link = try made(run, queues: queues)
        let buffers = ResourceCounters.dmaBufs()
        // The bed is not there before its peer is, and must be taken down where the peer fails to come.
        var bed: TestBed?
        run.cleanUp("netdevsim\(localID) removed") {
            if let bed { try bed.settleAndRemove(run) } else { try Netdevsim.remove(id: localID) }
        }
        let peerIndex = try run.step("netdevsim\(peerID) made for the peer") { () throws -> UInt32 in
            guard let index = UInt32(try peer.ask("netdevsim \(peerID)")) else { throw ScenarioFailure("the peer has no interface index") }
            return index
        }
        run.cleanUp("netdevsim\(peerID) removed") { if bed?.unloaded != true { _ = try peer.ask("remove \(peerID)") } }
        // While the peer is there to answer: a FIN or its ACK can be lost where a queue is restarted, and only the peer can answer the next.
        run.cleanUp("the providers are done with netdevsim\(localID)") { if let bed { try bed.settleOnce(run) } }
        _ = try peer.ask("address \(peerIndex) \(remote4) 24")
        let made = TestBed(
            interface: link.name, ifindex: link.ifindex, queue: queue, local: local4, peer: peer, peerIndex: peerIndex, netdevsim: localID)
        made.dmaBufs = buffers
        bed = made
        try made.linkUp(run)
        return made
    }

    private static let localID: UInt32 = 1
    private static let local4 = "192.0.2.1"
    private static let remote4 = "192.0.2.2"
    /// Another, for an interface made anew: the peer remembers which hardware address the first had.
    private static let localAgain4 = "192.0.2.3"

    private static func made(_ run: ScenarioRun, queues: Int) throws -> Link {
        try run.step("netdevsim\(localID) made") { try Netdevsim.create(id: localID, queues: queues) }
    }

    /// Connects the local netdevsim with the peer's, and makes it what providers ask for.
    private func linkUp(_ run: ScenarioRun) throws {
        guard let peerIndex else { throw ScenarioFailure("the peer's interface is not the harness's") }
        try run.step("linked, addressed and up") {
            let links = try Links()
            try Netdevsim.link(ifindex, toPeer: peerIndex, ofProcess: peer.pid)
            try addAddress()
            try links.set(ifindex, up: true)
            _ = try peer.ask("up \(peerIndex)")
        }
        try run.step("tcp-data-split on, hds-thresh 0") { try splitHeaders() }
    }

    /// Has each segment be longer than two pages, however fast the machine is: how many segments come in one piece depends on that.
    func takeJumboFrames(_ run: ScenarioRun) throws {
        guard let peerIndex else { throw ScenarioSkip("the peer's interface is not the harness's") }
        try run.step("MTU of 9000 bytes at both ends") {
            try Links().set(ifindex, mtu: 9000)
            _ = try peer.ask("mtu \(peerIndex) 9000")
        }
    }

    /// Makes the interface anew after ``remove()``, for the same peer; it is given back when the run is over.
    func remade(_ run: ScenarioRun) throws -> TestBed {
        guard removed else { throw ScenarioFailure("\(interface) is still there") }
        let link = try Self.made(run, queues: 1)
        let bed = TestBed(
            interface: link.name, ifindex: link.ifindex, local: Self.localAgain4, peer: peer, peerIndex: peerIndex, netdevsim: try simulated())
        bed.dmaBufs = ResourceCounters.dmaBufs()
        run.cleanUp("netdevsim\(Self.localID) removed again") { try bed.settleAndRemove(run) }
        try bed.linkUp(run)
        return bed
    }

    private func settleAndRemove(_ run: ScenarioRun) throws {
        let settled = Result { try settleOnce(run) }
        if let namespace = elsewhere.take() { namespace.close() }
        try remove()
        try loadAgain()
        try settled.get()
    }

    /// Settles, unless that was tried already or there is no interface any more.
    private func settleOnce(_ run: ScenarioRun) throws {
        guard !removed, !settled else { return }
        settled = true
        try settle(run)
    }

    /// Waits, with a bound, until the providers are done with the interface, as they are long before a NIC goes. A pool that
    /// does not drain is found by the oracles; that a provider outlives its device is a scenario's business, not the clean-up's.
    func settle(_ run: ScenarioRun) throws {
        if elsewhere != nil { try inItsNamespace { try PoolWatch.waitForNone(within: run.patience(6)) } }
        let pools = try run.pools.drain(within: run.patience(6))
        // A devmem binding unmaps its dma-buf from a work queue, after its pool has gone (__net_devmem_dmabuf_binding_free()).
        if pools.contains(where: { !$0.gone && $0.pool.detached }) { return }
        let end = MonotonicClock.now + UInt64(run.patience(2) * 1e9)
        while let now = ResourceCounters.dmaBufs(), let dmaBufs, now > dmaBufs, MonotonicClock.now < end {
            _ = poll(nil, 0, 5)
        }
    }

    private static func hardwareInterface(_ run: ScenarioRun, _ peer: Peer, _ hardware: HardwareInterface) throws -> TestBed {
        let links = try Links()
        let index = try run.step("\(hardware.name) found") { try links.ifindex(of: hardware.name) }
        let bed = TestBed(interface: hardware.name, ifindex: index, local: hardware.local, peer: peer, netdevsim: nil)
        let ethtool = try Ethtool()
        let rings = try run.step("ring settings read") { try ethtool.rings(of: index) }
        let channels = try? ethtool.channels(of: index)
        if let combined = channels?.combined, combined > 1 {
            // One queue is the one steering that every NIC has.
            do {
                try ethtool.setChannels(of: index, to: DeviceChannels(combined: 1))
            } catch {
                throw ScenarioSkip("\(hardware.name) has \(combined) queues and does not go down to one (\(error)), so traffic cannot be steered")
            }
            run.cleanUp("channels of \(hardware.name) restored") {
                let ethtool = try Ethtool()
                try ethtool.setChannels(of: index, to: DeviceChannels(combined: combined))
            }
        }
        run.cleanUp("ring settings of \(hardware.name) restored") {
            let ethtool = try Ethtool()
            try ethtool.setRings(of: index, to: DeviceRings(tcpDataSplit: rings.tcpDataSplit, hdsThreshold: rings.hdsThreshold))
        }
        try run.step("tcp-data-split on, hds-thresh 0") { try bed.splitHeaders() }
        return bed
    }

    /// The state memory providers ask for. "on" must be set: the default merely reads so.
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

    /// Gives the interface its address.
    func addAddress() throws {
        guard let address = IPAddress(local) else { throw ScenarioFailure("\"\(local)\" is no IP address") }
        let links = try Links()
        try links.add(address, prefixLength: 24, to: ifindex)
    }

    /// Runs `body` with the thread in the namespace that has the interface.
    private func inItsNamespace<Value>(_ body: () throws -> Value) throws -> Value {
        guard let namespace = elsewhere.take() else { return try body() }
        let result = Result { try NetworkNamespace.run(in: namespace, body) }
        elsewhere = consume namespace
        return try result.get()
    }

    /// Moves the interface to a namespace made for it; the kernel sets it down on the way.
    func moveAway() throws {
        _ = try simulated()
        let namespace = try NetworkNamespace.make()
        let name = interface
        do {
            let links = try Links()
            try links.move(ifindex, to: namespace)
            ifindex = try NetworkNamespace.run(in: namespace) {
                let links = try Links()
                // Its loopback, which is the first link, wakes idle CPUs there (`ReceiveSoftirq`).
                try links.set(1, up: true)
                return try links.ifindex(of: name)
            }
        } catch {
            namespace.close()
            throw error
        }
        elsewhere = consume namespace
    }

    /// Ends that namespace, and waits for the kernel to send the interface back (`default_device_exit_net()`).
    func endNamespace(within seconds: Double) throws {
        guard let namespace = elsewhere.take() else { throw ScenarioFailure("\(interface) is in no namespace of its own") }
        let links = try Links()
        let before = Set(try links.list().map { $0.ifindex })
        namespace.close()
        let end = MonotonicClock.now + UInt64(seconds * 1e9)
        while true {
            if let back = try links.list().first(where: { !before.contains($0.ifindex) }) {
                interface = back.name
                ifindex = back.ifindex
                return
            }
            guard MonotonicClock.now < end else { throw ScenarioFailure("the interface did not come back within \(seconds) s") }
            // A namespace ends in a work queue; the link list is the one place that shows it.
            _ = poll(nil, 0, 5)
        }
    }

    /// Network namespaces, by their reference trackers.
    ///
    /// - Throws: `ScenarioSkip` where the kernel has none.
    static func namespaces() throws -> Int64 {
        guard let count = try ResourceCounters.read(links: 0)["tracked-namespaces"] else {
            throw ScenarioSkip("this kernel does not tell which network namespaces there are (NET_NS_REFCNT_TRACKER)")
        }
        return count
    }

    /// Waits until there are no more network namespaces than that: they end in a work queue, after their interfaces have left.
    static func awaitNamespaces(_ count: Int64, within seconds: Double) throws {
        let end = MonotonicClock.now + UInt64(seconds * 1e9)
        while case let now = try namespaces(), now > count {
            guard MonotonicClock.now < end else { throw ScenarioFailure("\(now) network namespaces after \(seconds) s, \(count) before") }
            _ = poll(nil, 0, 5)
        }
    }

    /// Waits until no provider is on the queue: a ring's end is asynchronous.
    func waitUnbound(within seconds: Double) throws {
        let end = MonotonicClock.now + UInt64(seconds * 1e9)
        while try inItsNamespace({ try providers() }).contains(queue) {
            guard MonotonicClock.now < end else { throw ScenarioFailure("a provider is still on the queue after \(seconds) s") }
            _ = poll(nil, 0, 5)
        }
    }

    /// The receive queues that have a provider, by the netdev family, in the thread's namespace.
    func providers() throws -> [UInt32] {
        let netdev = try Netdev()
        let queues = Result { try netdev.queues(of: ifindex) }
        netdev.close()
        return try queues.get().filter { $0.kind == .receive && $0.provider != nil }.map { $0.id }.sorted()
    }

    /// Holds what the netdev family tells of the queues against what must be there.
    func expectProviders(_ run: ScenarioRun, on queues: [UInt32], _ what: String) throws {
        let found = try providers()
        try run.expect(found == queues, what, "queues with a provider: \(found)")
    }

    /// Unbinds the driver from the device; the interface goes, the device stays.
    func unbindDriver() throws {
        try Netdevsim.unbindDriver(id: try simulated())
        try expectForgotten()
    }

    /// Unloads the driver, and with it every device; loaded again when the run is over.
    func unloadDriver() throws {
        _ = try simulated()
        try KernelModule.unload("netdevsim")
        removed = true
        unloaded = true
    }

    private func loadAgain() throws {
        if unloaded { try KernelModule.load(Netdevsim.module) }
    }

    func holdPage(_ hold: Bool) throws { try Netdevsim.holdPage(id: try simulated(), hold) }

    /// The restart of the bound queue, for a thread that has nothing else of the bed.
    func queueReset() throws -> @Sendable (Int) throws -> Void {
        let id = try simulated()
        let queue = queue
        return { try Netdevsim.resetQueue(id: id, queue: queue, mode: $0) }
    }

    /// Has the driver fail a queue operation (`Netdevsim.fail`).
    func fail(_ operation: Netdevsim.QueueOperation, call: Int = 1) throws { try Netdevsim.fail(id: try simulated(), operation, call: call) }

    func callsToFailure(of operation: Netdevsim.QueueOperation) throws -> Int { try Netdevsim.callsToFailure(id: try simulated(), of: operation) }

    func resetQueue(mode: Int) throws { try Netdevsim.resetQueue(id: try simulated(), queue: queue, mode: mode) }

    /// Takes the interface away for good. Once; then it does nothing.
    func remove() throws {
        guard !removed else { return }
        try Netdevsim.remove(id: try simulated())
        removed = true
        try expectForgotten()
    }

    /// No page pool is told of as the interface's, which is gone: those that outlive it are the namespace's (`page_pool_unreg_netdev()`).
    private func expectForgotten() throws {
        let netdev = try Netdev()
        let pools = Result { try netdev.pagePools() }
        netdev.close()
        guard let pool = try pools.get().first(where: { $0.ifindex == ifindex }) else { return }
        throw ScenarioFailure("page pool \(pool.id) is told of as interface \(ifindex)'s, which is gone")
    }

    /// Leaves the interface where it is when the run is over, for scenarios that mean to leak.
    func keep() { removed = true }

    private func simulated() throws -> UInt32 {
        guard let netdevsim else { throw ScenarioSkip("\(interface) is not the harness's own netdevsim") }
        return netdevsim
    }

    /// A connection from the peer, accepted here; closed when the run is over at the latest.
    func connect(_ run: ScenarioRun) throws -> Connection {
        try run.step("connected") {
            let seconds = run.patience(10)
            let listener = try Self.listen(on: local)
            do {
                try peer.connect(to: local, port: Self.port, within: seconds)
                let connection = Connection(try TCP.accept(listener, timeoutMilliseconds: CInt(seconds * 1000)))
                listener.close()
                run.cleanUp("connection closed") { connection.close() }
                run.cleanUp("peer's socket closed") { try self.peer.abort() }
                return connection
            } catch {
                listener.close()
                throw error
            }
        }
    }

    /// Gives both ends an IPv6 address, without duplicate address detection; the local one.
    func addIPv6(_ run: ScenarioRun) throws -> String {
        guard let peerIndex else { throw ScenarioSkip("\(interface) is not the harness's own netdevsim") }
        let local = "2001:db8::1"
        try run.step("IPv6 addresses added") {
            guard let address = IPAddress(local) else { throw ScenarioFailure("\"\(local)\" is no IP address") }
            try Links().add(address, prefixLength: 64, to: ifindex)
            _ = try peer.ask("address \(peerIndex) 2001:db8::2 64")
        }
        return local
    }

    /// A socket that listens on the test bed's address.
    static func listen(on local: String) throws -> OwnedDescriptor {
        guard let address = IPAddress(local) else { throw ScenarioFailure("\"\(local)\" is no IP address") }
        return try TCP.listen(on: Endpoint(address, port: port))
    }
}
