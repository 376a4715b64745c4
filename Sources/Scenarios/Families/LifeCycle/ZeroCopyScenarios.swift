// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// io_uring zero-copy receive as the memory provider of an interface's queue (io_uring/zcrx.c).
enum ZeroCopyScenarios {
    private static let needs = Provider.zcrx.needs
    private static let bytes: UInt64 = 200_000

    static let all: [Scenario] = [
        Scenario(
            "zcrx.idle", "register an interface queue and close it idle", tier: .netdevsim, needs: needs,
            expects: Expectation(provider: .zcrx, minimumHolds: 1, pools: ExpectedPools(traffic: false))
        ) { run in
            let bed = try run.makeTestBed()
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 1))
            try run.expectProviderPool()
            try run.step("ring closed") { receiver.close() }
        },
        Scenario(
            "zcrx.receive", "receive, return every buffer through the refill ring, close", tier: .netdevsim, needs: needs,
            expects: Expectation(
                provider: .zcrx, minimumHolds: 1, zeroCopy: true, payload: true, pools: ExpectedPools(traffic: true))
        ) { run in
            try traffic(run, hold: false) { receiver, socket in
                socket.close()
                try run.step("ring closed") { receiver.close() }
            }
        },
        Scenario(
            "zcrx.held", "close the ring with delivered buffers never returned", tier: .netdevsim, needs: needs,
            expects: Expectation(
                provider: .zcrx, minimumHolds: 1, zeroCopy: true, payload: true, pools: ExpectedPools(traffic: true))
        ) { run in
            try traffic(run, hold: true) { receiver, socket in
                try run.expect(receiver.held.count > 0, "buffers held by the user", "none was delivered")
                socket.close()
                try run.userEnds()
                try run.step("ring closed with \(receiver.held.count) deliveries held") { receiver.close() }
            }
        },
        Scenario(
            "zcrx.unread", "close the ring with data unread in the socket", tier: .netdevsim, needs: needs,
            expects: Expectation(provider: .zcrx, minimumHolds: 1, detachedPool: true, pools: ExpectedPools(traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 3))
            let socket = try bed.connectWithUnread(run)
            try run.step("ring closed") { receiver.close() }
            try run.expectDetachedPool(of: .zcrx)
            try run.step("socket closed") { socket.close() }
        },
        Scenario(
            "zcrx.kill", "SIGKILL the receiver in mid-traffic", tier: .netdevsim, needs: needs,
            expects: Expectation(provider: .zcrx, minimumHolds: 1, pools: ExpectedPools(traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let worker = try run.step("receiver started") {
                try run.environment.startWorker(["zcrx-receive", String(bed.ifindex), String(bed.queue), bed.local, String(run.timeout(1))])
            }
            try run.step("receiver registered and listens") { _ = try worker.ask("listen", within: run.timeout(10)) }
            try bed.peer.connect(to: bed.local, port: Connection.port, within: run.timeout(10))
            run.cleanUp("peer's socket closed") { try bed.peer.abort() }
            try run.step("traffic without end") { try bed.peer.send(PayloadPattern(seed: 4), bytes: 0) }
            let held = try run.step("receiver holds buffers, traffic goes on") {
                Int(try worker.ask("receive 65536", within: run.timeout(20))) ?? 0
            }
            try run.expect(held > 0, "net_iovs held by the receiver", "it says that it has none")
            try run.userHolds(held)
            try run.pools.observe()
            try run.userEnds(killed: true)
            try run.step("receiver killed") { try worker.killNow() }
        },
        Scenario(
            "zcrx.remove", "the interface is removed while registered, with buffers held", tier: .netdevsim,
            needs: needs.union([.removableInterface]),
            expects: Expectation(provider: .zcrx, minimumHolds: 1, detachedPool: true, pools: ExpectedPools(traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: 5)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: pattern)
            let socket = try bed.connect(run)
            try run.step("50000 bytes received and kept") {
                try bed.peer.send(pattern, bytes: 50_000)
                try receiver.receive(from: socket.rawValue, total: 50_000, hold: true, within: run.timeout(20))
            }
            try run.userHolds(receiver.heldNetIovs)
            try run.pools.observe()
            try run.step("interface removed") { try bed.remove() }
            try run.expectDetachedPool(of: .zcrx)
            try run.userEnds()
            try run.step("ring closed") { receiver.close() }
        },
        Scenario(
            "zcrx.restart", "restart the bound queue in every order netdevsim knows, with traffic between", tier: .netdevsim,
            needs: needs.union([.queueReset]),
            expects: Expectation(
                provider: .zcrx, minimumHolds: 512, zeroCopy: true, payload: true, pools: RestartDriver.expectedPools)
        ) { run in
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: 6)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: RestartDriver.pages, pattern: pattern)
            try RestartDriver.drive(run, bed) { socket, total in
                try receiver.receive(from: socket, total: total, hold: false, within: run.timeout(20))
            } send: {
                try bed.peer.send(pattern, bytes: $0)
            }
            run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.timeout(10)), complete: true)
            try run.step("ring closed") { receiver.close() }
        },
    ]

    /// Registers, moves `bytes`, records the payload, and lets `end` decide how it ends.
    private static func traffic(
        _ run: ScenarioRun, hold: Bool, end: (ZeroCopyReceiver, Connection) throws -> Void
    ) throws {
        let bed = try run.makeTestBed()
        let pattern = PayloadPattern(seed: 2)
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: pattern)
        try run.expectProviderPool()
        let socket = try bed.connect(run)
        // Enough for the queue's ring to come round while the first buffers are held: one that is handed on is overwritten.
        let total = hold ? bytes + Netdevsim.ringTurnover : bytes
        try run.step("\(bytes) bytes received") {
            try bed.peer.send(pattern, bytes: total)
            try receiver.receive(from: socket.rawValue, total: bytes, hold: hold, within: run.timeout(20))
        }
        if hold {
            try run.userHolds(receiver.heldNetIovs)
            try run.step("\(Netdevsim.ringTurnover) more received and returned") {
                try receiver.receive(from: socket.rawValue, total: total, hold: false, within: run.timeout(20))
            }
            try run.step("\(receiver.held.count) held deliveries are as they came") { try receiver.recheckHeld() }
        }
        run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.timeout(10)), complete: true)
        try run.pools.observe()
        try end(receiver, socket)
    }
}
