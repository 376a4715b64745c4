// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// Receives with too small a control buffer, completion queue or budget: the next receive delivers the rest, and no net_iov is lost. And returns
/// that exceed the ring of the pool.
enum CapacityScenarios {
    static let all: [Scenario] = [
        controlMessages, completions, copiedCompletions, mixedCompletions, budget(end: false), budget(end: true), length, counted,
    ]

    /// ETOOSMALL, which errno.h does not define: the errno of a receive whose control buffer takes no token.
    private static let tooSmall: CInt = 525

    private static let controlMessages = TrafficFamily.scenario(
        .devmem, "control-capacity", "control buffers that take fewer tokens than there are net_iovs, and none"
    ) { run in
        let bytes: UInt64 = 120_000
        let bed = try run.makeTestBed()
        let pattern = PayloadPattern(seed: 720)
        let receiver = try DevmemReceiver.make(run, bed: bed, pattern: pattern)
        let socket = try bed.connectWithUnread(run, pattern, bytes)
        for capacity in [1, 0, 2, 3, 0, 5] {
            let limits = DeviceMemory.Limits(bytes: 1 << 18, fragments: capacity)
            guard capacity > 0 else {
                var answer = "granted"
                do throws(KernelError) {
                    if let batch = try receiver.next(socket.rawValue, limits: limits) { answer = "\(batch.count) bytes" }
                } catch {
                    answer = error.code == tooSmall ? "ETOOSMALL" : "\(error)"
                }
                try run.expect(answer == "ETOOSMALL", "a receive whose control buffer takes no token: ETOOSMALL", "the result was \(answer)")
                continue
            }
            let before = receiver.heldCount
            try run.step("received with a control buffer for \(capacity) tokens") {
                try receiver.receive(from: socket.rawValue, total: receiver.received + 1, hold: true, limits: limits, within: run.timeout(10))
            }
            let delivered = receiver.heldCount - before
            try run.expect(delivered == capacity, "\(capacity) tokens were delivered", "\(delivered) were")
        }
        // A token is the lowest free number, so no token may be higher than the number of tokens.
        let highest = receiver.held.map { $0.fragment.token }.max() ?? 0
        try run.expect(
            highest <= receiver.heldCount, "the refused receives used no token",
            "the highest token is \(highest), and the user holds only \(receiver.heldCount)")
        try run.userHolds(receiver.heldNetIovs)
        try run.pools.observe()
        try run.step("the rest received and returned") {
            try receiver.receive(from: socket.rawValue, total: bytes, hold: false, within: run.timeout(10))
        }
        try run.step("\(receiver.heldCount) held fragments are unchanged") { try receiver.recheckHeld() }
        run.payload = receiver.payload(sent: bytes, complete: true)
        try run.userHolds(0)
        try run.step("all returned") { try receiver.returnAll(to: socket.rawValue) }
        socket.close()
        try run.step("unbound") { receiver.unbind() }
    }

    /// A restart detaches the pool, so that its inflight count is exact while the ring is open. A close would hide a lost net_iov, because the
    /// scrub takes every reference of the user.
    private static let completions = TrafficFamily.scenario(
        .zcrx, "completion-capacity", "a completion queue of 8 entries, which is full many times",
        pools: ExpectedPools(count: 2, traffic: true), needs: [.queueReset]
    ) { run in
        let (rounds, round): (UInt64, UInt64) = (8, 100_000)
        let bed = try run.makeTestBed()
        let streams = MultiStreamReceiver(try ZeroCopyReceiver.make(run, bed: bed, completions: 8, pattern: PayloadPattern(seed: 0)))
        let socket = try bed.connect(run, 0)
        let pattern = PayloadPattern(seed: 721)
        let stream = streams.add(socket, pattern)
        try socket.setReceiveBuffer(1 << 20)
        var full = 0
        try run.step("\(rounds) times \(round) bytes unread, received and returned, a receive submitted again each time the queue was full") {
            for start in stride(from: 0, to: rounds * round, by: Int(round)) {
                try bed.peer.write(0, pattern, from: start, bytes: round, sizes: [4096])
                try socket.waitUnread(Int(round), within: run.timeout(10))
                _ = try bed.peer.written(0, within: run.timeout(10))
                full += try streams.receiveRearming(stream, start + round, within: run.timeout(20))
            }
        }
        try run.expect(full >= rounds, "the completion queue was full at least \(rounds) times", "\(full) times")
        run.payload = try streams.payload(sent: rounds * round)
        try run.pools.observe()
        try run.step("refill ring flushed") { try streams.settle() }
        try run.step("queue restarted") { try bed.resetQueue(mode: 1) }
        try run.expectDetachedInflight(0, of: .zcrx, "no net_iov is in flight")
        socket.close()
        try run.step("provider ended") { streams.end() }
    }

    /// Where the completion queue is full, the kernel takes back the net_iov that it has copied into. If it lost one, fewer would be left.
    private static let copiedCompletions = TrafficFamily.scenario(
        .zcrx, "copy-completion-capacity", "copies with a completion queue of 8 entries, which is full many times", zeroCopy: false
    ) { run in
        let rounds = 30
        let bed = try run.makeTestBed()
        let streams = MultiStreamReceiver(try ZeroCopyReceiver.make(run, bed: bed, completions: 8, pattern: PayloadPattern(seed: 0)))
        try run.expectProviderPool()
        let pattern = PayloadPattern(seed: 723)
        let wire = try Loopback(run, pattern: pattern)
        let stream = streams.add(wire.receiver, pattern)
        var full = 0
        try run.step("\(rounds) times 65536 bytes copied and returned, a receive submitted again each time the queue was full") {
            for _ in 1...rounds {
                try wire.send(65_536, within: run.timeout(10))
                full += try streams.receiveRearming(stream, wire.sent, within: run.timeout(20))
                // Copies take free net_iovs, and none from the refill ring.
                try streams.settle()
            }
        }
        try run.expect(full >= rounds, "the completion queue was full at least \(rounds) times", "\(full) times")
        try run.step("received and held until a receive fails") {
            while streams.failure()?.code != ENOMEM {
                guard wire.sent < 8_000_000 else { throw ScenarioFailure("\(wire.sent) bytes were copied into 512 pages") }
                try wire.send(16_384, within: run.timeout(10))
                do {
                    full += try streams.receiveRearming(stream, wire.sent, hold: true, within: run.timeout(20))
                } catch {
                    guard streams.failure()?.code == ENOMEM else { throw error }
                }
            }
        }
        try TrafficFamily.returnAllNotPosted(run, streams)
        streams.clearFailure(stream)
        try run.step("the rest received") { full += try streams.receiveRearming(stream, wire.sent, within: run.timeout(20)) }
        run.payload = try streams.payload(sent: wire.sent)
        try run.pools.observe()
        wire.receiver.close()
        try run.step("ring closed") { streams.end() }
    }

    /// A delivery has a completion of 32 bytes, and the end of a request one of 16, so that a long one may begin at any entry.
    private static let mixedCompletions = TrafficFamily.scenario(
        .zcrx, "mixed-completions", "a ring of 64 entries with completions of two lengths (IORING_SETUP_CQE_MIXED)",
        pools: ExpectedPools(traffic: true)
    ) { run in
        do throws(KernelError) {
            try ZeroCopyReceive.Ring(setup: .zeroCopyReceiveMixed).close()
        } catch {
            guard error.code == EINVAL else { throw error }
            throw ScenarioSkip("this kernel has no rings of mixed completions (IORING_SETUP_CQE_MIXED)")
        }
        let (requested, rounds): (UInt32, UInt64) = (10_000, 60)
        let bytes = UInt64(requested) * (rounds + 1)
        let bed = try run.makeTestBed()
        let pattern = PayloadPattern(seed: 725)
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, completions: 64, setup: .zeroCopyReceiveMixed, pattern: pattern)
        let socket = try bed.connect(run)
        try socket.limitReceiveBuffer(16_384)
        try bed.peer.send(pattern, bytes: bytes)
        try run.step("\(rounds) times \(requested) bytes received and returned, each time by a new request") {
            for _ in 1...rounds {
                try receiver.hold(requested, from: socket.rawValue, within: run.timeout(10))
                try receiver.recheckHeld()
                try receiver.returnAll()
            }
        }
        try run.step("\(requested) more received and held") {
            try receiver.hold(requested, from: socket.rawValue, within: run.timeout(10))
            try receiver.recheckHeld()
        }
        try run.userHolds(receiver.heldNetIovs)
        run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.timeout(10)), complete: receiver.received == bytes)
        try run.pools.observe()
        socket.close()
        try run.userEnds()
        try run.step("ring closed") { receiver.close() }
    }

    /// A receive with a length, which takes several calls.
    private static let length = TrafficFamily.scenario(
        .zcrx, "budget-length", "a receive of fewer bytes than are unread, and of more skbs than one call takes, delivers exactly those bytes",
        pools: ExpectedPools(buffers: 1024, traffic: true)
    ) { run in
        let (size, bytes, requested): (Int, UInt64, UInt64) = (100, 41_000, 38_050)
        let bed = try run.makeTestBed()
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: 1024, pattern: PayloadPattern(seed: 724))
        let socket = try bed.connect(run, 0)
        try socket.setReceiveBuffer(4 << 20)
        // Submitted before the payload is sent: the kernel calls only a pending request several times.
        try run.step("receive of \(requested) bytes submitted") { try receiver.arm(UInt32(requested), from: socket.rawValue) }
        try run.step("\(bytes) bytes unread, in segments of \(size)") {
            try bed.sendSegments(run, socket, PayloadPattern(seed: 724), 0..<bytes, of: size)
        }
        try run.step("received up to the end of the request") { try receiver.holdRequested(within: run.timeout(10)) }
        try run.expect(receiver.received == requested, "exactly the requested bytes were delivered", "\(receiver.received) were")
        try run.userHolds(receiver.heldNetIovs)
        try run.step("the rest received and held") {
            try receiver.receive(from: socket.rawValue, total: bytes, hold: true, within: run.timeout(10))
            try receiver.recheckHeld()
        }
        run.payload = try receiver.payload(sent: bytes, complete: true)
        try run.pools.observe()
        socket.close()
        try run.userEnds()
        try run.step("ring closed") { receiver.close() }
    }

    /// A call takes about 20 skbs (`IO_SKBS_PER_CALL_LIMIT`) and must schedule another, as no later packet may wake the request. A receive reads
    /// twice in any case when it is submitted, so the scenario submits it before the payload is sent.
    ///
    /// - Parameter end: the peer has closed, too. Then the kernel reads again after the first call, and not after the second.
    private static func budget(end: Bool) -> Scenario {
        TrafficFamily.scenario(
            .zcrx, end ? "budget-end" : "budget",
            "more unread skbs than one call takes, \(end ? "and the end of the stream" : "and no later packet that would wake the reader")",
            pools: ExpectedPools(buffers: 1024, traffic: true)
        ) { run in
            // TCP merges up to 17 net_iovs (MAX_SKB_FRAGS) into an skb: these are at least 24 skbs.
            let (size, bytes): (Int, UInt64) = (100, 41_000)
            let bed = try run.makeTestBed()
            let streams = try Provider.zcrx.makeStreams(run, bed: bed, pages: 1024)
            let socket = try bed.connect(run, 0)
            try socket.setReceiveBuffer(4 << 20)
            let pattern = PayloadPattern(seed: 722)
            let stream = streams.add(socket, pattern)
            try run.step("receive submitted") { try streams.arm(stream) }
            try run.step("\(bytes) bytes unread, in segments of \(size)") {
                try bed.sendSegments(run, socket, pattern, 0..<bytes, of: size)
                if end {
                    try bed.peer.shut(0)
                    try socket.waitPeerClosed(within: run.timeout(10))
                }
            }
            try run.step("all received and returned") { try streams.receive([stream: bytes], within: run.timeout(10)) }
            if end { try run.step("the end of the stream is reported") { try streams.awaitEnd(stream, within: run.timeout(10)) } }
            run.payload = try streams.payload(sent: bytes)
            try run.expect(streams.deliveries >= 400, "each segment had a net_iov of its own", "there were only \(streams.deliveries) deliveries")
            try run.pools.observe()
            socket.close()
            try run.step("ring closed") { streams.end() }
        }
    }

    /// More than the ring of the pool takes: the pool releases the rest to the provider at once. The statistics count each net_iov once
    /// (`page_pool_put_unrefed_netmem()`).
    private static let counted = TrafficFamily.scenario(
        .devmem, "counted", "600 net_iovs returned at once: the pool's statistics count each once", minimumHolds: 600,
        pools: ExpectedPools(buffers: 1024, traffic: true)
    ) { run in
        let many = 600
        let (bed, streams, socket, stream, pattern) = try ProviderStream(run, .devmem, pages: 1024, seed: 730).parts
        try run.step("received and held until \(many) net_iovs are held") {
            while streams.heldNetIovs < many {
                let start = streams.received()
                try bed.peer.write(0, pattern, from: start, bytes: 16_384, sizes: [4096])
                try streams.receive([stream: start + 16_384], hold: true, within: run.timeout(10))
                _ = try bed.peer.written(0, within: run.timeout(10))
            }
        }
        // A retransmitted segment would take a net_iov of its own, and be counted.
        try run.step("all acknowledged") { try bed.peer.awaitAcknowledged(0, within: run.timeout(10)) }
        let held = UInt64(streams.heldNetIovs)
        try run.userHolds(Int(held))
        guard let pool = try run.pools.observe().first(where: { $0.provider == .devmem && !$0.detached }) else {
            throw ScenarioFailure("page-pool-get shows no pool of the binding")
        }
        let netdev = try Netdev()
        let outcome = Result {
            let before = try returns(netdev, pool.id)
            try streams.returnHeld(run)
            // A net_iov whose skb is freed by another CPU returns to the pool with that CPU's next softirq.
            var counted = before
            try run.wait(timeout: 10) {
                counted = try returns(netdev, pool.id)
                return counted.all &- before.all >= held
            }
            let (all, full) = (counted.all &- before.all, counted.full &- before.full)
            try run.expect(
                all == held, "all \(held) are counted, \(full) of them as recycle_ring_full", "\(all) are, \(full) as recycle_ring_full")
        }
        netdev.close()
        try outcome.get()
        try streams.finish(run, socket, sent: streams.received())
    }

    /// Buffers that returned to a pool so far: all, and those for which its ring had no space.
    private static func returns(_ netdev: borrowing Netdev, _ pool: UInt64) throws -> (all: UInt64, full: UInt64) {
        do throws(KernelError) {
            let counts = try netdev.pagePoolStats(pool)
            return (counts.recycleCached + counts.recycleRing + counts.recycleRingFull + counts.recycleReleasedRefcnt, counts.recycleRingFull)
        } catch {
            guard error.code == EOPNOTSUPP else { throw error }
            throw ScenarioSkip("this kernel's page pools have no statistics (CONFIG_PAGE_POOL_STATS)")
        }
    }
}
