// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// io_uring zero-copy receive as the memory provider of an interface's queue (io_uring/zcrx.c).
enum ZeroCopyScenarios {
    private static let needs = Provider.zcrx.needs

    static let all: [Scenario] = [
        ReceiveCycle.idle(.zcrx, "register an interface queue, receive nothing, close", seed: 1),
        ReceiveCycle.receive(.zcrx, "receive, return every buffer through the refill ring, close", seed: 2),
        Scenario(
            "zcrx.held", "close the ring with delivered buffers held", tier: .netdevsim, needs: needs,
            expects: Expectation(
                provider: .zcrx, minimumHolds: 1, zeroCopy: true, payload: true, pools: ExpectedPools(traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: 2)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: pattern)
            let socket = try ReceiveCycle.receive(run, bed, receiver, pattern, hold: true)
            try run.expect(receiver.held.count > 0, "the user holds buffers", "none was delivered")
            socket.close()
            try run.userEnds()
            try run.step("ring closed with \(receiver.held.count) deliveries held") { receiver.close() }
        },
        ReceiveCycle.unread(.zcrx, "close the ring with payload unread in the socket", seed: 3),
        Scenario(
            "zcrx.kill", "SIGKILL the receiver during traffic", tier: .netdevsim, needs: needs,
            expects: Expectation(provider: .zcrx, minimumHolds: 1, pools: ExpectedPools(traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let worker = try run.step("receiver started") {
                try run.environment.startWorker(["zcrx-receive", String(bed.ifindex), String(bed.queue), bed.local, String(run.timeout(1))])
            }
            try run.step("receiver registered and listening") { _ = try worker.perform("listen", within: run.timeout(10)) }
            try bed.peer.connect(to: bed.local, port: Connection.port, within: run.timeout(10))
            run.cleanUp("peer's socket closed") { try bed.peer.abort() }
            try run.step("the peer sends until its socket is closed") { try bed.peer.send(PayloadPattern(seed: 4), bytes: 0) }
            let held = try run.step("receiver holds buffers while traffic continues") {
                Int(try worker.perform("receive 65536", within: run.timeout(20))) ?? 0
            }
            try run.expect(held > 0, "the receiver holds net_iovs", "it reports that it holds none")
            try run.userHolds(held)
            try run.pools.observe()
            try run.userEnds(killed: true)
            try run.step("receiver killed") { try worker.killNow() }
        },
        Scenario(
            "zcrx.remove", "remove the interface while its queue is registered and buffers are held", tier: .netdevsim,
            needs: needs.union([.removableInterface]),
            expects: Expectation(provider: .zcrx, minimumHolds: 1, detachedPool: true, pools: ExpectedPools(traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: 5)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: pattern)
            try receiver.receiveAndRemove(run, bed, pattern)
            try run.userEnds()
            try run.step("ring closed") { receiver.close() }
        },
        ReceiveCycle.restart(.zcrx, seed: 6),
    ]
}
