// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// What the netdev family tells of a provider and its pools, to those who ask and to those who listen: whose a queue is, when a pool came,
/// was detached and went (net/core/page_pool_user.c).
enum NetlinkReportScenarios {
    static let zcrx = told(.zcrx)
    static let devmem = told(.devmem)

    /// A pool whose interface is gone is the namespace's, and told of without an interface (`page_pool_unreg_netdev()`).
    static let removed = Scenario(
        "zcrx.report-removed", "a pool that outlives its interface is told of as nobody's", tier: .netdevsim,
        needs: Provider.zcrx.needs.union([.removableInterface]),
        expects: Expectation(
            provider: .zcrx, minimumHolds: 256, zeroCopy: true, detachedPool: true, payload: true, pools: ExpectedPools(traffic: true))
    ) { run in
        let bed = try run.makeTestBed()
        let listener = try Listener()
        let pattern = PayloadPattern(seed: 62)
        let (receiver, expected) = try make(run, .zcrx, bed, pattern)
        let first = try run.step("a pool of the provider is added") { try listener.next(run, .added, of: expected) }
        let socket = try hold(run, bed, receiver, pattern)
        try run.pools.observe()
        try run.step("interface removed") { try bed.remove() }
        let change = try run.step("the pool is changed until it has no interface") { () throws -> PagePool in
            while true {
                let change = try listener.next(run, .changed, of: expected)
                if change.ifindex == nil { return change }
            }
        }
        try run.expect(
            change.id == first.id && change.detachTime != nil && change.inflight > 0, "it is the same, detached, with some in flight", "\(change)")
        try run.expectDetachedPool(of: .zcrx)
        try run.userHolds(0)
        try run.step("given back") {
            try receiver.returnAll(to: socket.rawValue)
            try (receiver as? ZeroCopyReceiver)?.flush()
        }
        let gone = try run.step("it is removed") { try listener.next(run, .removed, of: expected) }
        try run.expect(gone.id == first.id && gone.inflight == 0 && gone.ifindex == nil, "with none in flight, and no interface", "\(gone)")
        socket.close()
        try run.step("ring closed") { receiver.end() }
    }

    static let zcrxInDumps = inDumps(.zcrx)
    static let devmemInDumps = inDumps(.devmem)

    /// A dump without a device goes through all that are up, and has each queue of each (`netdev_nl_queue_get_dumpit()`).
    private static func inDumps(_ provider: Provider) -> Scenario {
        Scenario(
            "\(provider.rawValue).report-in-dumps", "a dump of every device tells of its queues, and of the provider, as those of one device do",
            tier: .netdevsim,
            needs: provider.needs, expects: Expectation(provider: provider, minimumHolds: 256)
        ) { run in
            let bed = try run.makeTestBed(queues: 2, queue: 1)
            let (receiver, expected) = try make(run, provider, bed, PayloadPattern(seed: 63))
            try run.pools.observe()
            let netdev = try Netdev()
            let answers = Result { (all: try netdev.queues(), one: try netdev.queues(of: bed.ifindex), devices: try netdev.devices()) }
            let single = Result { try netdev.queue(bed.queue, of: bed.ifindex) }
            netdev.close()
            let (all, one, devices) = try answers.get()
            let alone = try single.get()
            try run.expect(
                one.first { $0.kind == .receive && $0.id == 1 }?.provider == expected, "the dump of one device tells \(expected)", "it tells \(one)")
            try run.expect(alone.provider == expected, "so does the queue by itself", "it tells \(alone)")
            let its = all.filter { $0.ifindex == bed.ifindex }
            try run.expect(its == one, "the dump of all \(devices.count) devices has the same of it", "it has \(its), and the other \(one)")
            let others = Set(all.map(\.ifindex)).subtracting([bed.ifindex])
            try run.expect(!others.isEmpty || devices.count < 2, "and queues of \(others.count) more", "it has none of the others")
            try run.step("provider ended") { receiver.end() }
            try run.step("the queue has no provider") { try bed.waitUnbound(within: run.timeout(10)) }
        }
    }

    private static func told(_ provider: Provider) -> Scenario {
        // More than the driver posts, by less than a zcrx pool takes at a time (PP_ALLOC_CACHE_REFILL): it has all there are once a packet came.
        let pages = Netdevsim.ringSize + 44
        return Scenario(
            "\(provider.rawValue).report", "queue, pools and their changes are told as they are, through a restart with buffers held",
            tier: .netdevsim,
            needs: provider.needs.union([.queueReset]),
            expects: Expectation(
                provider: provider, minimumHolds: 256, zeroCopy: true, detachedPool: true, payload: true,
                // Of zcrx's the first pool has all, and the second what comes home before the end.
                pools: ExpectedPools(count: 2, fewest: provider == .zcrx ? 1 : nil, buffers: UInt64(pages), traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let listener = try Listener()
            let pattern = PayloadPattern(seed: 61)
            let (receiver, expected) = try make(run, provider, bed, pattern, pages: pages)
            let first = try run.step("a pool of the provider is added") { try listener.next(run, .added, of: expected) }
            try run.expect(first.ifindex == bed.ifindex && first.detachTime == nil, "it is the interface's and in use", "\(first)")
            try asked(run, bed, expected, first.id)

            let socket = try hold(run, bed, receiver, pattern)
            // devmem's takes them one by one, and has those that are posted or were delivered, and what a segment that came twice took.
            let least = provider == .zcrx ? pages : Netdevsim.ringSize + receiver.heldNetIovs
            var told: UInt64?
            // The driver posts anew when it has handed over what came.
            let right = try run.pools.wait(within: run.timeout(5)) { records in
                told = records.first { $0.id == first.id }?.inflight
                return told.map { $0 >= UInt64(least) && $0 <= UInt64(pages) } == true
            }
            try run.expect(
                right, "\(least) of \(pages) are in flight: with the user, posted, or in the pool's cache",
                "\(told.map(String.init) ?? "none") are told of")
            try run.step("queue restarted") { try bed.resetQueue(mode: 1) }
            // The driver makes the new pool before it gives the old one up.
            let second = try run.step("another is added") { try listener.next(run, .added, of: expected) }
            let change = try run.step("the first is changed") { try listener.next(run, .changed, of: expected) }
            try run.expect(change.id == first.id && change.detachTime != nil, "it is detached", "\(change)")
            try run.expectDetachedPool(of: provider)
            try asked(run, bed, expected, second.id)

            try run.userHolds(0)
            try run.step("given back") {
                try receiver.returnAll(to: socket.rawValue)
                try (receiver as? ZeroCopyReceiver)?.flush()
            }
            let gone = try run.step("the first is removed") { try listener.next(run, .removed, of: expected) }
            try run.expect(gone.id == first.id && gone.inflight == 0, "with none in flight", "\(gone)")
            socket.close()
            try run.step("provider ended") { receiver.end() }
            let last = try run.step("the second is removed") { try listener.next(run, .removed, of: expected) }
            try run.expect(last.id == second.id && last.inflight == 0, "with none in flight", "\(last)")
            try run.step("the queue has no provider") { try bed.waitUnbound(within: run.timeout(10)) }
        }
    }

    /// A connection of which the user keeps all that came.
    private static func hold(
        _ run: ScenarioRun, _ bed: any TestBed, _ receiver: any ProviderReceiver, _ pattern: PayloadPattern
    ) throws -> Connection {
        let bytes: UInt64 = 40_000
        let socket = try bed.connect(run)
        try run.step("\(bytes) bytes received and kept") {
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
        // What a buffer's length is stands in the answer from 7.0 on.
        return (try ZeroCopyReceiver.make(run, bed: bed, pages: pages, pattern: pattern), .ioUring(bufferLength: UInt64(ZeroCopyReceiver.pageBytes)))
    }

    /// queue-get and page-pool-get say the same.
    private static func asked(_ run: ScenarioRun, _ bed: any TestBed, _ expected: MemoryProvider, _ pool: UInt64) throws {
        let netdev = try Netdev()
        let answers = Result { (try netdev.queues(of: bed.ifindex), try netdev.pagePools()) }
        netdev.close()
        let (queues, pools) = try answers.get()
        let queue = queues.first { $0.kind == .receive && $0.id == bed.queue }
        try run.expect(queue?.provider == expected, "queue-get tells \(expected)", "it tells \(queue.map { "\($0)" } ?? "nothing")")
        let shown = pools.first { $0.id == pool }
        try run.expect(shown?.provider == expected, "page-pool-get tells \(expected)", "it tells \(shown.map { "\($0)" } ?? "nothing")")
        try run.expect(
            shown.map { $0.inflightBytes == $0.inflight * UInt64(ZeroCopyReceiver.pageBytes) } == true, "its bytes in flight are its net_iovs'",
            "it tells \(shown.map { "\($0)" } ?? "nothing")")
        // The peer may be on another host, which has pools of its own.
        guard bed.peerIndex != nil else { return }
        let answer = try bed.peer.perform(.readPagePool(id: pool))
        try run.expect(
            answer.words == ["ENOENT", "ENOENT"] && answer.number == 0, "another namespace cannot read the pool",
            "page-pool-get and page-pool-stats-get answer \(answer.words) there, and the dump has it \(answer.number ?? 0) times")
    }

    /// Hears the changes of a provider's pools in turn.
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

        /// The next change of one of the provider's pools, which must be of that kind.
        func next(_ run: ScenarioRun, _ wanted: PagePoolNotification.Change, of provider: MemoryProvider) throws -> PagePool {
            let deadline = Deadline(seconds: run.timeout(10))
            // What an idle CPU keeps is freed when it receives.
            let softirq = try ReceiveSoftirq()
            while !deadline.hasPassed {
                try softirq.runEverywhere()
                guard let heard = try netdev?.nextNotification(timeoutMilliseconds: 20), heard.pool.provider == provider else { continue }
                guard heard.change == wanted else { throw ScenarioFailure("\(heard.change) was told of \(heard.pool)") }
                return heard.pool
            }
            throw ScenarioFailure("not told within \(run.timeout(10)) s")
        }
    }
}
