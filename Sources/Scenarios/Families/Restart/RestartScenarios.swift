// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// A bound queue that is restarted, reconfigured and set down, and reconfigurations that the kernel must refuse.
enum RestartScenarios {
    /// netdevsim's modes of restarting a queue (`nsim_qreset_write()`).
    private static let modes = 0...3

    static let all: [Scenario] =
        Provider.ofNetIovs.flatMap { provider in
            modes.map { underTraffic(provider, mode: $0, times: 3) } + modes.map { underTraffic(provider, mode: $0, times: 25, thorough: true) } + [
                held(provider), unread(provider), down(provider), downUp(provider), rings(provider), channels(provider),
                lastQueue(provider), many(provider),
            ]
        } + [copies]

    private static func scenario(
        _ provider: Provider, _ name: String, _ summary: String, detached: Bool = false, payload: Bool = true, copies: Bool = false,
        pools: ExpectedPools, needs: Set<Need> = [.queueReset], thorough: Bool = false, _ body: @escaping @Sendable (ScenarioRun) throws -> Void
    ) -> Scenario {
        Scenario(
            "restart.\(provider.rawValue).\(name)", "\(provider.rawValue): \(summary)", tier: .netdevsim, needs: provider.needs.union(needs),
            expects: Expectation(
                provider: provider, minimumHolds: 256, zeroCopy: payload && !copies, detachedPool: detached, payload: payload, pools: pools),
            thorough: thorough, body)
    }

    /// Another thread restarts the queue while this one receives a continuous stream.
    private static func underTraffic(_ provider: Provider, mode: Int, times: Int, thorough: Bool = false) -> Scenario {
        scenario(
            provider, thorough ? "mode-\(mode)-often" : "mode-\(mode)", "\(times) restarts in mode \(mode) during traffic",
            pools: ExpectedPools(count: 1 + times, fewest: 1 + times / 2, traffic: true), thorough: thorough
        ) { run in
            let portion: UInt64 = 100_000
            let restarted = try ProviderStream(run, provider, seed: 800)
            // Otherwise all buffers are in the socket, and the restarted queue starts with none.
            try restarted.socket.limitReceiveBuffer(131_072)
            let total = portion * UInt64(times + 2)
            try restarted.bed.peer.write(0, restarted.pattern, bytes: total, sizes: [4096])
            let restarts = try BackgroundRestarts(times) { [reset = try restarted.bed.queueReset()] in try reset(mode) }
            // The thread must end before the interface is removed.
            run.cleanUp("restarting thread ended") { restarts.abandon() }
            for turn in 1...(times + 2) {
                try run.step("portion \(turn) of \(portion) bytes received\(turn <= times ? ", queue restarted during the next" : "")") {
                    try restarted.streams.receive([restarted.stream: portion * UInt64(turn)], within: run.timeout(20))
                }
                if turn <= times { restarts.allowOne() }
            }
            try run.step("\(times) restarts done") { try restarts.join() }
            _ = try restarted.bed.peer.written(0, within: run.timeout(10))
            try restarted.end(run)
        }
    }

    private static func held(_ provider: Provider) -> Scenario {
        scenario(
            provider, "held", "restarted while the user holds buffers, which it returns later", detached: true,
            pools: ExpectedPools(count: 3, traffic: true)
        ) { run in
            let restarted = try ProviderStream(run, provider, seed: 800)
            let held = try restarted.receiveHeld(run, 100_000)
            try run.step("queue restarted") { try restarted.bed.resetQueue(mode: 0) }
            try run.expectDetachedInflight(
                held, of: provider, "the old pool is detached, with the \(held) net_iovs in flight that the user holds")
            try run.step("100000 more received and returned") { try restarted.receive(run, 100_000) }
            try run.step("queue restarted again") { try restarted.bed.resetQueue(mode: 2) }
            try run.step("100000 more received and returned") { try restarted.receive(run, 100_000) }
            try restarted.streams.returnHeld(run)
            try run.expectDetachedInflight(0, of: provider, "no detached pool has net_iovs in flight")
            try restarted.end(run)
        }
    }

    /// More detached pools than fit into one message of a dump (`netdev_nl_page_pool_get_dump()`).
    private static func many(_ provider: Provider) -> Scenario {
        let (times, pages) = (60, 1024)
        return scenario(
            provider, "many", "\(times) restarts, with buffers of each pool held: every pool is reported, and released", detached: true,
            pools: ExpectedPools(count: times + 1, buffers: UInt64(pages), traffic: true)
        ) { run in
            let restarted = try ProviderStream(run, provider, pages: pages, seed: 800)
            try run.step("\(times) times bytes received and held, and queue restarted") {
                for turn in 0..<times {
                    try restarted.receive(run, 3000, hold: true)
                    try restarted.bed.resetQueue(mode: turn % modes.count)
                }
            }
            try run.userHolds(restarted.streams.heldNetIovs)
            // With a buffer of one page the dump takes several messages.
            let netdev = try Netdev(receiveBufferSize: MappedMemory.pageSize)
            let answer = Result { try netdev.pagePools() }
            netdev.close()
            let reported = try answer.get().filter { $0.provider != nil }.map { $0.id }
            try run.expect(
                reported.count == times + 1 && Set(reported).count == reported.count, "\(times + 1) pools are reported, each once",
                "\(reported.count) are, \(Set(reported).count) different ones")
            try run.pools.observe()
            try restarted.streams.returnHeld(run)
            try run.expectDetachedInflight(0, of: provider, "no detached pool has net_iovs in flight")
            try restarted.end(run)
        }
    }

    /// A net_iov of a released pool is free, and the kernel copies into it without a pool: it must not return to the released pool.
    private static let copies = scenario(
        .zcrx, "copies", "loopback payload copied into net_iovs whose pool was released", detached: true, copies: true,
        pools: ExpectedPools(count: 2, traffic: true)
    ) { run in
        // More pages than there are net_iovs: a net_iov that is not released is missing.
        let (round, rounds) = (65_536, 36)
        let restarted = try ProviderStream(run, .zcrx, seed: 800)
        let wire = try Loopback(run, pattern: PayloadPattern(seed: 811))
        let local = restarted.streams.add(wire.receiver, PayloadPattern(seed: 811))
        // The free list of an area is a stack (`freelist`), so these are the next that are copied into.
        try run.step("800000 bytes received and held") { try restarted.receive(run, 800_000, hold: true) }
        try run.userHolds(restarted.streams.heldNetIovs)
        try run.step("queue restarted") { try restarted.bed.resetQueue(mode: 1) }
        try run.expectDetachedPool(of: .zcrx)
        try run.userHolds(0)
        try run.step("all returned") {
            try restarted.streams.returnBuffers()
            try restarted.streams.settle()
        }
        try run.expectDetachedInflight(0, of: .zcrx, "the old pool is released")
        try run.step("\(rounds) times \(round) bytes over loopback copied, received and returned") {
            for _ in 0..<rounds {
                try wire.send(round, within: run.timeout(10))
                try restarted.streams.receive([local: wire.sent], within: run.timeout(10))
                try restarted.streams.settle()
            }
        }
        try run.step("100000 more received over the queue and returned") { try restarted.receive(run, 100_000) }
        let payload = try restarted.streams.payload(sent: restarted.streams.received(restarted.stream) + wire.sent)
        try run.expect(
            payload.copied == wire.sent, "the kernel copied exactly the \(wire.sent) bytes of loopback", "it copied \(payload.copied)")
        run.payload = payload
        try run.pools.observe()
        wire.receiver.close()
        restarted.socket.close()
        try run.step("ring closed") { restarted.streams.end() }
    }

    private static func unread(_ provider: Provider) -> Scenario {
        scenario(
            provider, "unread", "restarted with payload unread in the socket, which is received afterwards", detached: true,
            pools: ExpectedPools(count: 2, traffic: true)
        ) { run in
            let bytes = 32_768
            let restarted = try ProviderStream(run, provider, seed: 800)
            try run.step("\(bytes) bytes unread in the socket") {
                try restarted.bed.peer.write(0, restarted.pattern, bytes: UInt64(bytes), sizes: [4096])
                try restarted.socket.waitUnread(bytes, within: run.timeout(10))
                _ = try restarted.bed.peer.written(0, within: run.timeout(10))
            }
            try run.step("queue restarted") { try restarted.bed.resetQueue(mode: 1) }
            try run.expectDetachedPool(of: provider)
            try run.step("they are received and returned") {
                try restarted.streams.receive([restarted.stream: UInt64(bytes)], within: run.timeout(10))
                try restarted.streams.settle()
            }
            try run.expectDetachedInflight(0, of: provider, "the old pool has no net_iov in flight")
            try run.step("100000 more received and returned") { try restarted.receive(run, 100_000) }
            try restarted.end(run)
        }
    }

    /// While the interface is down, a restart has no queue to stop; mode 1 is refused for that.
    private static func down(_ provider: Provider) -> Scenario {
        scenario(provider, "down", "restarted while the interface is down", pools: ExpectedPools(count: 2, traffic: true)) { run in
            let restarted = try ProviderStream(run, provider, seed: 800)
            try run.step("100000 bytes received and returned") { try restarted.receive(run, 100_000) }
            restarted.socket.close()
            try restarted.bed.peer.shut(0)
            try run.step("interface down") { try restarted.bed.setUp(false) }
            for mode in modes {
                if mode == 1 {
                    try run.expectRefusal(ENETDOWN, "restart in mode \(mode)") { try restarted.bed.resetQueue(mode: mode) }
                } else {
                    try run.step("restarted, mode \(mode)") { try restarted.bed.resetQueue(mode: mode) }
                }
            }
            try run.step("interface up") { try restarted.bed.setUp(true) }
            try receiveOverNewConnection(run, restarted, sent: 100_000)
        }
    }

    private static func downUp(_ provider: Provider) -> Scenario {
        scenario(
            provider, "down-up", "interface set down and up three times while the queue is bound and buffers are held", detached: true,
            pools: ExpectedPools(count: 4, traffic: true)
        ) { run in
            let restarted = try ProviderStream(run, provider, seed: 800)
            let held = try restarted.receiveHeld(run, 50_000)
            for turn in 1...3 {
                try run.step("interface set down and up, turn \(turn)") {
                    try restarted.bed.setUp(false)
                    try restarted.bed.setUp(true)
                }
            }
            try run.expectDetachedInflight(
                held, of: provider, "the first pool is detached, with the \(held) net_iovs in flight that the user holds")
            try restarted.streams.returnHeld(run)
            try run.expectDetachedInflight(0, of: provider, "no detached pool has net_iovs in flight")
            restarted.socket.close()
            try restarted.bed.peer.shut(0)
            try receiveOverNewConnection(run, restarted, sent: 50_000)
        }
    }

    /// Receives over another connection with the same provider, and ends.
    private static func receiveOverNewConnection(_ run: ScenarioRun, _ restarted: ProviderStream, sent: UInt64) throws {
        let bytes: UInt64 = 100_000
        let socket = try restarted.bed.connect(run, 1)
        let pattern = PayloadPattern(seed: 801)
        let stream = restarted.streams.add(socket, pattern)
        try run.step("\(bytes) bytes of a new connection received and returned") {
            try restarted.bed.peer.write(1, pattern, bytes: bytes, sizes: [4096])
            try restarted.streams.receive([stream: bytes], within: run.timeout(20))
        }
        run.payload = try restarted.streams.payload(sent: sent + (try restarted.bed.peer.written(1, within: run.timeout(10))))
        try run.pools.observe()
        socket.close()
        try run.step("provider ended") { restarted.streams.end() }
    }

    /// Ring settings that ethtool may change while a queue is bound, and those that the kernel must refuse (`ethnl_set_rings()`).
    private static func rings(_ provider: Provider) -> Scenario {
        scenario(provider, "rings", "ring settings changed while the queue is bound", pools: ExpectedPools(traffic: true)) { run in
            let restarted = try ProviderStream(run, provider, seed: 800)
            try run.step("50000 bytes received and held") { try restarted.receive(run, 50_000, hold: true) }
            try run.userHolds(restarted.streams.heldNetIovs)
            let index = restarted.bed.ifindex
            let split = "can't disable tcp-data-split while device has memory provider enabled"
            let refusals: [(String, DeviceRings, String)] = [
                ("tcp-data-split off", DeviceRings(tcpDataSplit: .disabled), split),
                ("tcp-data-split unknown", DeviceRings(tcpDataSplit: .unknown), split),
                ("hds-thresh 1", DeviceRings(hdsThreshold: 1), "can't set non-zero hds_thresh while device is memory provider enabled"),
                ("rx 1000000", DeviceRings(rx: 1_000_000), "requested ring size exceeds maximum"),
            ]
            for (name, rings, message) in refusals {
                try refused(run, name, EINVAL, message) { try Ethtool().setRings(of: index, to: rings) }
            }
            try run.step("rx 1024 and tx 64 set") { try Ethtool().setRings(of: index, to: DeviceRings(rx: 1024, tx: 64)) }
            let now = try Ethtool().rings(of: index)
            try run.expect(
                now.rx == 1024 && now.tx == 64 && now.tcpDataSplit == .enabled && now.hdsThreshold == 0,
                "the granted settings are in effect, and the refused ones are not", "\(now)")
            try run.step("100000 more received and returned") { try restarted.receive(run, 100_000) }
            try run.step("\(restarted.streams.held.count) held deliveries are unchanged") { try restarted.streams.recheckHeld() }
            try run.userHolds(0)
            try run.step("all returned") { try restarted.streams.returnBuffers() }
            try restarted.end(run)
            try run.expectFreeQueue(of: provider, within: 5)
            try run.step("tcp-data-split set to off and on, which is granted without a provider") {
                try Ethtool().setRings(of: index, to: DeviceRings(tcpDataSplit: .disabled))
                try Ethtool().setRings(of: index, to: DeviceRings(tcpDataSplit: .enabled))
            }
        }
    }

    /// Channels other than that of the bound queue are removed and added. There are three, because the kernel requires one more than the
    /// provider needs (docs/kernel-notes.md).
    private static func channels(_ provider: Provider) -> Scenario {
        scenario(provider, "channels", "channels removed and added while another queue is bound", pools: ExpectedPools(traffic: true)) { run in
            let restarted = try ProviderStream(run, provider, queues: 3, seed: 800)
            let index = restarted.bed.ifindex
            try run.step("100000 bytes received and returned") { try restarted.receive(run, 100_000) }
            for count: UInt32 in [2, 3, 2, 3] {
                try run.step("\(count) channels, then 100000 bytes") {
                    try Ethtool().setChannels(of: index, to: DeviceChannels(combined: count))
                    try restarted.receive(run, 100_000)
                }
            }
            try refused(run, "4 channels", EINVAL, "requested channel count exceeds maximum") {
                try Ethtool().setChannels(of: index, to: DeviceChannels(combined: 4))
            }
            try restarted.end(run)
        }
    }

    /// The bound queue is the one that would be removed (`netdev_queue_busy()`).
    private static func lastQueue(_ provider: Provider) -> Scenario {
        scenario(
            provider, "bound-channel", "removing the channel of the bound queue is refused", payload: false, pools: ExpectedPools(traffic: false)
        ) { run in
            let bed = try run.makeTestBed(queues: 2, queue: 1)
            let receiver = try provider.makeReceiver(run, bed: bed, pattern: PayloadPattern(seed: 802))
            try run.pools.observe()
            let before = try run.pools.observe().map { $0.id }
            let error = try run.refusal { try Ethtool().setChannels(of: bed.ifindex, to: DeviceChannels(combined: 1)) }
            try run.expectRefusal(error, EINVAL, "1 channel")
            // One of two checks refuses it: that of the number of channels, or that of the queue.
            try run.expect(
                error?.message?.contains("memory provider") == true, "the extack names the memory provider",
                "it is \"\(error?.message ?? "empty")\"")
            let after = try run.pools.observe().map { $0.id }
            try run.expect(before == after, "the pools are the same after the refusal", "\(before) became \(after)")
            try run.step("provider ended") { receiver.end() }
            try run.expectFreeQueue(of: provider, within: 5)
            try run.step("1 channel granted") { try Ethtool().setChannels(of: bed.ifindex, to: DeviceChannels(combined: 1)) }
        }
    }

    private static func refused(_ run: ScenarioRun, _ name: String, _ errno: CInt, _ message: String, _ attempt: () throws -> Void) throws {
        let error = try run.refusal(of: attempt)
        try run.expect(
            error?.code == errno && error?.message == message, "\(name) refused: \"\(message)\"",
            error.map { "\($0)" } ?? "the kernel granted it")
    }
}
