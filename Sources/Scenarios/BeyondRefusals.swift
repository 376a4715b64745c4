// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// A ring of which a registration is refused, and which stays.
final class RefusedRing {
    private var ring: ZeroCopyReceive.Ring?

    init() throws { ring = try ZeroCopyReceive.Ring() }

    /// The refusal; nil where it was granted, and the ring is closed then.
    func register(_ registration: ZeroCopyReceive.Registration) -> KernelError? {
        guard let ring = ring.take() else { return nil }
        do throws(KernelError) {
            let queue = try ring.register(registration)
            queue.close()
            ring.close()
            return nil
        } catch {
            self.ring = consume ring
            return error
        }
    }

    func close() { ring.take()?.close() }

    deinit { close() }
}

/// Registrations that are refused, and that leave the queue as it was.
extension BeyondScenarios {
    private static func refusal(
        _ name: String, _ summary: String, _ errno: CInt, pools: Int = 1, more: Set<Need> = [],
        area: @escaping @Sendable (ScenarioRun) throws -> AreaMemory,
        configure: @escaping @Sendable (inout ZeroCopyReceive.Registration) -> Void
    ) -> Scenario {
        Scenario(
            "beyond.refuse.\(name)", "zcrx is refused \(summary)", tier: .netdevsim, needs: needs.union(more),
            expects: Expectation(provider: .zcrx, minimumHolds: small, pools: ExpectedPools(count: pools, buffers: UInt64(small), traffic: false))
        ) { run in
            let bed = try TestBed.make(run)
            /// A queue that was bound for a moment has another pool, of ordinary pages as before.
            func look() throws -> [String] {
                try run.pools.observe().map { pools == 1 ? "pool \($0.id)" : "\($0.provider.rawValue)\($0.detached ? ", detached" : "")" }
            }
            let before = try look()
            let memory = try area(run)
            run.cleanUp("the refused area's memory unmapped") { memory.close() }
            var registration = ZeroCopyReceive.Registration(ifindex: bed.ifindex, queue: bed.queue, area: memory.registration)
            configure(&registration)
            // Open to the end: what a refusal leaves would go with its ring.
            let ring = try RefusedRing()
            run.cleanUp("the refused ring closed") { ring.close() }
            let error = ring.register(registration)
            if more.contains(.largeBuffers), error?.code == EOPNOTSUPP { throw ScenarioSkip.noLargeBuffers }
            try expect(run, error, errno, summary)
            let after = try look()
            try run.expect(before == after, "the refusal left the pools as they were", "\(before) became \(after)")
            try bed.expectProviders(run, on: [], "the queue has no provider")
            let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: small, pattern: PayloadPattern(seed: 44))
            try run.pools.observe()
            try run.step("ring closed") { receiver.close() }
        }
    }

    static let refusals: [Scenario] =
        [
            // Pages that lie together come as one chunk. Where their number is odd, one chunk at least is no multiple of two pages.
            refusal("buffer-length", "buffers of 8 KiB in memory of an odd number of pages", ERANGE) { _ in
                try AreaMemory(pages: small + 1)
            } configure: {
                $0.bufferLength = 8192
            },
            // The area is looked at before the device is asked.
            refusal(
                "buffer-offered", "buffers of 128 KiB, larger than netdevsim offers", EINVAL, more: [.removableInterface, .hugePages, .largeBuffers]
            ) { run in
                try HugePages.reserve(run)
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
            refusal("dmabuf-length", "a dma-buf of which a part is asked for", EINVAL, more: [.zcrxDMABuf]) { _ in
                try dmabuf(small)
            } configure: {
                $0.area.length /= 2
            },
            refusal("dmabuf-offset", "a dma-buf from an offset on", EINVAL, more: [.zcrxDMABuf]) { _ in
                try dmabuf(small)
            } configure: {
                $0.area.address = 4096
            },
            // Found when the dma-buf is mapped already.
            refusal("dmabuf-buffer-length", "buffers of 8 KiB in a dma-buf of an odd number of pages", ERANGE, more: [.zcrxDMABuf]) { _ in
                try dmabuf(small + 1)
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
            // Found when all is done: the queue is bound, and the ring has it under a number.
            refusal("frozen-\(part)", "an answer to where only reading is allowed (\(part))", EFAULT, pools: 2) { _ in
                try AreaMemory(pages: small)
            } configure: {
                $0.readOnlyArgument = part
                $0.events = nil
            }
        }
}
