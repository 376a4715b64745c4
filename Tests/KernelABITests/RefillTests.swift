// SPDX-License-Identifier: GPL-2.0

import CShim
import Glibc
import Testing

@testable import KernelABI

/// The refill ring's producer over plain memory, in which the test does the kernel's part.
struct RefillTests {
    /// Head and tail on separate cache lines, then the entries, as `io_fill_zcrx_offsets()` sets them.
    private static let offsets = ppiov_zcrx_offsets(head: 0, tail: 64, rqes: 128, resv2: 0, resv: (0, 0))

    private func withRegion<R>(entries: Int, start: UInt32 = 0, _ body: (UnsafeMutableRawBufferPointer) -> R) -> R {
        let region = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 + entries * 16, alignment: 64)
        defer { region.deallocate() }
        region.initializeMemory(as: UInt8.self, repeating: 0)
        region.storeBytes(of: start, toByteOffset: 0, as: UInt32.self)
        region.storeBytes(of: start, toByteOffset: 64, as: UInt32.self)
        return body(region)
    }

    private func producer(_ region: UnsafeMutableRawBufferPointer, entries: UInt32) -> ppiov_refill {
        var refill = ppiov_refill()
        var offsets = Self.offsets
        #expect(ppiov_refill_init(&refill, region.baseAddress, region.count, &offsets, entries) == 0)
        return refill
    }

    @Test func fillsUp() {
        withRegion(entries: 4) { region in
            var refill = producer(region, entries: 4)
            for index in 0..<4 {
                #expect(ppiov_refill_free(&refill) == UInt32(4 - index))
                #expect(ppiov_refill_push(&refill, UInt64(index) << 12 | 1 << 48, 100, 0) == 1)
                #expect(region.load(fromByteOffset: 64, as: UInt32.self) == UInt32(index + 1))
            }
            #expect(ppiov_refill_push(&refill, 0xdead, 1, 0) == 0)
            #expect(region.load(fromByteOffset: 64, as: UInt32.self) == 4)
            #expect(region.load(fromByteOffset: 128 + 3 * 16, as: UInt64.self) == 3 << 12 | 1 << 48)
            #expect(region.load(fromByteOffset: 128 + 3 * 16 + 8, as: UInt32.self) == 100)
            region.storeBytes(of: 1, toByteOffset: 0, as: UInt32.self)
            #expect(ppiov_refill_push(&refill, 0xbeef, 2, 3) == 1)
            #expect(region.load(fromByteOffset: 128, as: UInt64.self) == 0xbeef)
            #expect(region.load(fromByteOffset: 128 + 12, as: UInt32.self) == 3)
        }
    }

    /// Head and tail wrap around at 2^32.
    @Test func wrapsAround() {
        withRegion(entries: 8, start: .max - 2) { region in
            var refill = producer(region, entries: 8)
            for round in UInt32(0)..<100 {
                #expect(ppiov_refill_push(&refill, UInt64(round), round, 0) == 1)
                let slot = Int((UInt32.max - 2 &+ round) & 7)
                #expect(region.load(fromByteOffset: 128 + slot * 16, as: UInt64.self) == UInt64(round))
                region.storeBytes(of: UInt32.max - 2 &+ round &+ 1, toByteOffset: 0, as: UInt32.self)
                #expect(ppiov_refill_free(&refill) == 8)
            }
        }
    }

    /// A head outside of the ring counts as full: no entry may be overwritten.
    @Test func aHeadOutsideCountsAsFull() {
        withRegion(entries: 4) { region in
            var refill = producer(region, entries: 4)
            region.storeBytes(of: 77, toByteOffset: 0, as: UInt32.self)
            #expect(ppiov_refill_free(&refill) == 0)
            #expect(ppiov_refill_push(&refill, 1, 1, 0) == 0)
        }
    }

    @Test func offsetsOutsideOfTheRegion() {
        withRegion(entries: 4) { region in
            var refill = ppiov_refill()
            func attempt(_ head: UInt32, _ tail: UInt32, _ rqes: UInt32, _ entries: UInt32) -> CInt {
                var offsets = ppiov_zcrx_offsets(head: head, tail: tail, rqes: rqes, resv2: 0, resv: (0, 0))
                return ppiov_refill_init(&refill, region.baseAddress, region.count, &offsets, entries)
            }
            #expect(attempt(0, 64, 128, 4) == 0)
            #expect(attempt(0, 64, 128, 8) == -ERANGE)
            #expect(attempt(0, 64, 136, 4) == -ERANGE)
            #expect(attempt(190, 64, 128, 4) == -ERANGE)
            #expect(attempt(0, .max - 3, 128, 4) == -ERANGE)
            #expect(attempt(0, 64, 132, 1) == -ERANGE)
            #expect(attempt(0, 64, 128, 1 << 31) == -ERANGE)
            #expect(attempt(0, 64, 128, 3) == -EINVAL)
            #expect(attempt(0, 64, 128, 0) == -EINVAL)
        }
    }

    @Test func interfaceQueue() throws {
        let region = try MappedMemory(anonymous: 8192)
        var reg = ppiov_zcrx_ifq_reg()
        reg.offsets = Self.offsets
        reg.rq_entries = 2
        reg.zcrx_id = 5
        reg.rx_buf_len = 4096
        var queue = try ZeroCopyReceive.InterfaceQueue(reg, token: 1 << 48, region: region, empty: true, statisticsOffset: 8176)
        let numbers = (queue.id, queue.areaToken, queue.capacity, queue.freeSlots)
        #expect(numbers == (5, 1 << 48, 2, 2))
        var raw = ppiov_completion()
        raw.result = 10
        raw.flags = 2
        raw.has_zcrx = true
        raw.zcrx_off = 1 << 48 | 4096
        let completion = ZeroCopyReceive.Completion(raw)
        #expect(completion.isData && completion.areaIndex == 1 && completion.areaOffset == 4096)
        let given = (queue.returnBuffer(of: completion), queue.returnBuffer(of: completion), queue.returnBuffer(of: completion))
        #expect(given == (true, true, false))
        let left = queue.freeSlots
        #expect(left == 0)
        let statistics = queue.statistics()
        #expect(statistics == ZeroCopyReceive.Statistics(copies: 0, copiedBytes: 0))
        raw.result = -ECANCELED
        raw.flags = 0
        let failed = ZeroCopyReceive.Completion(raw)
        #expect(!failed.isData && failed.error?.code == ECANCELED)
        let taken = queue.returnBuffer(of: failed)
        #expect(!taken)
        queue.close()
    }
}
