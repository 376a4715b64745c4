// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// A pair of netdevsim devices made for the scenario, one of them in the peer's network namespace.
final class NetdevsimBed: TestBed {
    private(set) var interface: String
    private(set) var ifindex: UInt32
    let queue: UInt32
    let local: String
    let peer: Peer
    let peerIndex: UInt32?
    private var removed = false
    private var settled = false
    /// The namespace that the interface was moved to.
    private var namespace: OwnedDescriptor?
    private var unloaded = false
    /// Number of dma-bufs before the interface was made.
    private var dmaBufs: Int64?

    private static let localID: UInt32 = 1
    private static let peerID: UInt32 = 2
    private static let local4 = "192.0.2.1"
    private static let remote4 = "192.0.2.2"
    /// Of an interface that is made again: the peer's neighbour table has the hardware address of the first.
    private static let localAgain4 = "192.0.2.3"

    private init(_ link: Link, queue: UInt32, local: String, peer: Peer, peerIndex: UInt32?, dmaBufs: Int64?) {
        interface = link.name
        ifindex = link.ifindex
        self.queue = queue
        self.local = local
        self.peer = peer
        self.peerIndex = peerIndex
        self.dmaBufs = dmaBufs
    }

    static func make(_ run: ScenarioRun, _ peer: Peer, queues: Int, queue: UInt32) throws -> NetdevsimBed {
        let link = try makeDevice(run, queues: queues)
        let dmaBufs = ResourceCounters.dmaBufs()
        // The device is removed also where the peer's cannot be made.
        var bed: NetdevsimBed?
        run.cleanUp("netdevsim\(localID) removed") {
            if let bed { try bed.settleAndRemove(run) } else { try Netdevsim.remove(id: localID) }
        }
        let peerIndex = try run.step("netdevsim\(peerID) made for the peer") { try peer.makeNetdevsim(id: peerID) }
        run.cleanUp("netdevsim\(peerID) removed") { if bed?.unloaded != true { try peer.perform(.removeNetdevsim(id: peerID)) } }
        // Before the peer's device is removed: a FIN or its ACK can be lost where a queue is restarted, and only the peer can answer the next.
        run.cleanUp("pools of the providers on netdevsim\(localID) released") { if let bed { try bed.settleOnce(run) } }
        try peer.perform(.addAddress(ifindex: peerIndex, address: remote4, prefixLength: 24))
        let made = NetdevsimBed(link, queue: queue, local: local4, peer: peer, peerIndex: peerIndex, dmaBufs: dmaBufs)
        bed = made
        try made.linkUp(run)
        return made
    }

    private static func makeDevice(_ run: ScenarioRun, queues: Int) throws -> Link {
        try run.step("netdevsim\(localID) made") { try Netdevsim.create(id: localID, queues: queues) }
    }

    /// Connects the local device with the peer's, and configures it as providers need it.
    private func linkUp(_ run: ScenarioRun) throws {
        guard let peerIndex else { throw notNetdevsim }
        try run.step("linked, addressed and up") {
            let links = try Links()
            try Netdevsim.link(ifindex, toPeer: peerIndex, ofProcess: peer.pid)
            try addAddress()
            try links.set(ifindex, up: true)
            try peer.perform(.setUp(ifindex: peerIndex))
        }
        try run.step("tcp-data-split on, hds-thresh 0") { try splitHeaders() }
    }

    func remade(_ run: ScenarioRun) throws -> any TestBed {
        guard removed else { throw ScenarioFailure("\(interface) was not removed") }
        let link = try Self.makeDevice(run, queues: 1)
        let bed = NetdevsimBed(
            link, queue: 0, local: Self.localAgain4, peer: peer, peerIndex: peerIndex, dmaBufs: ResourceCounters.dmaBufs())
        run.cleanUp("netdevsim\(Self.localID) removed again") { try bed.settleAndRemove(run) }
        try bed.linkUp(run)
        return bed
    }

    private func settleAndRemove(_ run: ScenarioRun) throws {
        let outcome = Result { try settleOnce(run) }
        if let namespace = namespace.take() { namespace.close() }
        try remove()
        if unloaded { try KernelModule.load(Netdevsim.module) }
        try outcome.get()
    }

    /// Settles, unless that was tried already or the interface was removed.
    private func settleOnce(_ run: ScenarioRun) throws {
        guard !removed, !settled else { return }
        settled = true
        try settle(run)
    }

    /// In practice a NIC is removed long after its providers have ended. The oracles report a pool that is not released; scenarios cover a device that
    /// is removed before its provider ends.
    func settle(_ run: ScenarioRun) throws {
        if namespace != nil { try inItsNamespace { try PoolWatch.waitForNone(within: run.timeout(6)) } }
        let pools = try run.pools.drain(within: run.timeout(6))
        if pools.contains(where: { !$0.gone && $0.pool.detached }) { return }
        // A devmem binding unmaps its dma-buf from a work queue, after its pool was freed (__net_devmem_dmabuf_binding_free()).
        guard let dmaBufs else { return }
        _ = Polling.wait(within: run.timeout(2)) { (ResourceCounters.dmaBufs() ?? 0) <= dmaBufs }
    }

    func inItsNamespace<Value>(_ body: () throws -> Value) throws -> Value {
        guard let descriptor = namespace.take() else { return try body() }
        let result = Result { try NetworkNamespace.run(in: descriptor, body) }
        namespace = consume descriptor
        return try result.get()
    }

    func moveAway() throws {
        let target = try NetworkNamespace.make()
        let name = interface
        do {
            let links = try Links()
            try links.move(ifindex, to: target)
            ifindex = try NetworkNamespace.run(in: target) {
                let links = try Links()
                // Its loopback, which is the first link, wakes idle CPUs there (`ReceiveSoftirq`).
                try links.set(1, up: true)
                return try links.ifindex(of: name)
            }
        } catch {
            target.close()
            throw error
        }
        namespace = consume target
    }

    func endNamespace(within seconds: Double) throws {
        guard let ending = namespace.take() else { throw ScenarioFailure("\(interface) is in the scenario's own namespace") }
        let links = try Links()
        let before = Set(try links.list().map { $0.ifindex })
        ending.close()
        // A namespace ends in a work queue; only the list of links shows it.
        let returned = try Polling.value(within: seconds, orFail: "the interface was not moved back") {
            try links.list().first { !before.contains($0.ifindex) }
        }
        interface = returned.name
        ifindex = returned.ifindex
    }

    func unbindDriver() throws {
        try Netdevsim.unbindDriver(id: Self.localID)
        try expectNoPoolListed()
    }

    func unloadDriver() throws {
        try KernelModule.unload("netdevsim")
        removed = true
        unloaded = true
    }

    func remove() throws {
        guard !removed else { return }
        try Netdevsim.remove(id: Self.localID)
        removed = true
        try expectNoPoolListed()
    }

    /// No page pool is listed with the interface, which is unregistered: pools that outlive it belong to the namespace (`page_pool_unreg_netdev()`).
    private func expectNoPoolListed() throws {
        let netdev = try Netdev()
        let pools = Result { try netdev.pagePools() }
        netdev.close()
        guard let pool = try pools.get().first(where: { $0.ifindex == ifindex }) else { return }
        throw ScenarioFailure("page-pool-get lists page pool \(pool.id) with interface \(ifindex), which is unregistered")
    }

    func leaveInPlace() throws { removed = true }

    func holdPage(_ hold: Bool) throws { try Netdevsim.holdPage(id: Self.localID, hold) }

    func resetQueue(mode: Int) throws { try Netdevsim.resetQueue(id: Self.localID, queue: queue, mode: mode) }

    func queueReset() throws -> @Sendable (Int) throws -> Void {
        let queue = queue
        return { try Netdevsim.resetQueue(id: Self.localID, queue: queue, mode: $0) }
    }

    func fail(_ operation: Netdevsim.QueueOperation, call: Int) throws { try Netdevsim.fail(id: Self.localID, operation, call: call) }

    func callsToFailure(of operation: Netdevsim.QueueOperation) throws -> Int {
        try Netdevsim.callsToFailure(id: Self.localID, of: operation)
    }
}
