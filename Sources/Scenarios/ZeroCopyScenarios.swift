// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// io_uring zero-copy receive as the memory provider of an interface's queue (io_uring/zcrx.c).
enum ZeroCopyScenarios {
    static let needs: Set<Need> = [.interface, .zcrx, .zcrxStatistics]
    private static let bytes: UInt64 = 200_000
    /// More than the ring's 256 net_iovs hold.
    static let afterwards: UInt64 = 2_000_000

    static let all: [Scenario] = [
        Scenario(
            "zcrx.idle", "register an interface queue and close it idle", tier: .netdevsim, needs: needs,
            expects: Expectation(provider: .zcrx, minimumHolds: 1, pools: ExpectedPools(traffic: false))
        ) { run in
            let bed = try TestBed.make(run)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 1))
            try seeProvider(run)
            try run.step("ring closed") { receiver.close() }
        },
        Scenario(
            "zcrx.receive", "receive, return every buffer through the refill ring, close", tier: .netdevsim, needs: needs,
            expects: Expectation(
                provider: .zcrx, minimumHolds: 1, zeroCopy: true, payload: true, pools: ExpectedPools(traffic: true))
        ) { run in
            try traffic(run, keep: false) { receiver, socket in
                socket.close()
                try run.step("ring closed") { receiver.close() }
            }
        },
        Scenario(
            "zcrx.held", "close the ring with delivered buffers never returned", tier: .netdevsim, needs: needs,
            expects: Expectation(
                provider: .zcrx, minimumHolds: 1, zeroCopy: true, payload: true, pools: ExpectedPools(traffic: true))
        ) { run in
            try traffic(run, keep: true) { receiver, socket in
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
            let bed = try TestBed.make(run)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 3))
            let socket = try unread(run, bed)
            try run.step("ring closed") { receiver.close() }
            try seeDetached(run, .zcrx)
            try run.step("socket closed") { socket.close() }
        },
        Scenario(
            "zcrx.kill", "SIGKILL the receiver in mid-traffic", tier: .netdevsim, needs: needs,
            expects: Expectation(provider: .zcrx, minimumHolds: 1, pools: ExpectedPools(traffic: true))
        ) { run in
            let bed = try TestBed.make(run)
            let worker = try run.step("receiver started") {
                try run.environment.startWorker(["zcrx-receive", String(bed.ifindex), String(bed.queue), bed.local, String(run.patience(1))])
            }
            try run.step("receiver registered and listens") { _ = try worker.ask("listen", within: run.patience(10)) }
            try bed.peer.connect(to: bed.local, port: TestBed.port, within: run.patience(10))
            run.cleanUp("peer's socket closed") { try bed.peer.abort() }
            try run.step("traffic without end") { try bed.peer.send(PayloadPattern(seed: 4), bytes: 0) }
            let held = try run.step("receiver holds buffers, traffic goes on") {
                Int(try worker.ask("receive 65536", within: run.patience(20))) ?? 0
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
            let bed = try TestBed.make(run)
            let pattern = PayloadPattern(seed: 5)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: pattern)
            let socket = try bed.connect(run)
            try run.step("50000 bytes received and kept") {
                try bed.peer.send(pattern, bytes: 50_000)
                try receiver.receive(from: socket.rawValue, total: 50_000, keep: true, within: run.patience(20))
            }
            try run.userHolds(receiver.heldNetIovs)
            try run.pools.observe()
            try run.step("interface removed") { try bed.remove() }
            try seeDetached(run, .zcrx)
            try run.userEnds()
            try run.step("ring closed") { receiver.close() }
        },
        Scenario(
            "zcrx.restart", "restart the bound queue in every order netdevsim knows, with traffic between", tier: .netdevsim,
            needs: needs.union([.queueReset]),
            expects: Expectation(
                provider: .zcrx, minimumHolds: 512, zeroCopy: true, payload: true, pools: Restarts.expectedPools)
        ) { run in
            let bed = try TestBed.make(run)
            let pattern = PayloadPattern(seed: 6)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: Restarts.pages, pattern: pattern)
            try Restarts.drive(run, bed) { socket, total in
                try receiver.receive(from: socket, total: total, keep: false, within: run.patience(20))
            } send: {
                try bed.peer.send(pattern, bytes: $0)
            }
            run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.patience(10)), complete: true)
            try run.step("ring closed") { receiver.close() }
        },
    ]

    /// Registers, moves `bytes`, records the payload, and lets `end` decide how it ends.
    private static func traffic(
        _ run: ScenarioRun, keep: Bool, end: (ZeroCopyReceiver, Connection) throws -> Void
    ) throws {
        let bed = try TestBed.make(run)
        let pattern = PayloadPattern(seed: 2)
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: pattern)
        try seeProvider(run)
        let socket = try bed.connect(run)
        // Enough for the queue's ring to come round while the first buffers are held: one that is handed on is overwritten.
        let total = keep ? bytes + afterwards : bytes
        try run.step("\(bytes) bytes received") {
            try bed.peer.send(pattern, bytes: total)
            try receiver.receive(from: socket.rawValue, total: bytes, keep: keep, within: run.patience(20))
        }
        if keep {
            try run.userHolds(receiver.heldNetIovs)
            try run.step("\(afterwards) more received and returned") {
                try receiver.receive(from: socket.rawValue, total: total, keep: false, within: run.patience(20))
            }
            try run.step("\(receiver.held.count) held deliveries are as they came") { try receiver.recheckHeld() }
        }
        run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.patience(10)), complete: true)
        try run.pools.observe()
        try end(receiver, socket)
    }

    /// A connection whose data the kernel has and nobody reads.
    static func unread(_ run: ScenarioRun, _ bed: TestBed) throws -> Connection {
        let bytes = 32_768
        let socket = try bed.connect(run)
        try run.step("\(bytes) bytes unread in the socket") {
            try bed.peer.send(PayloadPattern(seed: 7), bytes: UInt64(bytes))
            try socket.waitUnread(bytes, within: run.patience(10))
        }
        return socket
    }

    /// The netdev family shows a pool of the provider under test.
    static func seeProvider(_ run: ScenarioRun) throws {
        let provider = run.scenario.expectation.provider
        let records = try run.pools.observe()
        try run.expect(
            records.contains { $0.provider == provider }, "page-pool-get shows the \(provider.rawValue) pool",
            "it shows \(records.map { "pool \($0.id) (\($0.provider.rawValue))" })")
    }

    /// The netdev family shows the provider's pool detached, with buffers out.
    static func seeDetached(_ run: ScenarioRun, _ provider: Provider) throws {
        let seen = try run.pools.wait(within: run.patience(5)) { records in
            records.contains { $0.provider == provider && $0.detached && $0.inflight > 0 }
        }
        try run.expect(seen, "page-pool-get shows the pool detached with buffers in flight", "it never did")
    }
}
