// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// Devmem TCP as the memory provider of an interface's queue (net/core/devmem.c).
enum DevmemScenarios {
    static let needs: Set<Need> = [.interface, .devmem]
    private static let bytes: UInt64 = 200_000

    static let all: [Scenario] =
        plain + [
            bindings("two-bindings", "one netlink socket with a binding for each of two queues is closed", gone: false),
            bindings("two-bindings-gone", "the same, after the interface has gone", gone: true),
            bindings("two-queues", "one binding of two queues at once is closed", together: true, gone: false),
            bindings("two-queues-gone", "the same, after the interface has gone", together: true, gone: true),
            relisten, unheard,
        ]

    /// The tokens of a socket stay its own when its connection ends, and whoever connects to it next inherits none (`tcp_create_openreq_child()`).
    /// A restart detaches the pool, so that its count shows what is out.
    private static let relisten = Scenario(
        "devmem.relisten", "a socket with tokens is disconnected and listens; who connects to it, and goes, takes none of them along",
        tier: .netdevsim,
        needs: needs.union([.removableInterface, .queueReset]),
        expects: Expectation(
            provider: .devmem, minimumHolds: 256, zeroCopy: true, detachedPool: true, payload: true, pools: ExpectedPools(count: 2, traffic: true))
    ) { run in
        let bytes: UInt64 = 60_000
        let bed = try TestBed.make(run)
        let pattern = PayloadPattern(seed: 16)
        let receiver = try DevmemReceiver.make(run, bed: bed, pattern: pattern)
        let socket = try bed.connect(run, 0)
        try run.step("\(bytes) bytes received and kept") {
            try bed.peer.write(0, pattern, bytes: bytes, sizes: [4096])
            try receiver.receive(from: socket.rawValue, total: bytes, keep: true, within: run.patience(20))
            _ = try bed.peer.written(0, within: run.patience(10))
        }
        let out = receiver.heldNetIovs
        try run.userHolds(out)
        run.payload = receiver.payload(sent: bytes, complete: true)
        try run.pools.observe()
        try run.step("disconnected, and listening") { try socket.listenAgain(on: bed.local, port: TestBed.port) }
        let child = try run.step("the peer connects to it") { () throws -> Connection in
            try bed.peer.open(1, to: bed.local, port: TestBed.port, within: run.patience(10))
            return try socket.accept(within: run.patience(10))
        }
        run.cleanUp("peer's socket 1 closed") { try bed.peer.abort(1) }
        try run.step("what connected is reset") { try child.reset() }
        try run.step("\(receiver.heldCount) held fragments are as they came") { try receiver.recheckHeld() }
        try run.step("queue restarted") { try bed.resetQueue(mode: 1) }
        try TrafficScenarios.count(run, .devmem, out, "the detached pool has \(out) net_iovs out, which the listener's user holds")
        try run.userHolds(0)
        try run.step("given back over the listener, each token once") { try receiver.giveBackAll(to: socket.rawValue) }
        try TrafficScenarios.count(run, .devmem, 0, "none is out")
        socket.close()
        try run.step("unbound") { receiver.unbind() }
    }

    /// The binding is made before its id is told, which can fail (`genlmsg_reply()` in `netdev_nl_bind_rx_doit()`).
    private static let unheard = Scenario(
        "devmem.unheard", "bind-rx over a socket that has no room for the answer: bound until it closes, or not at all", tier: .netdevsim,
        needs: needs,
        expects: Expectation(provider: .devmem, minimumHolds: 256, pools: ExpectedPools(traffic: false))
    ) { run in
        let bed = try TestBed.make(run)
        let memory = AreaMemory(dmabuf: try UserDMABuf(size: 512 * MappedMemory.pageSize))
        run.cleanUp("dma-buf closed") { memory.close() }
        var netdev = try Netdev()
        let asked = Result {
            try run.step("bind-rx asked for, with no room for its answer") {
                try netdev.bindRXWithUnreadReply(ifindex: bed.ifindex, dmabuf: memory.descriptor, queues: [bed.queue])
            }
            if try bed.providers() == [bed.queue] { try run.userBound() }
            try run.pools.observe()
        }
        netdev.close()
        try asked.get()
        try bed.expectProviders(run, on: [], "no queue has a provider when the socket is closed")
    }

    /// All that a netlink socket has bound goes with it, not the first alone.
    private static func bindings(_ name: String, _ summary: String, together: Bool = false, gone: Bool) -> Scenario {
        Scenario(
            "devmem.\(name)", summary, tier: .netdevsim, needs: needs.union(gone ? [.removableInterface] : []),
            expects: Expectation(provider: .devmem, minimumHolds: 2, pools: ExpectedPools(count: 2, traffic: false))
        ) { run in
            let bed = try TestBed.make(run, queues: 2)
            let bindings = try DevmemBindings(run)
            for queues: [UInt32] in together ? [[0, 1]] : [[0], [1]] {
                try run.step("a dma-buf bound to \(queues)") { try bindings.bind(bed.ifindex, queues) }
                for _ in queues { try run.userBound() }
            }
            try bed.expectProviders(run, on: [0, 1], "each queue has a provider")
            try run.pools.observe()
            if gone { try run.step("the driver unbound from the device") { try bed.unbindDriver() } }
            try run.step("netlink socket closed") { bindings.unbind() }
            if !gone { try bed.expectProviders(run, on: [], "no queue has one") }
        }
    }

    private static let plain: [Scenario] = [
        Scenario(
            "devmem.idle", "bind a dma-buf and unbind it idle", tier: .netdevsim, needs: needs,
            expects: Expectation(provider: .devmem, minimumHolds: 1, pools: ExpectedPools(traffic: false))
        ) { run in
            let bed = try TestBed.make(run)
            let receiver = try DevmemReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 10))
            try ZeroCopyScenarios.seeProvider(run)
            try run.step("unbound") { receiver.unbind() }
        },
        Scenario(
            "devmem.receive", "receive, return every token, unbind", tier: .netdevsim, needs: needs,
            expects: Expectation(
                provider: .devmem, minimumHolds: 1, zeroCopy: true, payload: true, pools: ExpectedPools(traffic: true))
        ) { run in
            try traffic(run, keep: false) { receiver, socket in
                try run.step("socket closed") { socket.close() }
                try run.step("unbound") { receiver.unbind() }
            }
        },
        Scenario(
            "devmem.held", "close the socket with tokens never returned", tier: .netdevsim, needs: needs,
            expects: Expectation(
                provider: .devmem, minimumHolds: 1, zeroCopy: true, payload: true, pools: ExpectedPools(traffic: true))
        ) { run in
            try traffic(run, keep: true) { receiver, socket in
                try run.expect(receiver.held.count > 0, "tokens held by the user", "none was delivered")
                try run.userEnds()
                try run.step("socket closed with \(receiver.held.count) tokens held") { socket.close() }
                try run.step("unbound") { receiver.unbind() }
            }
        },
        Scenario(
            "devmem.unbind-held", "unbind with tokens held, then close the socket", tier: .netdevsim, needs: needs,
            expects: Expectation(
                provider: .devmem, minimumHolds: 1, zeroCopy: true, detachedPool: true, payload: true,
                pools: ExpectedPools(traffic: true))
        ) { run in
            try traffic(run, keep: true) { receiver, socket in
                try run.expect(receiver.held.count > 0, "tokens held by the user", "none was delivered")
                try run.step("unbound with \(receiver.held.count) tokens held") { receiver.unbind() }
                try ZeroCopyScenarios.seeDetached(run, .devmem)
                try run.userEnds()
                try run.step("socket closed") { socket.close() }
            }
        },
        Scenario(
            "devmem.unread", "unbind with data unread in the socket", tier: .netdevsim, needs: needs,
            expects: Expectation(provider: .devmem, minimumHolds: 1, detachedPool: true, pools: ExpectedPools(traffic: true))
        ) { run in
            let bed = try TestBed.make(run)
            let receiver = try DevmemReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 7))
            let socket = try ZeroCopyScenarios.unread(run, bed)
            try run.step("unbound") { receiver.unbind() }
            try ZeroCopyScenarios.seeDetached(run, .devmem)
            try run.step("socket closed") { socket.close() }
        },
        Scenario(
            "devmem.restart", "restart the bound queue in every order netdevsim knows, with traffic between", tier: .netdevsim,
            needs: needs.union([.queueReset]),
            expects: Expectation(
                provider: .devmem, minimumHolds: 512, zeroCopy: true, payload: true, pools: Restarts.expectedPools)
        ) { run in
            let bed = try TestBed.make(run)
            let pattern = PayloadPattern(seed: 12)
            let receiver = try DevmemReceiver.make(run, bed: bed, pages: Restarts.pages, pattern: pattern)
            try Restarts.drive(run, bed) { socket, total in
                try receiver.receive(from: socket, total: total, keep: false, within: run.patience(20))
            } send: {
                try bed.peer.send(pattern, bytes: $0)
            }
            run.payload = receiver.payload(sent: try bed.peer.sent(within: run.patience(10)), complete: true)
            try run.step("unbound") { receiver.unbind() }
        },
    ]

    private static func traffic(
        _ run: ScenarioRun, keep: Bool, end: (DevmemReceiver, Connection) throws -> Void
    ) throws {
        let bed = try TestBed.make(run)
        let pattern = PayloadPattern(seed: 11)
        let receiver = try DevmemReceiver.make(run, bed: bed, pattern: pattern)
        try ZeroCopyScenarios.seeProvider(run)
        let socket = try bed.connect(run)
        let total = keep ? bytes + ZeroCopyScenarios.afterwards : bytes
        try run.step("\(bytes) bytes received") {
            try bed.peer.send(pattern, bytes: total)
            try receiver.receive(from: socket.rawValue, total: bytes, keep: keep, within: run.patience(20))
        }
        if keep {
            try run.userHolds(receiver.heldNetIovs)
            try run.step("\(ZeroCopyScenarios.afterwards) more received and returned") {
                try receiver.receive(from: socket.rawValue, total: total, keep: false, within: run.patience(20))
            }
            try run.step("\(receiver.held.count) held fragments are as they came") { try receiver.recheckHeld() }
        }
        run.payload = receiver.payload(sent: try bed.peer.sent(within: run.patience(10)), complete: true)
        try run.pools.observe()
        try end(receiver, socket)
    }
}
