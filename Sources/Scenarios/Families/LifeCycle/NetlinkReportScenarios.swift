// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// What the netdev family reports of a provider and its pools, in replies and in notifications: the provider of a queue, and when a pool was
/// added, detached and removed (net/core/page_pool_user.c).
enum NetlinkReportScenarios {
    static let zcrx = report(.zcrx)
    static let devmem = report(.devmem)

    /// A pool whose interface is unregistered belongs to the namespace, and is reported without an interface (`page_pool_unreg_netdev()`).
    static let removed = Scenario(
        "zcrx.report-removed", "a pool that outlives its interface is reported without an interface", tier: .netdevsim,
        needs: Provider.zcrx.needs.union([.removableInterface]),
        expects: Expectation(
            provider: .zcrx, minimumHolds: 256, zeroCopy: true, detachedPool: true, payload: true, pools: ExpectedPools(traffic: true))
    ) { run in
        let bed = try run.makeTestBed()
        let listener = try Listener()
        let pattern = PayloadPattern(seed: 62)
        let (receiver, expected) = try make(run, .zcrx, bed, pattern)
        let first = try run.step("notified: a pool of the provider is added") { try listener.next(run, .added, of: expected) }
        let socket = try hold(run, bed, receiver, pattern)
        try run.pools.observe()
        try run.step("interface removed") { try bed.remove() }
        let change = try run.step("notified: the pool changed, and has no interface") { () throws -> PagePool in
            while true {
                let change = try listener.next(run, .changed, of: expected)
                if change.ifindex == nil { return change }
            }
        }
        try run.expect(
            change.id == first.id && change.detachTime != nil && change.inflight > 0, "it is the first pool, detached, with net_iovs in flight",
            "\(change)")
        try run.expectDetachedPool(of: .zcrx)
        try run.userHolds(0)
        try run.step("all returned") {
            try receiver.returnAll(to: socket.rawValue)
            try (receiver as? ZeroCopyReceiver)?.flush()
        }
        let removal = try run.step("notified: the pool is removed") { try listener.next(run, .removed, of: expected) }
        try run.expect(
            removal.id == first.id && removal.inflight == 0 && removal.ifindex == nil, "it has no net_iov in flight, and no interface", "\(removal)")
        socket.close()
        try run.step("ring closed") { receiver.end() }
    }

    static let zcrxInDumps = inDumps(.zcrx)
    static let devmemInDumps = inDumps(.devmem)

    /// A dump without a device has every queue of every device that is up (`netdev_nl_queue_get_dumpit()`).
    private static func inDumps(_ provider: Provider) -> Scenario {
        Scenario(
            "\(provider.rawValue).report-in-dumps", "a dump of all devices reports the same queues and provider as a dump of one device",
            tier: .netdevsim, needs: provider.needs, expects: Expectation(provider: provider, minimumHolds: 256)
        ) { run in
            let bed = try run.makeTestBed(queues: 2, queue: 1)
            let (receiver, expected) = try make(run, provider, bed, PayloadPattern(seed: 63))
            try run.pools.observe()
            let netdev = try Netdev()
            let answers = Result { (all: try netdev.queues(), one: try netdev.queues(of: bed.ifindex), devices: try netdev.devices()) }
            let single = Result { try netdev.queue(bed.queue, of: bed.ifindex) }
            netdev.close()
            let (all, one, devices) = try answers.get()
            let queue = try single.get()
            try run.expect(
                one.first { $0.kind == .receive && $0.id == 1 }?.provider == expected, "the dump of one device reports \(expected)",
                "it reports \(one)")
            try run.expect(queue.provider == expected, "queue-get of the one queue reports the same", "it reports \(queue)")
            let same = all.filter { $0.ifindex == bed.ifindex }
            try run.expect(
                same == one, "the dump of all \(devices.count) devices reports the same queues of this device",
                "it reports \(same), and the dump of one device \(one)")
            let others = Set(all.map(\.ifindex)).subtracting([bed.ifindex])
            try run.expect(
                !others.isEmpty || devices.count < 2, "it reports queues of \(others.count) other devices", "it reports no queue of another device")
            try run.step("provider ended") { receiver.end() }
            try run.step("the queue has no provider") { try bed.waitUnbound(within: run.timeout(10)) }
        }
    }

    private static func report(_ provider: Provider) -> Scenario {
        // More than the driver posts, by less than a zcrx pool takes at a time (PP_ALLOC_CACHE_REFILL): after the first packet the pool has all.
        let pages = Netdevsim.ringSize + 44
        return Scenario(
            "\(provider.rawValue).report", "the queue, its pools and their changes are reported correctly over a restart with buffers held",
            tier: .netdevsim, needs: provider.needs.union([.queueReset]),
            expects: Expectation(
                provider: provider, minimumHolds: 256, zeroCopy: true, detachedPool: true, payload: true,
                // With zcrx the first pool has all net_iovs, and the second those that are released before the end.
                pools: ExpectedPools(count: 2, fewest: provider == .zcrx ? 1 : nil, buffers: UInt64(pages), traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let listener = try Listener()
            let pattern = PayloadPattern(seed: 61)
            let (receiver, expected) = try make(run, provider, bed, pattern, pages: pages)
            let first = try run.step("notified: a pool of the provider is added") { try listener.next(run, .added, of: expected) }
            try run.expect(first.ifindex == bed.ifindex && first.detachTime == nil, "it is a pool of the interface, and not detached", "\(first)")
            try expectReplies(run, bed, expected, first.id)

            let socket = try hold(run, bed, receiver, pattern)
            // A devmem pool takes net_iovs one by one: those that are posted, those that were delivered, and those of a segment received twice.
            let least = provider == .zcrx ? pages : Netdevsim.ringSize + receiver.heldNetIovs
            var inflight: UInt64?
            // The driver posts buffers again after it has passed on the packets.
            let reached = try run.pools.wait(within: run.timeout(5)) { records in
                inflight = records.first { $0.id == first.id }?.inflight
                return inflight.map { $0 >= UInt64(least) && $0 <= UInt64(pages) } == true
            }
            try run.expect(
                reached, "at least \(least) of \(pages) net_iovs are in flight: held by the user, posted, or in the cache of the pool",
                inflight.map { "\($0) are reported in flight" } ?? "the pool is not reported")
            try run.step("queue restarted") { try bed.resetQueue(mode: 1) }
            // The driver makes the new pool before it destroys the old one.
            let second = try run.step("notified: a second pool is added") { try listener.next(run, .added, of: expected) }
            let change = try run.step("notified: the first pool is changed") { try listener.next(run, .changed, of: expected) }
            try run.expect(change.id == first.id && change.detachTime != nil, "it is detached", "\(change)")
            try run.expectDetachedPool(of: provider)
            try expectReplies(run, bed, expected, second.id)

            try run.userHolds(0)
            try run.step("all returned") {
                try receiver.returnAll(to: socket.rawValue)
                try (receiver as? ZeroCopyReceiver)?.flush()
            }
            let removal = try run.step("notified: the first pool is removed") { try listener.next(run, .removed, of: expected) }
            try run.expect(removal.id == first.id && removal.inflight == 0, "it has no net_iov in flight", "\(removal)")
            socket.close()
            try run.step("provider ended") { receiver.end() }
            let last = try run.step("notified: the second pool is removed") { try listener.next(run, .removed, of: expected) }
            try run.expect(last.id == second.id && last.inflight == 0, "it has no net_iov in flight", "\(last)")
            try run.step("the queue has no provider") { try bed.waitUnbound(within: run.timeout(10)) }
        }
    }

    /// A connection of which the user holds all payload.
    private static func hold(
        _ run: ScenarioRun, _ bed: any TestBed, _ receiver: any ProviderReceiver, _ pattern: PayloadPattern
    ) throws -> Connection {
        let bytes: UInt64 = 40_000
        let socket = try bed.connect(run)
        try run.step("\(bytes) bytes received and held") {
            try bed.peer.send(pattern, bytes: bytes)
            try receiver.receive(from: socket.rawValue, total: bytes, hold: true, within: run.timeout(20))
        }
        run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.timeout(10)), complete: true)
        try run.userHolds(receiver.heldNetIovs)
        return socket
    }

    private static func make(
        _ run: ScenarioRun, _ provider: Provider, _ bed: any TestBed, _ pattern: PayloadPattern, pages: Int = 512
    ) throws -> (any ProviderReceiver, MemoryProvider) {
        if provider == .devmem {
            let receiver = try DevmemReceiver.make(run, bed: bed, pages: pages, pattern: pattern)
            return (receiver, .deviceMemory(dmabufID: receiver.binding))
        }
        // The reply has the length of a buffer since 7.0.
        return (try ZeroCopyReceiver.make(run, bed: bed, pages: pages, pattern: pattern), .ioUring(bufferLength: UInt64(ZeroCopyReceiver.pageBytes)))
    }

    /// queue-get and page-pool-get report the provider, and page-pool-get does so only in the namespace of the pool.
    private static func expectReplies(_ run: ScenarioRun, _ bed: any TestBed, _ expected: MemoryProvider, _ pool: UInt64) throws {
        let netdev = try Netdev()
        let answers = Result { (try netdev.queues(of: bed.ifindex), try netdev.pagePools()) }
        netdev.close()
        let (queues, pools) = try answers.get()
        let queue = queues.first { $0.kind == .receive && $0.id == bed.queue }
        try run.expect(queue?.provider == expected, "queue-get reports \(expected)", "it reports \(queue.map { "\($0)" } ?? "nothing")")
        let shown = pools.first { $0.id == pool }
        try run.expect(shown?.provider == expected, "page-pool-get reports \(expected)", "it reports \(shown.map { "\($0)" } ?? "nothing")")
        try run.expect(
            shown.map { $0.inflightBytes == $0.inflight * UInt64(ZeroCopyReceiver.pageBytes) } == true,
            "its inflight-mem is its inflight times the page size", "it reports \(shown.map { "\($0)" } ?? "nothing")")
        // The peer may be on another host, which has pools of its own.
        guard bed.peerIndex != nil else { return }
        let answer = try bed.peer.perform(.readPagePool(id: pool))
        try run.expect(
            answer.words == ["ENOENT", "ENOENT"] && answer.number == 0, "another namespace cannot read the pool",
            "there page-pool-get and page-pool-stats-get return \(answer.words), and the dump has the pool \(answer.number ?? 0) times")
    }

    /// Receives the notifications of a provider's pools in order.
    private final class Listener {
        private var netdev: Netdev?

        init() throws(KernelError) {
            var netdev = try Netdev()
            do throws(KernelError) {
                try netdev.subscribePagePools()
            } catch {
                netdev.close()
                throw error
            }
            self.netdev = consume netdev
        }

        deinit { netdev.take()?.close() }

        /// The next notification of one of the provider's pools, which must be of that kind.
        func next(_ run: ScenarioRun, _ expected: PagePoolNotification.Change, of provider: MemoryProvider) throws -> PagePool {
            let deadline = Deadline(seconds: run.timeout(10))
            // An idle CPU frees buffers that were deferred to it when it runs its receive softirq.
            let softirq = try ReceiveSoftirq()
            while !deadline.hasPassed {
                try softirq.runEverywhere()
                guard let notification = try netdev?.nextNotification(timeoutMilliseconds: 20), notification.pool.provider == provider else {
                    continue
                }
                guard notification.change == expected else {
                    throw ScenarioFailure("notified of \"\(notification.change)\" instead of \"\(expected)\": \(notification.pool)")
                }
                return notification.pool
            }
            throw ScenarioFailure("no notification within \(run.timeout(10)) s")
        }
    }
}
