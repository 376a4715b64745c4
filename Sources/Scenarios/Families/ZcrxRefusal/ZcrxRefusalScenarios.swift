// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// Registrations that the kernel must refuse, and that leave the queue unchanged.
enum ZcrxRefusalScenarios {
    private static let needs = Provider.zcrx.needs
    private static let small = AreaMemory.smallPages

    private static func refusal(
        _ name: String, _ summary: String, _ errno: CInt, pools: Int = 1, more: Set<Need> = [],
        area: @escaping @Sendable (ScenarioRun) throws -> AreaMemory,
        configure: @escaping @Sendable (inout ZeroCopyReceive.Registration) -> Void
    ) -> Scenario {
        Scenario(
            "zcrx.refuse.\(name)", "zcrx is refused \(summary)", tier: .netdevsim, needs: needs.union(more),
            expects: Expectation(provider: .zcrx, minimumHolds: small, pools: ExpectedPools(count: pools, buffers: UInt64(small), traffic: false))
        ) { run in
            let bed = try run.makeTestBed()
            /// The pools. A queue that was bound for a moment has a new pool of ordinary pages, so only its kind is compared.
            func describePools() throws -> [String] {
                try run.pools.observe().map { pools == 1 ? "pool \($0.id)" : "\($0.provider.rawValue)\($0.detached ? ", detached" : "")" }
            }
            let before = try describePools()
            let memory = try area(run)
            run.cleanUp("memory of the refused area unmapped") { memory.close() }
            var registration = ZeroCopyReceive.Registration(ifindex: bed.ifindex, queue: bed.queue, area: memory.registration)
            configure(&registration)
            // Open until the end: its close would release what a refusal has leaked.
            let ring = try RefusedRing()
            run.cleanUp("ring of the refused registration closed") { ring.close() }
            let error = ring.register(registration)
            if more.contains(.largeBuffers), error?.code == EOPNOTSUPP { throw ScenarioSkip.noLargeBuffers }
            try run.expectRefusal(error, errno, summary)
            let after = try describePools()
            try run.expect(before == after, "the pools are the same after the refusal", "\(before) became \(after)")
            try bed.expectProviders(run, on: [], "the queue has no provider")
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: PayloadPattern(seed: 44))
            try run.pools.observe()
            try run.step("ring closed") { receiver.close() }
        }
    }

    static let all: [Scenario] =
        [
            // Contiguous pages make one chunk. With an odd number of pages, at least one chunk is no multiple of two pages.
            refusal("buffer-length", "buffers of 8 KiB in memory of an odd number of pages", ERANGE) { _ in
                try AreaMemory(pages: small + 1)
            } configure: {
                $0.bufferLength = 8192
            },
            // The kernel checks the area before the device's maximum.
            refusal(
                "buffer-offered", "buffers of 128 KiB, larger than netdevsim offers", EINVAL, more: [.removableInterface, .hugePages, .largeBuffers]
            ) { run in
                try run.reserveHugePages()
                return try AreaMemory(pages: HugePages.pages, huge: true)
            } configure: {
                $0.bufferLength = 128 << 10
            },
            refusal("buffer-odd", "buffers of a length that is no power of two", EINVAL) { _ in
                try AreaMemory(pages: small)
            } configure: {
                $0.bufferLength = 12288
            },
            refusal("buffer-small", "buffers smaller than a page", EINVAL) { _ in
                try AreaMemory(pages: small)
            } configure: {
                $0.bufferLength = 2048
            },
            refusal("dmabuf-length", "a part of a dma-buf as the area", EINVAL, more: [.zcrxDMABuf]) { _ in
                try AreaMemory(dmabufPages: small)
            } configure: {
                $0.area.length /= 2
            },
            refusal("dmabuf-offset", "a dma-buf with an offset", EINVAL, more: [.zcrxDMABuf]) { _ in
                try AreaMemory(dmabufPages: small)
            } configure: {
                $0.area.address = 4096
            },
            // The kernel checks this after it has mapped the dma-buf.
            refusal("dmabuf-buffer-length", "buffers of 8 KiB in a dma-buf of an odd number of pages", ERANGE, more: [.zcrxDMABuf]) { _ in
                try AreaMemory(dmabufPages: small + 1)
            } configure: {
                $0.bufferLength = 8192
            },
            refusal("dmabuf-none", "a descriptor that is no dma-buf", EINVAL, more: [.zcrxDMABuf]) { _ in
                AreaMemory(shared: try SharedMemory(count: small * 4096))
            } configure: { area in
                area.area.flags = 1
                area.area.address = 0
                area.area.dmabuf = 0
            },
        ]
        + ZeroCopyReceive.Registration.Argument.allCases.map { part in
            // The kernel writes the result last: the queue is bound, and the ring has a number for it.
            refusal(
                "read-only-\(part)", "a registration whose result the kernel cannot write, as its memory is read-only (\(part))", EFAULT, pools: 2
            ) { _ in
                try AreaMemory(pages: small)
            } configure: {
                $0.readOnlyArgument = part
                $0.events = nil
            }
        }
}
