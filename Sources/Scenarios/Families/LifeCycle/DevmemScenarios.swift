// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// Devmem TCP as the memory provider of an interface's queue (net/core/devmem.c).
enum DevmemScenarios {
    private static let needs = Provider.devmem.needs

    static let all: [Scenario] =
        plain + [
            bindings("two-bindings", "one netlink socket with a binding for each of two queues is closed", unbound: false),
            bindings("two-bindings-gone", "the same, after the driver was unbound from the device", unbound: true),
            bindings("two-queues", "the netlink socket of one binding for two queues is closed", together: true, unbound: false),
            bindings("two-queues-gone", "the same, after the driver was unbound from the device", together: true, unbound: true),
            relisten, unreadReply,
        ]

    /// A socket holds its tokens when its connection ends, and a connection that it accepts afterwards has none of them
    /// (`tcp_create_openreq_child()`). A restart detaches the pool, so that its inflight count is exact.
    private static let relisten = Scenario(
        "devmem.relisten", "a socket with tokens is disconnected and listens; a connection that it accepts and resets releases none of the tokens",
        tier: .netdevsim,
        needs: needs.union([.removableInterface, .queueReset]),
        expects: Expectation(
            provider: .devmem, minimumHolds: 256, zeroCopy: true, detachedPool: true, payload: true, pools: ExpectedPools(count: 2, traffic: true))
    ) { run in
        let bytes: UInt64 = 60_000
        let bed = try run.makeTestBed()
        let pattern = PayloadPattern(seed: 16)
        let receiver = try DevmemReceiver.make(run, bed: bed, pattern: pattern)
        let socket = try bed.connect(run, 0)
        try run.step("\(bytes) bytes received and held") {
            try bed.peer.write(0, pattern, bytes: bytes, sizes: [4096])
            try receiver.receive(from: socket.rawValue, total: bytes, hold: true, within: run.timeout(20))
            _ = try bed.peer.written(0, within: run.timeout(10))
        }
        let held = receiver.heldNetIovs
        try run.userHolds(held)
        run.payload = receiver.payload(sent: bytes, complete: true)
        try run.pools.observe()
        try run.step("socket disconnected, and set to listen") { try socket.listenAgain(on: bed.local, port: Connection.port) }
        let child = try run.step("connection of the peer accepted") { () throws -> Connection in
            try bed.peer.open(1, to: bed.local, port: Connection.port, within: run.timeout(10))
            return try socket.accept(within: run.timeout(10))
        }
        run.cleanUp("peer's socket 1 closed") { try bed.peer.abort(1) }
        try run.step("accepted connection reset") { try child.reset() }
        try run.step("\(receiver.heldCount) held fragments are unchanged") { try receiver.recheckHeld() }
        try run.step("queue restarted") { try bed.resetQueue(mode: 1) }
        try run.expectDetachedInflight(held, of: .devmem, "the detached pool has \(held) net_iovs in flight: the tokens of the listening socket")
        try run.userHolds(0)
        try run.step("each token returned once, through the listening socket") { try receiver.returnAll(to: socket.rawValue) }
        try run.expectDetachedInflight(0, of: .devmem, "no net_iov is in flight")
        socket.close()
        try run.step("unbound") { receiver.unbind() }
    }

    /// The kernel makes the binding before it sends the reply with its id, and the reply can fail (`genlmsg_reply()` in
    /// `netdev_nl_bind_rx_doit()`).
    private static let unreadReply = Scenario(
        "devmem.unread-reply", "bind-rx over a netlink socket whose buffer cannot take the reply: bound until the socket closes, or not bound",
        tier: .netdevsim, needs: needs,
        expects: Expectation(provider: .devmem, minimumHolds: 256, pools: ExpectedPools(traffic: false))
    ) { run in
        let bed = try run.makeTestBed()
        let memory = AreaMemory(dmabuf: try UserDMABuf(size: 512 * MappedMemory.pageSize))
        run.cleanUp("dma-buf closed") { memory.close() }
        var netdev = try Netdev()
        let requested = Result {
            try run.step("bind-rx requested, with no space for its reply") {
                try netdev.bindRXWithUnreadReply(ifindex: bed.ifindex, dmabuf: memory.descriptor, queues: [bed.queue])
            }
            if try bed.providers() == [bed.queue] { try run.userBound() }
            try run.pools.observe()
        }
        netdev.close()
        try requested.get()
        try bed.expectProviders(run, on: [], "no queue has a provider after the socket was closed")
    }

    /// The close of a netlink socket ends every binding of it (`netdev_nl_sock_priv_destroy()`).
    private static func bindings(_ name: String, _ summary: String, together: Bool = false, unbound: Bool) -> Scenario {
        Scenario(
            "devmem.\(name)", summary, tier: .netdevsim, needs: needs.union(unbound ? [.removableInterface] : []),
            expects: Expectation(provider: .devmem, minimumHolds: 2, pools: ExpectedPools(count: 2, traffic: false))
        ) { run in
            let bed = try run.makeTestBed(queues: 2)
            let bindings = try DevmemBindings(run)
            for queues: [UInt32] in together ? [[0, 1]] : [[0], [1]] {
                try run.step("dma-buf bound to \(queues)") { try bindings.bind(bed.ifindex, queues) }
                for _ in queues { try run.userBound() }
            }
            try bed.expectProviders(run, on: [0, 1], "each queue has a provider")
            try run.pools.observe()
            if unbound { try run.step("driver unbound from the device") { try bed.unbindDriver() } }
            try run.step("netlink socket closed") { bindings.unbind() }
            if !unbound { try bed.expectProviders(run, on: [], "no queue has a provider") }
        }
    }

    private static let plain: [Scenario] = [
        ReceiveCycle.idle(.devmem, "bind a dma-buf, receive nothing, unbind", seed: 10),
        ReceiveCycle.receive(.devmem, "receive, return every token, unbind", seed: 11),
        Scenario(
            "devmem.held", "close the socket with tokens held", tier: .netdevsim, needs: needs,
            expects: Expectation(
                provider: .devmem, minimumHolds: 1, zeroCopy: true, payload: true, pools: ExpectedPools(traffic: true))
        ) { run in
            let (receiver, socket) = try holding(run)
            try run.userEnds()
            try run.step("socket closed with \(receiver.held.count) tokens held") { socket.close() }
            try run.step("unbound") { receiver.unbind() }
        },
        Scenario(
            "devmem.unbind-held", "unbind with tokens held, then close the socket", tier: .netdevsim, needs: needs,
            expects: Expectation(
                provider: .devmem, minimumHolds: 1, zeroCopy: true, detachedPool: true, payload: true,
                pools: ExpectedPools(traffic: true))
        ) { run in
            let (receiver, socket) = try holding(run)
            try run.step("unbound with \(receiver.held.count) tokens held") { receiver.unbind() }
            try run.expectDetachedPool(of: .devmem)
            try run.userEnds()
            try run.step("socket closed") { socket.close() }
        },
        ReceiveCycle.unread(.devmem, "unbind with payload unread in the socket", seed: 7),
        ReceiveCycle.restart(.devmem, seed: 12),
    ]

    /// A receiver that holds the first bytes of a connection.
    private static func holding(_ run: ScenarioRun) throws -> (DevmemReceiver, Connection) {
        let bed = try run.makeTestBed()
        let pattern = PayloadPattern(seed: 11)
        let receiver = try DevmemReceiver.make(run, bed: bed, pattern: pattern)
        let socket = try ReceiveCycle.receive(run, bed, receiver, pattern, hold: true)
        try run.expect(receiver.held.count > 0, "the user holds tokens", "none was delivered")
        return (receiver, socket)
    }
}
