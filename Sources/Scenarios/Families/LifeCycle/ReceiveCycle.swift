// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// Scenarios that are the same for zcrx and devmem TCP: payload received over one connection, and a queue restarted under the provider.
enum ReceiveCycle {
    private static let bytes: UInt64 = 200_000

    /// Receives ``bytes`` over one connection and records the payload.
    ///
    /// - Parameters:
    ///   - receiver: of `pattern`.
    ///   - hold: the user holds the first ``bytes``, and receives and returns ``Netdevsim/ringTurnover`` more: enough for every buffer of the queue
    ///     to be reused, so a buffer that is reused while the user holds it is overwritten.
    static func receive(
        _ run: ScenarioRun, _ bed: any TestBed, _ receiver: any ProviderReceiver, _ pattern: PayloadPattern, hold: Bool
    ) throws -> Connection {
        try run.expectProviderPool()
        let socket = try bed.connect(run)
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
            try run.step("\(receiver.heldCount) held deliveries are unchanged") { try receiver.recheckHeld() }
        }
        run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.timeout(10)), complete: true)
        try run.pools.observe()
        return socket
    }

    /// Bound and ended without payload.
    static func idle(_ provider: Provider, _ summary: String, seed: UInt64) -> Scenario {
        Scenario(
            "\(provider.rawValue).idle", summary, tier: .netdevsim, needs: provider.needs,
            expects: Expectation(provider: provider, minimumHolds: 1, pools: ExpectedPools(traffic: false))
        ) { run in
            let bed = try run.makeTestBed()
            let receiver = try provider.makeReceiver(run, bed: bed, pattern: PayloadPattern(seed: seed))
            try run.expectProviderPool()
            try run.step("provider ended") { receiver.end() }
        }
    }

    /// Every buffer returned before the end.
    static func receive(_ provider: Provider, _ summary: String, seed: UInt64) -> Scenario {
        Scenario(
            "\(provider.rawValue).receive", summary, tier: .netdevsim, needs: provider.needs,
            expects: Expectation(provider: provider, minimumHolds: 1, zeroCopy: true, payload: true, pools: ExpectedPools(traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: seed)
            let receiver = try provider.makeReceiver(run, bed: bed, pattern: pattern)
            let socket = try receive(run, bed, receiver, pattern, hold: false)
            try run.step("socket closed") { socket.close() }
            try run.step("provider ended") { receiver.end() }
        }
    }

    /// The provider ends while payload is unread: its pool is detached until the socket is closed.
    static func unread(_ provider: Provider, _ summary: String, seed: UInt64) -> Scenario {
        Scenario(
            "\(provider.rawValue).unread", summary, tier: .netdevsim, needs: provider.needs,
            expects: Expectation(provider: provider, minimumHolds: 1, detachedPool: true, pools: ExpectedPools(traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let receiver = try provider.makeReceiver(run, bed: bed, pattern: PayloadPattern(seed: seed))
            let socket = try bed.connectWithUnread(run)
            try run.step("provider ended") { receiver.end() }
            try run.expectDetachedPool(of: provider)
            try run.step("socket closed") { socket.close() }
        }
    }

    /// The queue restarted in every mode of netdevsim (`RestartDriver`).
    static func restart(_ provider: Provider, seed: UInt64) -> Scenario {
        Scenario(
            "\(provider.rawValue).restart", "restart the bound queue in every mode of netdevsim, with traffic after each restart", tier: .netdevsim,
            needs: provider.needs.union([.queueReset]),
            expects: Expectation(
                provider: provider, minimumHolds: 512, zeroCopy: true, payload: true, pools: RestartDriver.expectedPools)
        ) { run in
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: seed)
            let receiver = try provider.makeReceiver(run, bed: bed, pages: RestartDriver.pages, pattern: pattern)
            try RestartDriver.drive(run, bed) { socket, total in
                try receiver.receive(from: socket, total: total, hold: false, within: run.timeout(20))
            } send: {
                try bed.peer.send(pattern, bytes: $0)
            }
            run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.timeout(10)), complete: true)
            try run.step("provider ended") { receiver.end() }
        }
    }
}
