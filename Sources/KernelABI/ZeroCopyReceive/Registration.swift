// SPDX-License-Identifier: GPL-2.0

internal import CShim

extension ZeroCopyReceive {
    /// What to ask for when registering an interface queue. Mirrors `struct io_uring_zcrx_ifq_reg`.
    ///
    /// Every field reaches the kernel as it stands, so a test of a refusal sets what is wrong and leaves the rest alone.
    public struct Registration: Sendable, Hashable {
        /// `ZCRX_REG_*`.
        public struct Flags: OptionSet, Sendable, Hashable {
            public let rawValue: UInt32
            public init(rawValue: UInt32) { self.rawValue = rawValue }
            /// The registration imports an exported queue; ``Ring/importQueue(_:)`` does that.
            public static let importQueue = Flags(rawValue: 1)
            /// No device: all data is copied, no page pool exists, and the refill ring wants to be flushed.
            public static let noDevice = Flags(rawValue: 2)
        }

        /// Memory that receives payload. Mirrors `struct io_uring_zcrx_area_reg`.
        public struct Area: Sendable, Hashable {
            public var address: UInt64
            /// Bytes.
            public var length: UInt64
            /// `IORING_ZCRX_AREA_*` bits.
            public var flags: UInt32 = 0
            public var dmabuf: UInt32 = 0
            /// The kernel fills this in; a registration that brings one is refused.
            public var token: UInt64 = 0

            public init(address: UInt64, length: UInt64) {
                self.address = address
                self.length = length
            }

            /// Memory of this process, which must stay mapped while payload is read from it.
            public static func memory(_ memory: borrowing MappedMemory) -> Area {
                Area(address: memory.address, length: UInt64(memory.count))
            }

            /// A dma-buf, taken whole; its descriptor may be closed afterwards.
            public static func dmabuf(_ fd: CInt, length: UInt64) -> Area {
                var area = Area(address: 0, length: length)
                area.flags = 1
                area.dmabuf = UInt32(bitPattern: fd)
                return area
            }

            var raw: ppiov_zcrx_area_reg {
                var raw = ppiov_zcrx_area_reg()
                raw.addr = address
                raw.len = length
                raw.flags = flags
                raw.dmabuf_fd = dmabuf
                raw.rq_area_token = token
                return raw
            }
        }

        /// A structure that the kernel writes its answer to.
        public enum Part: String, Sendable, CaseIterable {
            case registration, area, region

            var raw: ppiov_zcrx_part {
                switch self {
                case .registration: PPIOV_ZCRX_PART_REGISTRATION
                case .area: PPIOV_ZCRX_PART_AREA
                case .region: PPIOV_ZCRX_PART_REGION
                }
            }
        }

        /// Who gives the memory of the refill ring.
        public enum RefillMemory: Sendable, Hashable {
            /// This process does: `IORING_MEM_REGION_TYPE_USER`.
            case user
            /// The kernel does, and the region is mapped from the ring.
            case kernel
        }

        /// Which events to tell. Mirrors `struct zcrx_event_desc`.
        public struct Events: Sendable, Hashable {
            /// What an event's completion carries.
            public var userData: UInt64
            /// A bit for each event, counted from ``Event``'s raw values.
            public var mask: UInt32
            /// Whether the kernel is to count copies behind the refill ring.
            public var statistics: Bool
            /// Where to count, in bytes from the region's begin; nil takes the first place behind the ring.
            public var statisticsOffset: UInt64?

            public init(userData: UInt64, events: [Event], statistics: Bool = false) {
                self.userData = userData
                mask = events.reduce(0) { $0 | 1 << $1.rawValue }
                self.statistics = statistics
            }
        }

        public var ifindex: UInt32
        /// The device's receive queue.
        public var queue: UInt32
        public var flags: Flags
        /// Entries of the refill ring; the kernel rounds up to a power of two.
        public var refillEntries: UInt32
        public var area: Area
        public var refillMemory: RefillMemory = .user
        /// Bytes of the refill region as told to the kernel; nil tells what the ring needs. What is mapped is what it needs.
        public var refillRegionSize: UInt64?
        /// Bytes of each net_iov, a power of two; 0 takes the page size and leaves the device's choice alone.
        public var bufferLength: UInt32 = 0
        public var events: Events?
        /// What lies in memory that the kernel cannot write its answer to; nil where all is as it should be. Without events.
        public var frozen: Part?

        /// A queue of a device. Needs CAP_NET_ADMIN, tcp-data-split enabled and hds-thresh 0.
        public init(ifindex: UInt32, queue: UInt32, area: Area, refillEntries: UInt32 = 4096) {
            self.ifindex = ifindex
            self.queue = queue
            self.area = area
            self.refillEntries = refillEntries
            flags = []
        }

        /// A queue without a device: all payload is copied, and no page pool is ever made.
        public static func noDevice(area: Area, refillEntries: UInt32 = 4096) -> Registration {
            var registration = Registration(ifindex: 0, queue: 0, area: area, refillEntries: refillEntries)
            registration.flags = .noDevice
            return registration
        }

        /// Entries as the kernel will round them: a power of two, within 1 ... 32768.
        var roundedEntries: Int {
            var rounded = 1
            while rounded < Int(min(refillEntries, 32768)) { rounded *= 2 }
            return rounded
        }

        /// What the ring needs: a page for header and statistics, and the entries, in whole pages.
        var mappedSize: Int {
            let page = MappedMemory.pageSize
            let needed = page + roundedEntries * MemoryLayout<ppiov_zcrx_rqe>.size
            return (needed + page - 1) / page * page
        }

        /// The region's size as told to the kernel.
        var regionSize: UInt64 { refillRegionSize ?? UInt64(mappedSize) }

        /// Where statistics go: to the region's end, which the header's page keeps clear of the entries.
        var statisticsPlace: UInt64 {
            events?.statisticsOffset ?? UInt64(mappedSize - MemoryLayout<ppiov_zcrx_stats>.size)
        }

        /// The request in words, for errors.
        var description: String {
            flags.contains(.noDevice)
                ? "zcrx registration without a device" : "zcrx registration of queue \(queue) on ifindex \(ifindex)"
        }
    }
}

extension ZeroCopyReceive {
    /// What `struct io_uring_zcrx_ifq_reg` has and an import may not use.
    public enum ImportExcess: String, Sendable, CaseIterable {
        case queue = "queue"
        case refillEntries = "refill entries"
        case area = "area"
        case region = "region"
        case event = "event descriptor"
        case flag = "further flag"
    }
}
