// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// What zcrx does beyond receiving into one area (io_uring/zcrx.c): dma-bufs, further areas, queues shared between rings,
/// events and counts of copies, and the refusals that go with them.
enum BeyondScenarios {
    static let needs = ZeroCopyScenarios.needs
    static let small = HostileScene.pages
    static let bytes: UInt64 = 200_000

    static let all: [Scenario] = dmabufs + areas + [far] + buffers + adding + besides + refusals + events + sharing

    // MARK: - dma-bufs

    static func dmabuf(_ pages: Int) throws -> AreaMemory {
        AreaMemory(dmabuf: try UserDMABuf(size: pages * MappedMemory.pageSize))
    }

    private static let dmabufs: [Scenario] = [
        Scenario(
            "beyond.dmabuf.copies", "what would be copied into a dma-buf is refused, \(attempts) times, and costs no buffer", tier: .netdevsim,
            needs: needs.union([.zcrxDMABuf]),
            expects: Expectation(provider: .zcrx, minimumHolds: 256, zeroCopy: true, payload: true, pools: ExpectedPools(traffic: true))
        ) { run in
            let stream: UInt64 = 2_000_000
            let bed = try TestBed.make(run)
            let pattern = PayloadPattern(seed: 49)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: pattern, area: try dmabuf(512))
            let wire = try Loopback(run, pattern: pattern)
            try wire.send(4096, within: run.patience(10))
            try run.step("what came over loopback refused \(attempts) times: ENOMEM") {
                for _ in 0..<attempts {
                    do {
                        try receiver.receive(from: wire.receiver.rawValue, total: 1, keep: true, within: run.patience(10))
                        throw ScenarioFailure("it was copied")
                    } catch let error as KernelError {
                        guard error.code == ENOMEM else { throw error }
                        receiver.beginStream()
                    }
                }
            }
            let socket = try bed.connect(run, 0)
            try socket.limitUnread(16_384)
            try run.step("\(attempts) net_iovs received and kept, more than the driver posts") {
                try bed.peer.write(0, pattern, bytes: stream, sizes: [4096])
                while receiver.heldNetIovs < attempts {
                    guard receiver.received < stream else { throw ScenarioFailure("all came in \(receiver.heldNetIovs) net_iovs") }
                    try receiver.receive(from: socket.rawValue, total: receiver.received + 4096, keep: true, within: run.patience(10))
                }
            }
            try run.userHolds(receiver.heldNetIovs)
            try run.step("the rest received and returned, what is held is as it came") {
                try receiver.receive(from: socket.rawValue, total: stream, keep: false, within: run.patience(20))
                try receiver.recheckHeld()
            }
            run.payload = try receiver.payload(sent: try bed.peer.written(0, within: run.patience(10)), complete: true)
            try run.pools.observe()
            socket.close()
            try run.userEnds()
            try run.step("ring closed") { receiver.close() }
        },
        Scenario(
            "beyond.dmabuf.idle", "register a dma-buf as the area and close it idle", tier: .netdevsim, needs: needs.union([.zcrxDMABuf]),
            expects: Expectation(provider: .zcrx, minimumHolds: 256, pools: ExpectedPools(traffic: false))
        ) { run in
            let bed = try TestBed.make(run)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pattern: PayloadPattern(seed: 40), area: try dmabuf(512))
            try ZeroCopyScenarios.seeProvider(run)
            try run.step("ring closed") { receiver.close() }
        },
        traffic("dmabuf.receive", "receive into a dma-buf and return every buffer", [.zcrxDMABuf], keep: false) { _, run, bed, pattern in
            try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: pattern, area: try dmabuf(small))
        },
        traffic("dmabuf.held", "close the ring with buffers of a dma-buf held", [.zcrxDMABuf], keep: true) { _, run, bed, pattern in
            try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: pattern, area: try dmabuf(small))
        },
        traffic("region.kernel", "receive with a refill ring in memory of the kernel", [], keep: true) { _, run, bed, pattern in
            try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: pattern) { $0.refillMemory = .kernel }
        },
        Scenario(
            "beyond.dmabuf.removed", "the interface is removed with buffers of a dma-buf held", tier: .netdevsim,
            needs: needs.union([.zcrxDMABuf, .removableInterface]),
            expects: Expectation(
                provider: .zcrx, minimumHolds: small, detachedPool: true, pools: ExpectedPools(buffers: UInt64(small), traffic: true))
        ) { run in
            let bed = try TestBed.make(run)
            let pattern = PayloadPattern(seed: 41)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: pattern, area: try dmabuf(small))
            let socket = try bed.connect(run)
            try run.step("50000 bytes received and kept") {
                try bed.peer.send(pattern, bytes: 50_000)
                try receiver.receive(from: socket.rawValue, total: 50_000, keep: true, within: run.patience(20))
            }
            try run.userHolds(receiver.heldNetIovs)
            try run.pools.observe()
            try run.step("interface removed") { try bed.remove() }
            try ZeroCopyScenarios.seeDetached(run, .zcrx)
            // The dma-buf's mapping for the device has gone with it; its pages are the user's to read.
            try run.step("\(receiver.held.count) held deliveries are as they came") { try receiver.recheckHeld() }
            try run.userEnds()
            try run.step("ring closed") { receiver.close() }
        },
    ]

    /// A scenario of plain traffic over a receiver that is made in a way of its own.
    private static func traffic(
        _ name: String, _ summary: String, _ more: Set<Need>, pages: Int = small, keep: Bool,
        _ make: @escaping @Sendable (String, ScenarioRun, TestBed, PayloadPattern) throws -> ZeroCopyReceiver,
        middle: @escaping @Sendable (ScenarioRun, ZeroCopyReceiver) throws -> Void = { _, _ in }
    ) -> Scenario {
        Scenario(
            "beyond.\(name)", summary, tier: .netdevsim, needs: needs.union(more),
            expects: Expectation(
                provider: .zcrx, minimumHolds: min(pages, 256), zeroCopy: true, payload: true,
                pools: ExpectedPools(buffers: UInt64(pages), traffic: true))
        ) { run in
            let bed = try TestBed.make(run)
            let pattern = PayloadPattern(seed: 42)
            let receiver = try make(name, run, bed, pattern)
            try ZeroCopyScenarios.seeProvider(run)
            let socket = try bed.connect(run)
            try socket.limitUnread(16_384)
            try bed.peer.send(pattern, bytes: 2 * bytes + HostileScene.turn)
            try run.step("\(bytes) bytes received and returned") {
                try receiver.receive(from: socket.rawValue, total: bytes, keep: false, within: run.patience(20))
            }
            try middle(run, receiver)
            try run.step("40000 bytes received and kept") {
                try receiver.receive(from: socket.rawValue, total: bytes + 40_000, keep: true, within: run.patience(20))
            }
            try run.userHolds(receiver.heldNetIovs)
            try run.step("the rest received and returned, \(receiver.held.count) held deliveries are as they came") {
                try receiver.receive(
                    from: socket.rawValue, total: 2 * bytes + HostileScene.turn, keep: false, within: run.patience(20))
                try receiver.recheckHeld()
            }
            run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.patience(10)), complete: true)
            try run.pools.observe()
            if keep {
                try run.userEnds()
            } else {
                try run.userHolds(0)
                try run.step("given back") { try receiver.returnAll() }
            }
            socket.close()
            try run.step("ring closed") { receiver.close() }
        }
    }

    /// More than the net_iovs that the driver leaves in an area of 512.
    private static let attempts = 300

    // MARK: - Further areas

    /// Pages of an area that is more than the driver posts, and less than it and a user who keeps as much.
    private static let big = 320

    private static let areas: [Scenario] = [
        traffic("areas.add", "add an area to a live queue; buffers of both come and go", [.zcrxAddArea], pages: 2 * small, keep: false) {
            _, run, bed, pattern in
            try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: pattern)
        } middle: { run, receiver in
            try run.step("area added") { try receiver.addArea(try AreaMemory(pages: small)) }
        },
        traffic("areas.held", "add areas to a live queue, and close with buffers held", [.zcrxAddArea], pages: 4 * 32, keep: true) {
            _, run, bed, pattern in
            try ZeroCopyReceiver.make(run, bed: bed, pages: 32, pattern: pattern)
        } middle: { run, receiver in
            try run.step("three areas added") { for _ in 0..<3 { try receiver.addArea(try AreaMemory(pages: 32)) } }
        },
        traffic("areas.dmabuf", "add a dma-buf to a queue of a dma-buf", [.zcrxAddArea, .zcrxDMABuf], pages: 2 * small, keep: true) {
            _, run, bed, pattern in
            try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: pattern, area: try dmabuf(small))
        } middle: { run, receiver in
            try run.step("dma-buf added") { try receiver.addArea(try dmabuf(small)) }
        },
        Scenario(
            "beyond.areas.restart", "two areas, both in use, and the queue restarted: the buffers of both can be had again", tier: .netdevsim,
            needs: needs.union([.zcrxAddArea, .queueReset]),
            expects: Expectation(
                provider: .zcrx, minimumHolds: 2 * 256, zeroCopy: true, payload: true,
                pools: ExpectedPools(count: 2, buffers: UInt64(2 * big), traffic: true))
        ) { run in
            let bed = try TestBed.make(run)
            let pattern = PayloadPattern(seed: 47)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: big, pattern: pattern)
            try run.step("an area as big added") { try receiver.addArea(try AreaMemory(pages: big)) }
            let socket = try bed.connect(run, 0)
            /// Keeps so many net_iovs, receives the rest of the bytes, and gives all back.
            func keep(_ wanted: Int, _ bytes: UInt64) throws {
                let start = receiver.received
                try run.step("\(bytes) bytes received, \(wanted) net_iovs of them kept, then all returned") {
                    try bed.peer.write(0, pattern, from: start, bytes: bytes, sizes: [4096])
                    while receiver.heldNetIovs < wanted {
                        let next = min(receiver.received + 8192, start + bytes)
                        guard next > receiver.received else { throw ScenarioFailure("\(bytes) bytes came in \(receiver.heldNetIovs) net_iovs") }
                        try receiver.receive(from: socket.rawValue, total: next, keep: true, within: run.patience(10))
                    }
                    try receiver.receive(from: socket.rawValue, total: start + bytes, keep: false, within: run.patience(20))
                    _ = try bed.peer.written(0, within: run.patience(10))
                    try receiver.recheckHeld()
                    try receiver.returnAll()
                    try receiver.flush()
                }
                try run.pools.observe()
            }
            // The driver has 256 posted: the second area is begun.
            try keep(big / 2, 1_400_000)
            try run.step("queue restarted") { try bed.resetQueue(mode: 1) }
            // More than one area has.
            try keep(big + 20, 2_200_000)
            run.payload = try receiver.payload(sent: receiver.received, complete: true)
            socket.close()
            try run.step("ring closed") { receiver.close() }
        },
        Scenario(
            "beyond.areas.refused", "areas that a live queue does not take", tier: .netdevsim,
            needs: needs.union([.zcrxAddArea, .zcrxDMABuf, .removableInterface]),
            expects: Expectation(
                provider: .zcrx, minimumHolds: small + 4, pools: ExpectedPools(buffers: UInt64(small + 4), traffic: false))
        ) { run in
            let bed = try TestBed.make(run)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: PayloadPattern(seed: 43))
            try ZeroCopyScenarios.seeProvider(run)
            func refused(
                _ what: String, _ errno: CInt, frozen: Bool = false, _ change: (inout ZeroCopyReceive.Registration.Area) -> Void
            ) throws {
                let memory = try AreaMemory(pages: 4)
                var area = memory.registration
                change(&area)
                let locked = try ResourceCounters.lockedBytes()
                let error = receiver.attemptArea(area, frozen: frozen)
                let now = try ResourceCounters.lockedBytes()
                memory.close()
                try expect(run, error, errno, what)
                guard now == locked else { throw ScenarioFailure("\(locked) bytes were pinned before that refusal, \(now) are after it") }
            }
            try refused("a token of its own", EINVAL) { $0.token = 1 }
            try refused("an unknown flag", EINVAL) { $0.flags = 1 << 31 }
            try refused("an address within a page", EINVAL) { $0.address += 8 }
            try refused("a length within a page", EINVAL) { $0.length -= 8 }
            try refused("no address", EFAULT) { $0.address = 0 }
            try refused("memory and a dma-buf's descriptor", EINVAL) { $0.dmabuf = 1 }
            try refused("a descriptor that is not there", EBADF) { ($0.address, $0.flags, $0.dmabuf) = (0, 1, 999) }
            let buffer = try dmabuf(4)
            let error = receiver.attemptArea(buffer.registration)
            buffer.close()
            try expect(run, error, EINVAL, "a dma-buf beside ordinary memory")
            try refused("an area whose token cannot be written", EFAULT, frozen: true) { _ in }
            // Which has the number that none of those took.
            try run.step("an area granted") { try receiver.addArea(try AreaMemory(pages: 4)) }
            // Any packet has the driver, which has posted fewer than it would, come for them.
            try run.step("its buffers taken up") {
                bed.nudge()
                let taken = try run.pools.wait(within: run.patience(10)) { $0.contains { $0.provider == .zcrx && $0.inflight == UInt64(small + 4) } }
                guard taken else { throw ScenarioFailure("the pool has not come to \(small + 4) net_iovs") }
            }
            try run.step("interface removed") { try bed.remove() }
            try refused("an area for a queue that is gone", EFAULT) { _ in }
            try run.step("ring closed") { receiver.close() }
        },
    ]

    /// The free list begins at the area's end, so what is received first lies beyond what 32 bits reach.
    private static let far = Scenario(
        "beyond.areas.far", "an area of more than 4 GiB of addresses: buffers beyond are told as what they are, and taken back", tier: .netdevsim,
        needs: needs.union([.hugePages, .zcrxFlush, .queueReset, .repeatedMappings]),
        expects: Expectation(
            provider: .zcrx, minimumHolds: 256, zeroCopy: true, payload: true, pools: ExpectedPools(count: 2, buffers: farPages, traffic: true))
    ) { run in
        let bed = try TestBed.make(run)
        try HugePages.reserve(run)
        let memory = try run.step("a huge page mapped 2049 times, one after the other") { try AreaMemory(hugePage: 2049) }
        let pattern = PayloadPattern(seed: 51)
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: Int(farPages), pattern: pattern, area: memory)
        try ZeroCopyScenarios.seeProvider(run)
        let socket = try bed.connect(run, 0)
        try socket.limitUnread(16_384)
        try run.step("100000 bytes received and kept") {
            try bed.peer.write(0, pattern, bytes: 100_000, sizes: [4096])
            try receiver.receive(from: socket.rawValue, total: 100_000, keep: true, within: run.patience(20))
        }
        _ = try bed.peer.written(0, within: run.patience(10))
        let lowest = receiver.held.map { $0.areaOffset }.min() ?? 0
        try run.expect(lowest >= 1 << 32, "all lies beyond 4 GiB", "there is a buffer at \(lowest)")
        try run.userHolds(receiver.heldNetIovs)
        run.payload = try receiver.payload(sent: 100_000, complete: true)
        try run.pools.observe()
        try run.userHolds(0)
        try run.step("all returned and flushed") {
            try receiver.returnAll()
            try receiver.flush()
        }
        // A restart detaches the pool, so that its count shows what is out.
        try run.step("queue restarted") { try bed.resetQueue(mode: 1) }
        try TrafficScenarios.count(run, .zcrx, 0, "none is out")
        socket.close()
        try run.step("ring closed") { receiver.close() }
    }
    private static let farPages: UInt64 = 2049 << 9

    // MARK: - Several queues of a ring

    /// What a ring's queues have of their own: the second is the one that payload comes by, and that buffers are returned to.
    private static let besides: [Scenario] = [(ZeroCopyReceive.Registration.RefillMemory.user, "user"), (.kernel, "kernel")].map { memory, name in
        Scenario(
            "beyond.beside.\(name)",
            "two queues of one ring, their refill rings in memory of the \(name == "user" ? "process" : "kernel"): each has its own",
            tier: .netdevsim, needs: needs,
            expects: Expectation(
                provider: .zcrx, minimumHolds: 2 * small, zeroCopy: true, payload: true,
                pools: ExpectedPools(count: 2, buffers: UInt64(small), traffic: true))
        ) { run in
            let stream = 2 * bytes
            let bed = try TestBed.make(run, queues: 2)
            let pattern = PayloadPattern(seed: 52)
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: pattern, beside: 1) { $0.refillMemory = memory }
            try bed.expectProviders(run, on: [0, 1], "each queue has a provider")
            let socket = try bed.connect(run)
            try socket.limitUnread(16_384)
            try bed.peer.send(pattern, bytes: stream)
            try run.step("\(stream) bytes received, more than the area holds, the last kept") {
                try receiver.receive(from: socket.rawValue, total: stream - 20_000, keep: false, within: run.patience(20))
                try receiver.receive(from: socket.rawValue, total: stream, keep: true, within: run.patience(20))
            }
            try run.userHolds(receiver.heldNetIovs)
            run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.patience(10)), complete: true)
            try run.pools.observe()
            socket.close()
            try run.userEnds()
            try run.step("ring closed") { receiver.close() }
        }
    }

    static func expect(_ run: ScenarioRun, _ error: KernelError?, _ errno: CInt, _ what: String) throws {
        let name = KernelError("", errno: .init(rawValue: errno)).codeName
        try run.expect(error?.code == errno, "\(what): \(name)", error.map { "\($0)" } ?? "it was granted")
    }
}

extension ZeroCopyReceiver {
    /// Gives the live queue one more area, which the receiver takes over.
    func addArea(_ memory: AreaMemory) throws {
        do {
            try with { parts in
                let token = try parts.ring.addArea(memory.registration, queue: parts.queue.id)
                guard token >> ZeroCopyReceive.areaShift == UInt64(parts.areas.count) else {
                    throw ScenarioFailure("area \(parts.areas.count) has the token \(token)")
                }
                parts.areas.append(memory)
            }
        } catch {
            memory.close()
            throw error
        }
    }

    /// The refusal of an area; nil where it was granted.
    ///
    /// - Parameter frozen: whether the kernel can only read the request.
    func attemptArea(_ area: ZeroCopyReceive.Registration.Area, frozen: Bool = false) -> KernelError? {
        refusal { parts in
            if frozen { return try parts.ring.addAreaReadOnlyArgument(area, queue: parts.queue.id) }
            _ = try parts.ring.addArea(area, queue: parts.queue.id)
        }
    }

    /// The refusal to arm an event again; nil where it was granted.
    func attemptArming(_ event: ZeroCopyReceive.Event) -> KernelError? {
        refusal { parts in try parts.ring.armEvent(event, queue: parts.queue.id) }
    }

    private func refusal(_ body: (inout Registered) throws -> Void) -> KernelError? {
        do {
            try with(body)
            return nil
        } catch let error as KernelError {
            return error
        } catch {
            return KernelError("\(error)", errno: .init(rawValue: EIO))
        }
    }
}
