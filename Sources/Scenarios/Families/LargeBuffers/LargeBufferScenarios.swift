// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// Receive buffers larger than a page (`rx_buf_len` of io_uring/zcrx.c): chunks of huge pages, in a page pool with an order above 0.
enum LargeBufferScenarios {
    private static let needs = Provider.zcrx.needs
    private static let bytes: UInt64 = 200_000

    static let all: [Scenario] = [8, 16, 64].map(zeroCopy) + [buffersReturned, buffersCopied, buffersDevmem]

    private static func zeroCopy(_ kib: Int) -> Scenario {
        let count = UInt64(HugePages.count << 21) / UInt64(kib << 10)
        return Scenario(
            "large-buffers.\(kib)k", "receive into buffers of \(kib) KiB, hold all, and end: a fragment is longer than a page",
            tier: .netdevsim, needs: needs.union([.removableInterface, .hugePages, .largeBuffers]),
            expects: Expectation(
                provider: .zcrx, minimumHolds: Int(min(256, count)), zeroCopy: true, payload: true,
                pools: ExpectedPools(buffers: count, traffic: true)),
            thorough: kib == 16
        ) { run in
            let bed = try run.makeTestBed()
            try run.reserveHugePages()
            let memory = try run.step("\(HugePages.count) huge pages mapped") { try AreaMemory(pages: HugePages.pages, huge: true) }
            let pattern = PayloadPattern(seed: 60 + UInt64(kib))
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: Int(count), bufferPages: kib / 4, pattern: pattern, area: memory)
            try run.expectProviderPool()
            try bed.useJumboFrames(run)
            try receiver.receiveAndEndHolding(run, bed, pattern, bytes: bytes)
            let longest = receiver.held.map { $0.length }.max() ?? 0
            try run.expect(longest > UInt32(ZeroCopyReceiver.pageBytes), "a fragment is longer than a page", "the longest has \(longest) bytes")
        }
    }

    /// A refill entry has the offset of a buffer in the area, from which the kernel computes the buffer by the buffer size. If it computed
    /// another one, no buffer would be left.
    private static let buffersReturned = Scenario(
        "large-buffers.returned", "receive twice the size of all 32 buffers of 64 KiB, and return each", tier: .netdevsim,
        needs: needs.union([.removableInterface, .hugePages, .largeBuffers]),
        expects: Expectation(provider: .zcrx, minimumHolds: 32, zeroCopy: true, payload: true, pools: ExpectedPools(buffers: 32, traffic: true))
    ) { run in
        let total: UInt64 = 2 * 32 << 16
        let bed = try run.makeTestBed()
        try run.reserveHugePages()
        let memory = try run.step("one huge page mapped") { try AreaMemory(pages: 512, huge: true) }
        let pattern = PayloadPattern(seed: 81)
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: 32, bufferPages: 16, pattern: pattern, area: memory)
        try run.expectProviderPool()
        try bed.useJumboFrames(run)
        let socket = try bed.connect(run)
        try run.step("\(total) bytes received and returned") {
            try bed.peer.send(pattern, bytes: total)
            try receiver.receive(from: socket.rawValue, total: total, hold: false, within: run.timeout(20))
        }
        try run.userHolds(0)
        run.payload = try receiver.payload(sent: try bed.peer.sent(within: run.timeout(10)), complete: true)
        try run.pools.observe()
        socket.close()
        try run.userEnds()
        try run.step("ring closed") { receiver.close() }
    }

    /// The kernel copies payload in pages to the buffer that the completion names, and computes the page from the index and size of the buffer.
    private static let buffersCopied = Scenario(
        "large-buffers.copied", "payload received by another interface is copied into buffers of 8 KiB, counted and reported", tier: .netdevsim,
        needs: needs.union([.removableInterface, .hugePages, .largeBuffers]),
        expects: Expectation(provider: .zcrx, minimumHolds: 256, payload: true, pools: ExpectedPools(traffic: false))
    ) { run in
        let bed = try run.makeTestBed()
        try run.reserveHugePages()
        let memory = try run.step("\(HugePages.count) huge pages mapped") { try AreaMemory(pages: HugePages.pages, huge: true) }
        let receiver = try ZeroCopyReceiver.make(
            run, bed: bed, pages: HugePages.pages / 2, bufferPages: 2, pattern: ZeroCopyReceiver.copiedPattern, area: memory
        ) {
            $0.events?.mask = 1 << ZeroCopyReceive.Event.copied.rawValue
        }
        try run.expectProviderPool()
        try receiver.receiveCopies(run)
        try run.step("ring closed with \(receiver.held.count) deliveries held") { receiver.close() }
    }

    private static let buffersDevmem = Scenario(
        "large-buffers.devmem", "receive into net_iovs of 16 KiB of a dma-buf, hold all, and end", tier: .netdevsim,
        needs: [.interface, .devmem, .devmemPageSize, .removableInterface, .hugePages, .largeBuffers],
        expects: Expectation(
            provider: .devmem, minimumHolds: 256, zeroCopy: true, payload: true,
            pools: ExpectedPools(buffers: UInt64(HugePages.count << 21) / 16384, traffic: true))
    ) { run in
        let bed = try run.makeTestBed()
        try run.reserveHugePages()
        let pattern = PayloadPattern(seed: 80)
        let receiver = try run.step("dma-buf of \(HugePages.count) huge pages bound to \(bed.interface) queue \(bed.queue), net_iovs of 16 KiB") {
            do {
                return try DevmemReceiver(ifindex: bed.ifindex, queue: bed.queue, pages: HugePages.pages, netIovBytes: 16384, pattern: pattern)
            } catch let error as KernelError where error.code == EOPNOTSUPP {
                throw ScenarioSkip.noLargeBuffers
            }
        }
        run.cleanUp("unbound, dma-buf closed") { receiver.close() }
        try run.userBound()
        try run.expectProviderPool()
        try bed.useJumboFrames(run)
        let socket = try bed.connect(run)
        try run.step("\(bytes) bytes received and held") {
            try bed.peer.send(pattern, bytes: bytes)
            try receiver.receive(from: socket.rawValue, total: bytes, hold: true, within: run.timeout(20))
            try receiver.recheckHeld()
        }
        let longest = receiver.held.map { $0.fragment.size }.max() ?? 0
        try run.expect(longest > UInt32(MappedMemory.pageSize), "a fragment is longer than a page", "the longest has \(longest) bytes")
        try run.userHolds(receiver.heldNetIovs)
        run.payload = receiver.payload(sent: try bed.peer.sent(within: run.timeout(10)), complete: true)
        try run.pools.observe()
        try run.userEnds()
        try run.step("socket closed with \(receiver.held.count) tokens held") { socket.close() }
        try run.step("unbound, dma-buf closed") { receiver.close() }
    }
}
