// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// More returned buffers than the kernel takes at a time: a refill ring that wraps, and tokens for several calls.
enum ReturnScenarios {
    static let all: [Scenario] = [refillFlushed, refillTaken, refillRounded, tokens]

    private static let refillFlushed = refill(entries: 8, flush: true)
    private static let refillTaken = refill(entries: 64, flush: false)
    /// The kernel rounds them up to 64, and reports that.
    private static let refillRounded = refill(entries: 50, flush: false)

    /// A refill ring with fewer entries than are returned wraps: its entries are taken by a flush, or by the pool when it needs buffers.
    private static func refill(entries: Int, flush: Bool) -> Scenario {
        TrafficFamily.scenario(
            .zcrx, "refill-\(entries)",
            "a refill ring of \(entries) entries wraps, its entries taken by \(flush ? "a flush when it is full" : "the page pool")",
            minimumHolds: Netdevsim.certainPages, pools: ExpectedPools(buffers: UInt64(Netdevsim.certainPages), traffic: true)
        ) { run in
            let rounds = 40
            // More pages than there are buffers: one that the kernel does not take from the ring is missing.
            let portion = UInt64(max(8, entries / 4) * MappedMemory.pageSize)
            let bed = try run.makeTestBed()
            let streams = try Provider.zcrx.makeStreams(run, bed: bed, pages: Netdevsim.certainPages, refillEntries: UInt32(entries))
            let socket = try bed.connect(run, 0)
            try socket.limitReceiveBuffer(32_768)
            let pattern = PayloadPattern(seed: 706)
            let stream = streams.add(socket, pattern)
            try bed.peer.write(0, pattern, bytes: portion * UInt64(rounds), sizes: [1000])
            var returned = 0
            try run.step("\(rounds) times \(portion) bytes received, and as many buffers returned as the ring has free entries") {
                for round in 1...rounds {
                    try streams.receive([stream: portion * UInt64(round)], hold: true, within: run.timeout(20)) { streams.held.count >= 128 }
                    repeat {
                        returned += try streams.returnWhatFits()
                        if flush { try streams.settle() }
                    } while flush && !streams.held.isEmpty
                    // The receive ended because too many are held: the pool takes entries when the driver allocates buffers.
                    if streams.held.count >= 128 { bed.pokeNAPI() }
                }
            }
            try run.step("the rest received and returned") {
                let deadline = Deadline(seconds: run.timeout(20))
                while !streams.held.isEmpty || streams.received() < portion * UInt64(rounds) {
                    guard !deadline.hasPassed else { throw ScenarioFailure("\(streams.held.count) deliveries could not be returned") }
                    returned += try streams.returnWhatFits()
                    try streams.settle()
                    try streams.receive([stream: min(portion * UInt64(rounds), streams.received() + 4096)], hold: true, within: run.timeout(20))
                }
            }
            try run.expect(returned >= 4 * entries, "the ring wrapped four times", "\(returned) returns are fewer than four times \(entries)")
            run.payload = try streams.payload(sent: try bed.peer.written(0, within: run.timeout(10)))
            try run.pools.observe()
            socket.close()
            try run.step("ring closed") { streams.end() }
        }
    }

    /// More tokens than one call takes: 128 ranges, 1024 fragments (`sock_devmem_dontneed()`).
    private static let tokens = TrafficFamily.scenario(
        .devmem, "tokens", "more tokens than one call takes, returned one by one and in ranges"
    ) { run in
        let bytes: UInt64 = 150_000
        let (bed, streams, socket, stream, pattern) = try ProviderStream(run, .devmem, seed: 707).parts
        try run.step("\(bytes) bytes received in fragments of at most 100, all held") {
            try bed.peer.write(0, pattern, bytes: bytes, sizes: [4096])
            try streams.receive([stream: bytes], hold: true, limit: 100, within: run.timeout(20))
        }
        run.payload = try streams.payload(sent: try bed.peer.written(0, within: run.timeout(10)))
        try run.expect(streams.held.count > 1024, "the user holds more than 1024 tokens", "it holds \(streams.held.count)")
        try run.userHolds(streams.heldNetIovs)
        try run.pools.observe()
        try run.step("\(streams.held.count) held fragments are unchanged") { try streams.recheckHeld() }
        try run.userHolds(0)
        try run.step("every third token returned, one by one") { try streams.returnBuffers { $0.handle % 3 == 0 } }
        try run.step("the rest returned, in ranges") { try streams.returnBuffers() }
        socket.close()
        try run.step("unbound") { streams.end() }
    }
}
