// SPDX-License-Identifier: GPL-2.0

internal import CShim

extension ZeroCopyReceive {
    /// The arguments of the registration of an interface queue. Mirrors `struct io_uring_zcrx_ifq_reg`.
    ///
    /// Every field is sent to the kernel unchanged, so that a test of a refusal sets the one field that is wrong.
    public struct Registration: Sendable, Hashable {
        /// `ZCRX_REG_*`.
        public struct Flags: OptionSet, Sendable, Hashable {
            public let rawValue: UInt32
            public init(rawValue: UInt32) { self.rawValue = rawValue }
            /// The registration imports an exported queue; ``Ring/importQueue(_:)`` does that.
            public static let importQueue = Flags(rawValue: UInt32(PPIOV_ZCRX_REG_IMPORT))
            /// No device: all data is copied, there is no page pool, and user space must flush the refill ring.
            public static let noDevice = Flags(rawValue: UInt32(PPIOV_ZCRX_REG_NODEV))
        }

        /// Memory that receives payload. Mirrors `struct io_uring_zcrx_area_reg`.
        public struct Area: Sendable, Hashable {
            /// Aligned to a page; 0 for a dma-buf.
            public var address: UInt64
            /// Bytes.
            public var length: UInt64
            /// `IORING_ZCRX_AREA_*` bits.
            public var flags: UInt32 = 0
            /// The dma-buf's descriptor, where `flags` has `IORING_ZCRX_AREA_DMABUF`.
            public var dmabuf: UInt32 = 0
            /// Set by the kernel; it refuses a registration where this is not 0.
            public var token: UInt64 = 0

            /// Memory of this process.
            public init(address: UInt64, length: UInt64) {
                self.address = address
                self.length = length
            }

            /// Memory of this process, which must stay mapped while payload is read from it.
            public static func memory(_ memory: borrowing MappedMemory) -> Area {
                Area(address: memory.address, length: UInt64(memory.count))
            }

            /// All of a dma-buf; its descriptor may be closed afterwards.
            public static func dmabuf(_ fd: CInt, length: UInt64) -> Area {
                var area = Area(address: 0, length: length)
                area.flags = UInt32(PPIOV_ZCRX_AREA_DMABUF)
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

        /// A structure that the kernel writes its results to.
        public enum Argument: String, Sendable, CaseIterable {
            case registration, area, region

            var raw: ppiov_zcrx_argument {
                switch self {
                case .registration: PPIOV_ZCRX_ARGUMENT_REGISTRATION
                case .area: PPIOV_ZCRX_ARGUMENT_AREA
                case .region: PPIOV_ZCRX_ARGUMENT_REGION
                }
            }
        }

        /// Whose memory the refill ring is in.
        public enum RefillMemory: Sendable, Hashable {
            /// Memory of this process (`IORING_MEM_REGION_TYPE_USER`).
            case user
            /// Memory of the kernel; the region is mapped from the ring.
            case kernel
        }

        /// The events to report. Mirrors `struct zcrx_event_desc`.
        public struct Events: Sendable, Hashable {
            /// The user data of an event's completion.
            public var userData: UInt64
            /// A bit for each event, numbered by ``Event``'s raw values.
            public var mask: UInt32
            /// Whether the kernel counts copies in the refill region.
            public var statistics: Bool
            /// The offset of the counters in the region, in bytes; nil takes the end of the region.
            public var statisticsOffset: UInt64?

            /// Events whose completions have that user data.
            public init(userData: UInt64, events: [Event], statistics: Bool = false) {
                self.userData = userData
                mask = events.reduce(0) { $0 | 1 << $1.rawValue }
                self.statistics = statistics
            }
        }

        /// The device's interface index; 0 for none.
        public var ifindex: UInt32
        /// The device's receive queue.
        public var queue: UInt32
        /// `ZCRX_REG_*`.
        public var flags: Flags
        /// Entries of the refill ring; the kernel rounds up to a power of two.
        public var refillEntries: UInt32
        /// The first area.
        public var area: Area
        /// Whose memory the refill ring is in.
        public var refillMemory: RefillMemory = .user
        /// Bytes of the refill region in the registration; nil takes what the ring needs, which is also what is mapped.
        public var refillRegionSize: UInt64?
        /// Bytes of each net_iov, a power of two; 0 takes the page size and does not configure the device.
        public var bufferLength: UInt32 = 0
        /// The events to report; nil for none.
        public var events: Events?
        /// The argument that is in read-only memory, so that the kernel cannot write its results; nil for none. Not with events.
        public var readOnlyArgument: Argument?

        /// A queue of a device. Needs CAP_NET_ADMIN, tcp-data-split enabled and hds-thresh 0.
        public init(ifindex: UInt32, queue: UInt32, area: Area, refillEntries: UInt32 = 4096) {
            self.ifindex = ifindex
            self.queue = queue
            self.area = area
            self.refillEntries = refillEntries
            flags = []
        }

        /// A queue without a device: all payload is copied, and there is no page pool.
        public static func noDevice(area: Area, refillEntries: UInt32 = 4096) -> Registration {
            var registration = Registration(ifindex: 0, queue: 0, area: area, refillEntries: refillEntries)
            registration.flags = .noDevice
            return registration
        }

        /// Entries as the kernel rounds them: a power of two, within 1 ... 32768.
        var roundedEntries: Int {
            var rounded = 1
            while rounded < Int(min(refillEntries, 32768)) { rounded *= 2 }
            return rounded
        }

        /// Bytes that the ring needs: a page for header and statistics, and the entries, in whole pages.
        var mappedSize: Int {
            let page = MappedMemory.pageSize
            let needed = page + roundedEntries * MemoryLayout<ppiov_zcrx_rqe>.size
            return (needed + page - 1) / page * page
        }

        /// The region's size in the registration.
        var regionSize: UInt64 { refillRegionSize ?? UInt64(mappedSize) }

        /// The offset of the statistics: the end of the region. Because of the header's page they do not overlap the entries.
        var statisticsOffset: UInt64 {
            events?.statisticsOffset ?? UInt64(mappedSize - MemoryLayout<ppiov_zcrx_stats>.size)
        }

        /// The request, for errors.
        var description: String {
            flags.contains(.noDevice)
                ? "zcrx registration without a device" : "zcrx registration of queue \(queue) on ifindex \(ifindex)"
        }
    }
}

extension ZeroCopyReceive {
    /// Fields of `struct io_uring_zcrx_ifq_reg` that an import may not set.
    public enum ImportExcess: String, Sendable, CaseIterable {
        case queue = "queue"
        case refillEntries = "refill entries"
        case area = "area"
        case region = "region"
        case event = "event descriptor"
        case flag = "further flag"
    }
}
