// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

/// io_uring zero-copy receive (zcrx): `io_uring/zcrx.c`.
///
/// A ``Ring`` registers an interface queue for a device's receive queue, and so becomes the queue's memory provider. Data then arrives in the area of
/// the registration, and each buffer is returned through the queue's refill ring.
public enum ZeroCopyReceive {
    /// The format of a completion's offset: the bits from 48 on are the area, those below the offset in that area.
    public static let areaShift = UInt64(PPIOV_ZCRX_AREA_SHIFT)

    /// The features of the running kernel. Mirrors `io_uring/query.c`.
    public struct Features: Sendable, Hashable {
        /// Features of zcrx (`IO_URING_QUERY_ZCRX`, 6.19 and later).
        public struct Receive: Sendable, Hashable {
            /// `ZCRX_REG_*` bits that a registration may have.
            public let registerFlags: Registration.Flags
            /// `IORING_ZCRX_AREA_*` bits.
            public let areaFlags: UInt64
            /// How many `ZCRX_CTRL_*` operations there are: 0 flush, 1 export, 2 arm event, 3 add area.
            public let controlOperations: UInt32
            /// `ZCRX_FEATURE_*` bits.
            public let features: UInt32
            /// Bytes of the refill ring's header, and its alignment.
            public let refillHeaderSize, refillHeaderAlignment: UInt32

            /// Whether a registration may have a buffer length other than a page.
            public var bufferLength: Bool { features & PPIOV_ZCRX_FEATURE_RX_PAGE_SIZE != 0 }
            /// Whether a registration may request events.
            public var events: Bool { features & PPIOV_ZCRX_FEATURE_EVENT != 0 }
            /// Whether a queue without a device can be registered.
            public var noDevice: Bool { registerFlags.contains(.noDevice) }
            /// Whether a queue can be exported to another ring, and imported.
            public var sharing: Bool { registerFlags.contains(.importQueue) && controlOperations > 1 }
            /// Whether the refill ring can be flushed.
            public var flush: Bool { controlOperations > 0 }
            /// Whether an event can be armed again.
            public var armEvent: Bool { controlOperations > 2 }
            /// Whether areas can be added to a registered queue.
            public var addArea: Bool { controlOperations > 3 }
        }

        /// Features of events (`IO_URING_QUERY_ZCRX_EVENT`).
        public struct Events: Sendable, Hashable {
            /// A bit for each event, numbered by ``Event``'s raw values.
            public let mask: UInt32
            /// Bytes of the statistics, and the alignment of their offset.
            public let statisticsSize, statisticsAlignment: UInt32
        }

        /// Whether the kernel has `IORING_REGISTER_QUERY` (6.18 and later).
        public let canBeQueried: Bool
        /// How many request opcodes there are; nil where unknown. Zero-copy receive is number 58.
        public let requestOpcodes: UInt32?
        /// How many registration opcodes there are; nil where unknown.
        public let registerOpcodes: UInt32?
        /// Features of zcrx; nil where unknown.
        public let receive: Receive?
        /// Features of events; nil where unknown.
        public let events: Events?

        /// Whether the kernel's io_uring has the zero-copy receive request. It may still be built without zcrx.
        public var hasZeroCopyReceive: Bool { (requestOpcodes ?? 0) > UInt32(PPIOV_OP_RECV_ZC) }

        /// Queries the running kernel.
        ///
        /// - Throws: `ENOSYS` without io_uring, `EPERM` where it is disabled by sysctl.
        public static func query() throws(KernelError) -> Features {
            var raw = ppiov_features()
            let result = ppiov_query_features(&raw)
            if result == -EINVAL {
                return try probed()
            }
            try check(result, "querying the features of io_uring")
            return Features(raw)
        }

        private static func probed() throws(KernelError) -> Features {
            let ring = try Ring(entries: 1, setup: [])
            let last = ring.lastRequestOpcode()
            ring.close()
            return Features(
                canBeQueried: false, requestOpcodes: try check(last, "probing io_uring's requests") >= 0 ? UInt32(last) + 1 : nil,
                registerOpcodes: nil, receive: nil, events: nil)
        }

        init(
            canBeQueried: Bool, requestOpcodes: UInt32?, registerOpcodes: UInt32?, receive: Receive?, events: Events?
        ) {
            self.canBeQueried = canBeQueried
            self.requestOpcodes = requestOpcodes
            self.registerOpcodes = registerOpcodes
            self.receive = receive
            self.events = events
        }

        init(_ raw: ppiov_features) {
            let zcrx = raw.zcrx
            let event = raw.event
            self.init(
                canBeQueried: true,
                requestOpcodes: raw.has_opcodes ? raw.opcodes.nr_request_opcodes : nil,
                registerOpcodes: raw.has_opcodes ? raw.opcodes.nr_register_opcodes : nil,
                receive: raw.has_zcrx
                    ? Receive(
                        registerFlags: Registration.Flags(rawValue: UInt32(truncatingIfNeeded: zcrx.register_flags)),
                        areaFlags: zcrx.area_flags, controlOperations: zcrx.nr_ctrl_opcodes, features: zcrx.features,
                        refillHeaderSize: zcrx.rq_hdr_size, refillHeaderAlignment: zcrx.rq_hdr_alignment)
                    : nil,
                events: raw.has_event
                    ? Events(
                        mask: event.event_flags, statisticsSize: event.stats_size,
                        statisticsAlignment: event.stats_off_alignment)
                    : nil)
        }
    }

    /// An event that a queue reports to its ring, once until it is armed again. Mirrors `enum zcrx_event_type`.
    public enum Event: UInt32, Sendable, Hashable, CaseIterable {
        /// The provider had no free buffer.
        case allocationFailed = 0
        /// Payload was copied instead of received in place.
        case copied = 1
    }

    /// Cumulative counters of copies. Mirrors `struct zcrx_stats`.
    public struct Statistics: Sendable, Hashable {
        /// Completions whose payload was copied.
        public let copies: UInt64
        /// Bytes copied.
        public let copiedBytes: UInt64
    }

    /// A completion of a ring.
    public struct Completion: Sendable, Hashable {
        /// The user data of the request.
        public let userData: UInt64
        /// Bytes, 0 at the end of the stream or the limit, or `-errno`. For an event: ``Event``'s raw value.
        public let result: Int32
        /// `IORING_CQE_F_*` bits.
        public let flags: UInt32
        /// For data: area token and offset, as ``InterfaceQueue/returnBuffer(offset:length:)`` takes them. Without meaning where ``more`` is false or
        /// the result is not positive. Nil for a 16-byte completion.
        public let offset: UInt64?

        /// Whether more completions of the request follow (`IORING_CQE_F_MORE`). A completion with data has it; one without it ends the request.
        public var more: Bool { flags & PPIOV_CQE_F_MORE != 0 }
        /// Whether the completion carries payload.
        public var isData: Bool { more && result > 0 && offset != nil }
        /// The payload's offset in its area, in bytes.
        public var areaOffset: UInt64? { offset.map { $0 & (1 << ZeroCopyReceive.areaShift - 1) } }
        /// The number of the payload's area, from 0 in the order of registration.
        public var areaIndex: Int? { offset.map { Int($0 >> ZeroCopyReceive.areaShift) } }
        /// The errno of a failed request.
        public var error: KernelError? {
            result < 0 ? KernelError("request \(userData)", errno: Errno(rawValue: -result)) : nil
        }

        init(_ raw: ppiov_completion) {
            userData = raw.user_data
            result = raw.result
            flags = raw.flags
            offset = raw.has_zcrx ? raw.zcrx_off : nil
        }
    }
}

/// Swift imports the shim's anonymous enumerators as Int; this tests them as flags.
private func & (flags: UInt32, bit: Int) -> UInt32 { flags & UInt32(bit) }
