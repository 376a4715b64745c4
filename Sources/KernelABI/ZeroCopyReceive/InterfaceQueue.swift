// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import SystemPackage

extension ZeroCopyReceive {
    /// A registered interface queue: its numbers, and the refill ring through which buffers are returned.
    ///
    /// The kernel removes the queue when its ring is closed and no exported descriptor is open. This value owns only the mapping of the refill
    /// region; `close()` unmaps it, before or after the ring is closed.
    public struct InterfaceQueue: ~Copyable {
        /// The kernel's number for it within the ring.
        public let id: UInt32
        /// The first area's token, as completions carry it in their upper bits.
        public let areaToken: UInt64
        /// Bytes of each net_iov.
        public let bufferLength: UInt32
        /// Offsets of head, tail and entries of the refill ring in the region, in bytes.
        public let headOffset, tailOffset, entriesOffset: UInt32
        /// How many entries the refill ring has.
        public let capacity: Int

        private let region: MappedMemory
        private let statisticsOffset: UInt64?
        var refill: ppiov_refill

        /// What an importer needs to map the region too, which is possible only for memory of the kernel.
        public var shape: RefillShape {
            RefillShape(entries: UInt32(capacity), regionSize: region.count, statisticsOffset: statisticsOffset)
        }

        /// Sets up the producer side over a region that the kernel has accepted.
        ///
        /// - Parameter empty: the ring is new, so head and tail must be 0 (`io_allocate_rbuf_ring()`).
        init(
            _ reg: ppiov_zcrx_ifq_reg, token: UInt64, region: consuming MappedMemory, empty: Bool, statisticsOffset: UInt64?
        ) throws(KernelError) {
            var refill = ppiov_refill()
            var offsets = reg.offsets
            let result = ppiov_refill_init(&refill, region.base, region.count, &offsets, reg.rq_entries)
            guard result == 0 else {
                region.unmap()
                throw KernelError(
                    "laying out the refill ring of zcrx \(reg.zcrx_id)", errno: Errno(rawValue: -result),
                    message: "the kernel's offsets are outside of the region")
            }
            let (head, tail) = (refill.head?.pointee ?? 0, refill.local_tail)
            guard !empty || (head == 0 && tail == 0) else {
                region.unmap()
                throw KernelError(
                    "laying out the refill ring of zcrx \(reg.zcrx_id)", errno: .badMessage,
                    message: "the new ring is not empty: head \(head), tail \(tail)")
            }
            id = reg.zcrx_id
            areaToken = token
            bufferLength = reg.rx_buf_len
            headOffset = offsets.head
            tailOffset = offsets.tail
            entriesOffset = offsets.rqes
            capacity = Int(reg.rq_entries)
            self.region = region
            self.statisticsOffset = statisticsOffset
            self.refill = refill
        }

        /// Free slots of the refill ring.
        public var freeSlots: Int {
            withUnsafePointer(to: refill) { Int(ppiov_refill_free($0)) }
        }

        /// Returns a buffer.
        ///
        /// - Parameters:
        ///   - offset: a completion's offset, area token included.
        ///   - length: a completion's result in bytes.
        /// - Returns: false where the ring is full: flush it, or receive until the kernel has read entries.
        @discardableResult
        public mutating func returnBuffer(offset: UInt64, length: UInt32) -> Bool {
            ppiov_refill_push(&refill, offset, length, 0) == 1
        }

        /// Returns the buffer of a completion; false where the ring is full or the completion has no buffer.
        @discardableResult
        public mutating func returnBuffer(of completion: Completion) -> Bool {
            guard completion.isData, let offset = completion.offset else { return false }
            return returnBuffer(offset: offset, length: UInt32(completion.result))
        }

        /// The kernel's counters of copies; nil where the registration did not request them.
        public borrowing func statistics() -> Statistics? {
            guard let statisticsOffset else { return nil }
            return region.withUnsafeBytes { bytes in
                let place = Int(clamping: statisticsOffset)
                guard place <= bytes.count - MemoryLayout<ppiov_zcrx_stats>.size else { return nil }
                let raw = bytes.loadUnaligned(fromByteOffset: place, as: ppiov_zcrx_stats.self)
                return Statistics(copies: raw.copy_count, copiedBytes: raw.copy_bytes)
            }
        }

        /// Unmaps the refill region. The queue itself stays until its ring is closed.
        public consuming func close() {
            region.unmap()
        }
    }

    /// The layout of a refill region, which must be the same for exporter and importer.
    public struct RefillShape: Sendable, Hashable {
        /// Entries of the refill ring.
        public var entries: UInt32
        /// Bytes.
        public var regionSize: Int
        /// The offset of the kernel's counters of copies in the region, in bytes; nil where it has none.
        public var statisticsOffset: UInt64?

        /// A layout that another process has sent.
        public init(entries: UInt32, regionSize: Int, statisticsOffset: UInt64?) {
            self.entries = entries
            self.regionSize = regionSize
            self.statisticsOffset = statisticsOffset
        }
    }

    /// An interface queue of another ring, imported into this one. Its refill ring is the exporter's.
    public struct ImportedQueue: Sendable, Hashable {
        /// The kernel's number for it within the importing ring.
        public let id: UInt32
        /// Offsets of head, tail and entries of the refill ring in the region, in bytes.
        public let headOffset, tailOffset, entriesOffset: UInt32
    }
}
