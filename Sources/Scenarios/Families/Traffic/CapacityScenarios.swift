// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// Receives for which user space made too little room: what does not fit is delivered by the next, and no net_iov is lost in between. And
/// returns for which the pool has too little.
enum CapacityScenarios {
    static let all: [Scenario] = [
        controlMessages, completions, copiedCompletions, mixedCompletions, budget(end: false), budget(end: true), length, counted,
    ]

    /// What a receive answers that finds no room for a single token: ETOOSMALL, which errno.h has not.
    private static let tooSmall: CInt = 525

    private static let controlMessages = TrafficFamily.scenario(
        .devmem, "control-capacity", "control buffers with room for fewer tokens than there are net_iovs, and for none"
    ) { run in
        let bytes: UInt64 = 120_000
        let bed = try run.makeTestBed()
        let pattern = PayloadPattern(seed: 720)
        let receiver = try DevmemReceiver.make(run, bed: bed, pattern: pattern)
        let socket = try bed.connectWithUnread(run, pattern, bytes)
        for room in [1, 0, 2, 3, 0, 5] {
            let limits = DeviceMemory.Limits(bytes: 1 << 18, fragments: room)
            guard room > 0 else {
                var answer = "granted"
                do throws(KernelError) {
                    if let batch = try receiver.next(socket.rawValue, limits: limits) { answer = "\(batch.count) bytes" }
                } catch {
                    answer = error.code == tooSmall ? "ETOOSMALL" : "\(error)"
                }
                try run.expect(answer == "ETOOSMALL", "with room for no token it is refused with ETOOSMALL", "the answer was \(answer)")
                continue
            }
            let before = receiver.heldCount
            try run.step("received with room for \(room) tokens") {
                try receiver.receive(from: socket.rawValue, total: receiver.received + 1, hold: true, limits: limits, within: run.timeout(10))
            }
            let came = receiver.heldCount - before
            try run.expect(came == room, "\(room) came", "\(came) did")
        }
        // A token is the lowest number that is free: none may be higher than there are of them.
        let highest = receiver.held.map { $0.fragment.token }.max() ?? 0
        try run.expect(
            highest <= receiver.heldCount, "no token is lost to what was refused",
            "token \(highest) was given, and only \(receiver.heldCount) are out")
        try run.userHolds(receiver.heldNetIovs)
        try run.pools.observe()
        try run.step("the rest received and returned") {
            try receiver.receive(from: socket.rawValue, total: bytes, hold: false, within: run.timeout(10))
        }
        try run.step("\(receiver.heldCount) held fragments are as they came") { try receiver.recheckHeld() }
        run.payload = receiver.payload(sent: bytes, complete: true)
        try run.userHolds(0)
        try run.step("all given back") { try receiver.returnAll(to: socket.rawValue) }
        socket.close()
        try run.step("unbound") { receiver.unbind() }
    }

    /// A restart detaches the pool, so that its count shows what is out while the ring lives: a close would hide it, because the scrub takes
    /// every reference of the user back.
    private static let completions = TrafficFamily.scenario(
        .zcrx, "completion-capacity", "a completion queue of 8 entries, found full again and again",
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
        try run.step("\(rounds) times \(round) bytes unread, received and returned, asked for again where the queue was full") {
            for start in stride(from: 0, to: rounds * round, by: Int(round)) {
                try bed.peer.write(0, pattern, from: start, bytes: round, sizes: [4096])
                try socket.waitUnread(Int(round), within: run.timeout(10))
                _ = try bed.peer.written(0, within: run.timeout(10))
                full += try streams.receiveRearming(stream, start + round, within: run.timeout(20))
            }
        }
        try run.expect(full >= rounds, "the completion queue was found full in each", "\(full) times")
        run.payload = try streams.payload(sent: rounds * round)
        try run.pools.observe()
        try run.step("what was returned is taken") { try streams.settle() }
        try run.step("queue restarted") { try bed.resetQueue(mode: 1) }
        try run.expectDetachedInflight(0, of: .zcrx, "none is out")
        socket.close()
        try run.step("provider ended") { streams.end() }
    }

    /// A copy into a net_iov that cannot be told takes it back. Where it does not come home, fewer are left than there should be.
    private static let copiedCompletions = TrafficFamily.scenario(
        .zcrx, "copy-completion-capacity", "copies that find a completion queue of 8 entries full again and again", zeroCopy: false
    ) { run in
        let rounds = 30
        let bed = try run.makeTestBed()
        let streams = MultiStreamReceiver(try ZeroCopyReceiver.make(run, bed: bed, completions: 8, pattern: PayloadPattern(seed: 0)))
        try run.expectProviderPool()
        let pattern = PayloadPattern(seed: 723)
        let wire = try Loopback(run, pattern: pattern)
        let stream = streams.add(wire.receiver, pattern)
        var full = 0
        try run.step("\(rounds) times 65536 bytes copied and returned, asked for again where the queue was full") {
            for _ in 1...rounds {
                try wire.send(65_536, within: run.timeout(10))
                full += try streams.receiveRearming(stream, wire.sent, within: run.timeout(20))
                // Copies take what is free, and do not look at the refill ring.
                try streams.settle()
            }
        }
        try run.expect(full >= rounds, "the completion queue was found full in each", "\(full) times")
        try run.step("received and kept until it fails") {
            while streams.failure()?.code != ENOMEM {
                guard wire.sent < 8_000_000 else { throw ScenarioFailure("\(wire.sent) bytes found room in 512 pages") }
                try wire.send(16_384, within: run.timeout(10))
                do {
                    full += try streams.receiveRearming(stream, wire.sent, hold: true, within: run.timeout(20))
                } catch {
                    guard streams.failure()?.code == ENOMEM else { throw error }
                }
            }
        }
        try run.expect(
            streams.heldNetIovs == 512 - Netdevsim.ringSize, "every net_iov that is not posted is with the user",
            "\(streams.heldNetIovs) of \(512 - Netdevsim.ringSize) are")
        try run.step("all given back and flushed") {
            try streams.returnBuffers()
            try streams.settle()
        }
        streams.clearFailure(stream)
        try run.step("the rest received") { full += try streams.receiveRearming(stream, wire.sent, within: run.timeout(20)) }
        run.payload = try streams.payload(sent: wire.sent)
        try run.pools.observe()
        wire.receiver.close()
        try run.step("ring closed") { streams.end() }
    }

    /// Data comes in completions of 32 bytes, the end of a request in one of 16, so that the long ones begin at odd places, too.
    private static let mixedCompletions = TrafficFamily.scenario(
        .zcrx, "mixed-completions", "a ring whose completions are of two lengths (IORING_SETUP_CQE_MIXED), and 64 of the short ones long",
        pools: ExpectedPools(traffic: true)
    ) { run in
        do throws(KernelError) {
            try ZeroCopyReceive.Ring(setup: .zeroCopyReceiveMixed).close()
        } catch {
            guard error.code == EINVAL else { throw error }
            throw ScenarioSkip("this kernel has no rings of mixed completions (IORING_SETUP_CQE_MIXED)")
        }
        let (asked, rounds): (UInt32, UInt64) = (10_000, 60)
        let bytes = UInt64(asked) * (rounds + 1)
        let bed = try run.makeTestBed()
        let pattern = PayloadPattern(seed: 725)
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, completions: 64, setup: .zeroCopyReceiveMixed, pattern: pattern)
        let socket = try bed.connect(run)
        try socket.limitReceiveBuffer(16_384)
        try bed.peer.send(pattern, bytes: bytes)
        try run.step("\(rounds) times \(asked) bytes received and returned, each time by a request of its own") {
            for _ in 1...rounds {
                try receiver.hold(asked, from: socket.rawValue, within: run.timeout(10))
                try receiver.recheckHeld()
                try receiver.returnAll()
            }
        }
        try run.step("\(asked) more received and kept") {
            try receiver.hold(asked, from: socket.rawValue, within: run.timeout(10))
            try receiver.recheckHeld()
        }
        try run.userHolds(receiver.heldNetIovs)
        run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.timeout(10)), complete: receiver.received == bytes)
        try run.pools.observe()
        socket.close()
        try run.userEnds()
        try run.step("ring closed") { receiver.close() }
    }

    /// A receive of so many bytes and no more, which takes several calls.
    private static let length = TrafficFamily.scenario(
        .zcrx, "budget-length", "a receive of fewer bytes than lie unread, and of more skbs than one call takes: those bytes and no more",
        pools: ExpectedPools(buffers: 1024, traffic: true)
    ) { run in
        let (size, bytes, asked): (Int, UInt64, UInt64) = (100, 41_000, 38_050)
        let bed = try run.makeTestBed()
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: 1024, pattern: PayloadPattern(seed: 724))
        let socket = try bed.connect(run, 0)
        try socket.setReceiveBuffer(4 << 20)
        // Only what is under way already is called again; one that is submitted now would end, and be woken.
        try run.step("\(asked) bytes asked for") { try receiver.arm(UInt32(asked), from: socket.rawValue) }
        try run.step("\(bytes) bytes unread, in segments of \(size)") {
            try bed.sendSegments(run, socket, PayloadPattern(seed: 724), 0..<bytes, of: size)
        }
        try run.step("received up to the end of the request") { try receiver.holdRequested(within: run.timeout(10)) }
        try run.expect(receiver.received == asked, "what was asked for came and no more", "\(receiver.received) came")
        try run.userHolds(receiver.heldNetIovs)
        try run.step("the rest received and kept") {
            try receiver.receive(from: socket.rawValue, total: bytes, hold: true, within: run.timeout(10))
            try receiver.recheckHeld()
        }
        run.payload = try receiver.payload(sent: bytes, complete: true)
        try run.pools.observe()
        socket.close()
        try run.userEnds()
        try run.step("ring closed") { receiver.close() }
    }

    /// A call takes some 20 skbs (`IO_SKBS_PER_CALL_LIMIT`) and has itself called again, for nothing may come that would wake it. What is read
    /// when a receive is submitted is looked at once more in any case, so that it must be under way before.
    ///
    /// - Parameter end: the peer has closed, too. Then the kernel looks again by itself after the first call, not after the second.
    private static func budget(end: Bool) -> Scenario {
        TrafficFamily.scenario(
            .zcrx, end ? "budget-end" : "budget",
            "more skbs unread than one call takes, \(end ? "and the stream's end" : "and nothing after them that would wake the reader")",
            pools: ExpectedPools(buffers: 1024, traffic: true)
        ) { run in
            // An skb takes up to 17 net_iovs (MAX_SKB_FRAGS) of those that follow it: these are 24 skbs and more.
            let (size, bytes): (Int, UInt64) = (100, 41_000)
            let bed = try run.makeTestBed()
            let streams = try Provider.zcrx.makeStreams(run, bed: bed, pages: 1024)
            let socket = try bed.connect(run, 0)
            try socket.setReceiveBuffer(4 << 20)
            let pattern = PayloadPattern(seed: 722)
            let stream = streams.add(socket, pattern)
            try run.step("a receive under way") { try streams.arm(stream) }
            try run.step("\(bytes) bytes unread, in segments of \(size)") {
                try bed.sendSegments(run, socket, pattern, 0..<bytes, of: size)
                if end {
                    try bed.peer.shut(0)
                    try socket.waitPeerClosed(within: run.timeout(10))
                }
            }
            try run.step("all received and returned") { try streams.receive([stream: bytes], within: run.timeout(10)) }
            if end { try run.step("the end of the stream is told") { try streams.awaitEnd(stream, within: run.timeout(10)) } }
            run.payload = try streams.payload(sent: bytes)
            try run.expect(streams.deliveries >= 400, "each segment had a net_iov of its own", "only \(streams.deliveries) deliveries came")
            try run.pools.observe()
            socket.close()
            try run.step("ring closed") { streams.end() }
        }
    }

    /// More than the pool's ring takes: the rest goes home at once. Which went where is up to the pool, but each is counted once
    /// (`page_pool_put_unrefed_netmem()`).
    private static let counted = TrafficFamily.scenario(
        .devmem, "counted", "600 net_iovs given back at once: the pool's statistics count each, once", minimumHolds: 600,
        pools: ExpectedPools(buffers: 1024, traffic: true)
    ) { run in
        let many = 600
        let bed = try run.makeTestBed()
        let streams = try Provider.devmem.makeStreams(run, bed: bed, pages: 1024)
        let socket = try bed.connect(run, 0)
        let pattern = PayloadPattern(seed: 730)
        let stream = streams.add(socket, pattern)
        try run.step("received and kept until \(many) net_iovs are held") {
            while streams.heldNetIovs < many {
                let start = streams.received()
                try bed.peer.write(0, pattern, from: start, bytes: 16_384, sizes: [4096])
                try streams.receive([stream: start + 16_384], hold: true, within: run.timeout(10))
                _ = try bed.peer.written(0, within: run.timeout(10))
            }
        }
        // A segment sent again would take a net_iov of its own, and be counted.
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
            // A net_iov whose skb was freed on behalf of another CPU comes home with that CPU's next softirq.
            var counted = before
            try run.wait(timeout: 10) {
                counted = try returns(netdev, pool.id)
                return counted.all &- before.all >= held
            }
            let (all, full) = (counted.all &- before.all, counted.full &- before.full)
            try run.expect(
                all == held, "all \(held) are counted, \(full) of them as more than its ring took", "\(all) are, \(full) as too many for its ring")
        }
        netdev.close()
        try outcome.get()
        try streams.finish(run, socket, sent: streams.received())
    }

    /// Buffers that came back to a pool so far, by whichever way, and those of them that its ring had no room for.
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
