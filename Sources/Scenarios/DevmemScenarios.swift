// SPDX-License-Identifier: GPL-2.0

import Results

/// Devmem TCP as the memory provider of an interface's queue (net/core/devmem.c).
enum DevmemScenarios {
    static let needs: Set<Need> = [.interface, .devmem]
    private static let bytes: UInt64 = 200_000

    static let all: [Scenario] = plain + [
        bindings("two-bindings", "one netlink socket with a binding for each of two queues is closed", gone: false),
        bindings("two-bindings-gone", "the same, after the interface has gone", gone: true),
        bindings("two-queues", "one binding of two queues at once is closed", together: true, gone: false),
        bindings("two-queues-gone", "the same, after the interface has gone", together: true, gone: true),
    ]

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
            } send: { try bed.peer.send(pattern, bytes: $0) }
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
