// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// zcrx areas (io_uring/zcrx.c): dma-bufs, added areas, an area of more than 4 GiB, two queues of one ring, and areas that the kernel refuses.
enum ZcrxAreaScenarios {
    private static let needs = Provider.zcrx.needs
    private static let small = AreaMemory.smallPages
    private static let bytes: UInt64 = 200_000

    static let all: [Scenario] = dmabufs + areas + [far] + twoQueues

    // MARK: - dma-bufs

    private static let dmabufs: [Scenario] = [
        Scenario(
            "zcrx.dmabuf.copies", "copies into a dma-buf are refused \(attempts) times, and no refusal loses a buffer", tier: .netdevsim,
            needs: needs.union([.zcrxDMABuf]),
            expects: Expectation(provider: .zcrx, minimumHolds: 256, zeroCopy: true, payload: true, pools: ExpectedPools(traffic: true))
        ) { run in
            let stream: UInt64 = 2_000_000
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: 49)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: pattern, area: try AreaMemory(dmabufPages: 512))
            let wire = try Loopback(run, pattern: pattern)
            try wire.send(4096, within: run.timeout(10))
            try run.step("receive of loopback payload refused \(attempts) times: ENOMEM") {
                for _ in 0..<attempts {
                    do {
                        try receiver.receive(from: wire.receiver.rawValue, total: 1, hold: true, within: run.timeout(10))
                        throw ScenarioFailure("the kernel copied it")
                    } catch let error as KernelError {
                        guard error.code == ENOMEM else { throw error }
                        receiver.beginStream()
                    }
                }
            }
            let socket = try bed.connect(run, 0)
            try socket.limitReceiveBuffer(16_384)
            try run.step("\(attempts) net_iovs received and held, more than the driver posts") {
                try bed.peer.write(0, pattern, bytes: stream, sizes: [4096])
                while receiver.heldNetIovs < attempts {
                    guard receiver.received < stream else {
                        throw ScenarioFailure("all bytes were received in \(receiver.heldNetIovs) net_iovs")
                    }
                    try receiver.receive(from: socket.rawValue, total: receiver.received + 4096, hold: true, within: run.timeout(10))
                }
            }
            try run.userHolds(receiver.heldNetIovs)
            try run.step("the rest received and returned, held deliveries unchanged") {
                try receiver.receive(from: socket.rawValue, total: stream, hold: false, within: run.timeout(20))
                try receiver.recheckHeld()
            }
            run.payload = try receiver.payload(sent: try bed.peer.written(0, within: run.timeout(10)), complete: true)
            try run.pools.observe()
            socket.close()
            try run.userEnds()
            try run.step("ring closed") { receiver.close() }
        },
        Scenario(
            "zcrx.dmabuf.idle", "register a dma-buf as the area, receive nothing, close", tier: .netdevsim, needs: needs.union([.zcrxDMABuf]),
            expects: Expectation(provider: .zcrx, minimumHolds: 256, pools: ExpectedPools(traffic: false))
        ) { run in
            let bed = try run.makeTestBed()
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 40), area: try AreaMemory(dmabufPages: 512))
            try run.expectProviderPool()
            try run.step("ring closed") { receiver.close() }
        },
        traffic("dmabuf.receive", "receive into a dma-buf and return every buffer", [.zcrxDMABuf], hold: false) { _, run, bed, pattern in
            try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: pattern, area: try AreaMemory(dmabufPages: small))
        },
        traffic("dmabuf.held", "close the ring with buffers of a dma-buf held", [.zcrxDMABuf], hold: true) { _, run, bed, pattern in
            try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: pattern, area: try AreaMemory(dmabufPages: small))
        },
        traffic("region.kernel", "receive with a refill ring in kernel memory", [], hold: true) { _, run, bed, pattern in
            try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: pattern) { $0.refillMemory = .kernel }
        },
        Scenario(
            "zcrx.dmabuf.removed", "the interface is removed with buffers of a dma-buf held", tier: .netdevsim,
            needs: needs.union([.zcrxDMABuf, .removableInterface]),
            expects: Expectation(
                provider: .zcrx, minimumHolds: small, detachedPool: true, pools: ExpectedPools(buffers: UInt64(small), traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: 41)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: pattern, area: try AreaMemory(dmabufPages: small))
            try receiver.receiveAndRemove(run, bed, pattern)
            // The kernel has unmapped the dma-buf for the removed device; the process still can read its pages.
            try run.step("\(receiver.held.count) held deliveries are unchanged") { try receiver.recheckHeld() }
            try run.userEnds()
            try run.step("ring closed") { receiver.close() }
        },
    ]

    /// A scenario that receives, returns and holds payload with the receiver that `make` returns.
    ///
    /// - Parameter middle: done after the first bytes were received and returned.
    private static func traffic(
        _ name: String, _ summary: String, _ more: Set<Need>, pages: Int = small, hold: Bool,
        _ make: @escaping @Sendable (String, ScenarioRun, any TestBed, PayloadPattern) throws -> ZeroCopyReceiver,
        middle: @escaping @Sendable (ScenarioRun, ZeroCopyReceiver) throws -> Void = { _, _ in }
    ) -> Scenario {
        Scenario(
            "zcrx.\(name)", summary, tier: .netdevsim, needs: needs.union(more),
            expects: Expectation(
                provider: .zcrx, minimumHolds: min(pages, 256), zeroCopy: true, payload: true,
                pools: ExpectedPools(buffers: UInt64(pages), traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: 42)
            let receiver = try make(name, run, bed, pattern)
            try run.expectProviderPool()
            let socket = try bed.connect(run)
            try socket.limitReceiveBuffer(16_384)
            try bed.peer.send(pattern, bytes: 2 * bytes + AreaMemory.smallTurnover)
            try run.step("\(bytes) bytes received and returned") {
                try receiver.receive(from: socket.rawValue, total: bytes, hold: false, within: run.timeout(20))
            }
            try middle(run, receiver)
            try run.step("40000 bytes received and held") {
                try receiver.receive(from: socket.rawValue, total: bytes + 40_000, hold: true, within: run.timeout(20))
            }
            try run.userHolds(receiver.heldNetIovs)
            try run.step("the rest received and returned, \(receiver.held.count) held deliveries unchanged") {
                try receiver.receive(
                    from: socket.rawValue, total: 2 * bytes + AreaMemory.smallTurnover, hold: false, within: run.timeout(20))
                try receiver.recheckHeld()
            }
            run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.timeout(10)), complete: true)
            try run.pools.observe()
            if hold {
                try run.userEnds()
            } else {
                try run.userHolds(0)
                try run.step("all returned") { try receiver.returnAll() }
            }
            socket.close()
            try run.step("ring closed") { receiver.close() }
        }
    }

    /// More than the net_iovs of an area of 512 that the driver does not post.
    private static let attempts = 300

    // MARK: - Added areas

    /// Pages of an area: more than the driver posts, and fewer than the driver posts and the user holds together.
    private static let big = 320

    private static let areas: [Scenario] = [
        traffic(
            "area.add", "add an area to a live queue; buffers of both are received into and returned", [.zcrxAddArea], pages: 2 * small, hold: false
        ) {
            _, run, bed, pattern in
            try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: pattern)
        } middle: { run, receiver in
            try run.step("area added") { try receiver.addArea(try AreaMemory(pages: small)) }
        },
        traffic("area.held", "add areas to a live queue, and close with buffers held", [.zcrxAddArea], pages: 4 * 32, hold: true) {
            _, run, bed, pattern in
            try ZeroCopyReceiver.make(run, bed: bed, pages: 32, pattern: pattern)
        } middle: { run, receiver in
            try run.step("three areas added") { for _ in 0..<3 { try receiver.addArea(try AreaMemory(pages: 32)) } }
        },
        traffic("area.dmabuf", "add a dma-buf to a queue of a dma-buf", [.zcrxAddArea, .zcrxDMABuf], pages: 2 * small, hold: true) {
            _, run, bed, pattern in
            try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: pattern, area: try AreaMemory(dmabufPages: small))
        } middle: { run, receiver in
            try run.step("dma-buf added") { try receiver.addArea(try AreaMemory(dmabufPages: small)) }
        },
        Scenario(
            "zcrx.area.restart", "restart a queue with two areas in use: the buffers of both can be used again", tier: .netdevsim,
            needs: needs.union([.zcrxAddArea, .queueReset]),
            expects: Expectation(
                provider: .zcrx, minimumHolds: 2 * 256, zeroCopy: true, payload: true,
                pools: ExpectedPools(count: 2, buffers: UInt64(2 * big), traffic: true))
        ) { run in
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: 47)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: big, pattern: pattern)
            try run.step("area of the same size added") { try receiver.addArea(try AreaMemory(pages: big)) }
            let socket = try bed.connect(run, 0)
            /// Receives `bytes`, holds the first `count` net_iovs of them, and returns all at the end.
            func hold(_ count: Int, _ bytes: UInt64) throws {
                let start = receiver.received
                try run.step("\(bytes) bytes received, \(count) net_iovs of them held, then all returned") {
                    try bed.peer.write(0, pattern, from: start, bytes: bytes, sizes: [4096])
                    while receiver.heldNetIovs < count {
                        let next = min(receiver.received + 8192, start + bytes)
                        guard next > receiver.received else {
                            throw ScenarioFailure("\(bytes) bytes were received in \(receiver.heldNetIovs) net_iovs")
                        }
                        try receiver.receive(from: socket.rawValue, total: next, hold: true, within: run.timeout(10))
                    }
                    try receiver.receive(from: socket.rawValue, total: start + bytes, hold: false, within: run.timeout(20))
                    _ = try bed.peer.written(0, within: run.timeout(10))
                    try receiver.recheckHeld()
                    try receiver.returnAll()
                    try receiver.flush()
                }
                try run.pools.observe()
            }
            // The driver has posted 256: the second area is in use.
            try hold(big / 2, 1_400_000)
            try run.step("queue restarted") { try bed.resetQueue(mode: 1) }
            // More than one area has.
            try hold(big + 20, 2_200_000)
            run.payload = try receiver.payload(sent: receiver.received, complete: true)
            socket.close()
            try run.step("ring closed") { receiver.close() }
        },
        Scenario(
            "zcrx.area.refused", "areas that the kernel refuses to add to a live queue", tier: .netdevsim,
            needs: needs.union([.zcrxAddArea, .zcrxDMABuf, .removableInterface]),
            expects: Expectation(
                provider: .zcrx, minimumHolds: small + 4, pools: ExpectedPools(buffers: UInt64(small + 4), traffic: false))
        ) { run in
            let bed = try run.makeTestBed()
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: PayloadPattern(seed: 43))
            try run.expectProviderPool()
            func refused(
                _ what: String, _ errno: CInt, readOnlyArgument: Bool = false, _ change: (inout ZeroCopyReceive.Registration.Area) -> Void
            ) throws {
                let memory = try AreaMemory(pages: 4)
                var area = memory.registration
                change(&area)
                let locked = try ResourceCounters.lockedBytes()
                let error = receiver.attemptArea(area, readOnly: readOnlyArgument)
                let now = try ResourceCounters.lockedBytes()
                memory.close()
                try run.expectRefusal(error, errno, what)
                guard now == locked else { throw ScenarioFailure("\(locked) bytes were pinned before the refusal, and \(now) after it") }
            }
            try refused("a token other than 0", EINVAL) { $0.token = 1 }
            try refused("an unknown flag", EINVAL) { $0.flags = 1 << 31 }
            try refused("an address within a page", EINVAL) { $0.address += 8 }
            try refused("a length within a page", EINVAL) { $0.length -= 8 }
            try refused("no address", EFAULT) { $0.address = 0 }
            try refused("memory and a dma-buf's descriptor", EINVAL) { $0.dmabuf = 1 }
            try refused("a closed descriptor", EBADF) { ($0.address, $0.flags, $0.dmabuf) = (0, 1, 999) }
            let buffer = try AreaMemory(dmabufPages: 4)
            let error = receiver.attemptArea(buffer.registration)
            buffer.close()
            try run.expectRefusal(error, EINVAL, "a dma-buf for a queue of ordinary memory")
            try refused("an area whose token the kernel cannot write", EFAULT, readOnlyArgument: true) { _ in }
            // It gets the number that no refused area has used.
            try run.step("area granted") { try receiver.addArea(try AreaMemory(pages: 4)) }
            // The driver has posted fewer buffers than its ring has entries, and allocates more when any packet is received.
            try run.step("pool has taken the buffers of the added area") {
                bed.pokeNAPI()
                let taken = try run.pools.wait(within: run.timeout(10)) { $0.contains { $0.provider == .zcrx && $0.inflight == UInt64(small + 4) } }
                guard taken else { throw ScenarioFailure("the pool does not have \(small + 4) net_iovs in flight") }
            }
            try run.step("interface removed") { try bed.remove() }
            try refused("an area for a queue of the removed interface", EFAULT) { _ in }
            try run.step("ring closed") { receiver.close() }
        },
    ]

    /// The free list begins at the end of the area, so the first buffers have offsets that need more than 32 bits.
    private static let far = Scenario(
        "zcrx.area.far", "an area of more than 4 GiB: buffers above 4 GiB are delivered with their offset, and can be returned", tier: .netdevsim,
        needs: needs.union([.hugePages, .zcrxFlush, .queueReset, .repeatedMappings]),
        expects: Expectation(
            provider: .zcrx, minimumHolds: 256, zeroCopy: true, payload: true, pools: ExpectedPools(count: 2, buffers: farPages, traffic: true))
    ) { run in
        let bed = try run.makeTestBed()
        try run.reserveHugePages()
        let memory = try run.step("one huge page mapped 2049 times at consecutive addresses") { try AreaMemory(hugePage: 2049) }
        let pattern = PayloadPattern(seed: 51)
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: Int(farPages), pattern: pattern, area: memory)
        try run.expectProviderPool()
        let socket = try bed.connect(run, 0)
        try socket.limitReceiveBuffer(16_384)
        try run.step("100000 bytes received and held") {
            try bed.peer.write(0, pattern, bytes: 100_000, sizes: [4096])
            try receiver.receive(from: socket.rawValue, total: 100_000, hold: true, within: run.timeout(20))
        }
        _ = try bed.peer.written(0, within: run.timeout(10))
        let lowest = receiver.held.map { $0.areaOffset }.min() ?? 0
        try run.expect(lowest >= 1 << 32, "all buffers are above 4 GiB", "there is a buffer at \(lowest)")
        try run.userHolds(receiver.heldNetIovs)
        run.payload = try receiver.payload(sent: 100_000, complete: true)
        try run.pools.observe()
        try run.userHolds(0)
        try run.step("all returned and flushed") {
            try receiver.returnAll()
            try receiver.flush()
        }
        // A restart detaches the pool, so that its inflight count is exact.
        try run.step("queue restarted") { try bed.resetQueue(mode: 1) }
        try run.expectDetachedInflight(0, of: .zcrx, "no net_iov is in flight")
        socket.close()
        try run.step("ring closed") { receiver.close() }
    }
    private static let farPages: UInt64 = 2049 << 9

    // MARK: - Several queues of a ring

    /// Each queue of a ring has an area and a refill ring of its own. The queue that is registered second receives the payload, and buffers are
    /// returned to it.
    private static let twoQueues: [Scenario] = [(ZeroCopyReceive.Registration.RefillMemory.user, "user"), (.kernel, "kernel")].map { memory, name in
        Scenario(
            "zcrx.two-queues.\(name)",
            "two queues of one ring, their refill rings in \(name == "user" ? "user" : "kernel") memory: each queue has a refill ring of its own",
            tier: .netdevsim, needs: needs,
            expects: Expectation(
                provider: .zcrx, minimumHolds: 2 * small, zeroCopy: true, payload: true,
                pools: ExpectedPools(count: 2, buffers: UInt64(small), traffic: true))
        ) { run in
            let stream = 2 * bytes
            let bed = try run.makeTestBed(queues: 2)
            let pattern = PayloadPattern(seed: 52)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: pattern, first: 1) { $0.refillMemory = memory }
            try bed.expectProviders(run, on: [0, 1], "each queue has a provider")
            let socket = try bed.connect(run)
            try socket.limitReceiveBuffer(16_384)
            try bed.peer.send(pattern, bytes: stream)
            try run.step("\(stream) bytes received, more than the area has, the last 20000 held") {
                try receiver.receive(from: socket.rawValue, total: stream - 20_000, hold: false, within: run.timeout(20))
                try receiver.receive(from: socket.rawValue, total: stream, hold: true, within: run.timeout(20))
            }
            try run.userHolds(receiver.heldNetIovs)
            run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.timeout(10)), complete: true)
            try run.pools.observe()
            socket.close()
            try run.userEnds()
            try run.step("ring closed") { receiver.close() }
        }
    }
}
