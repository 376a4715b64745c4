// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc

extension ZeroCopyReceive {
    /// The state of a device on which the result of a registration depends, as far as user space can read it.
    public struct DeviceState: Sendable, Hashable {
        /// Whether the namespace has the device.
        public var exists = true
        /// How many receive queues it has; nil where that is unknown, as for a device that is down.
        public var receiveQueues: UInt32?
        /// What ethtool reports, which may be the driver's default and not what was set.
        public var tcpDataSplit: DeviceRings.DataSplit?
        /// Bytes; nil where unknown.
        public var hdsThreshold: UInt32?
        /// The queue of the registration; nil where it cannot be read.
        public var queue: DeviceQueue?

        /// A state; by default nothing is known of the device but that it exists.
        public init(
            exists: Bool = true, receiveQueues: UInt32? = nil, tcpDataSplit: DeviceRings.DataSplit? = nil,
            hdsThreshold: UInt32? = nil, queue: DeviceQueue? = nil
        ) {
            self.exists = exists
            self.receiveQueues = receiveQueues
            self.tcpDataSplit = tcpDataSplit
            self.hdsThreshold = hdsThreshold
            self.queue = queue
        }

        /// Reads a device's state. What cannot be read stays nil: there already is an error to report.
        public static func read(ifindex: UInt32, queue: UInt32) -> DeviceState {
            var state = DeviceState()
            if let netdev = try? Netdev() {
                do {
                    _ = try netdev.device(ifindex)
                } catch {
                    state.exists = error.code != ENODEV
                }
                let queues = (try? netdev.queues(of: ifindex))?.filter { $0.kind == .receive } ?? []
                state.receiveQueues = queues.isEmpty ? nil : UInt32(queues.count)
                state.queue = queues.first { $0.id == queue }
                netdev.close()
            }
            if let ethtool = try? Ethtool(), let rings = try? ethtool.rings(of: ifindex) {
                state.tcpDataSplit = rings.tcpDataSplit
                state.hdsThreshold = rings.hdsThreshold
            }
            return state
        }
    }

    /// Finds the reason for a refused registration by reading the device's state.
    ///
    /// The state is read after the refusal and may have changed since.
    /// - Returns: the error with the reason as its message.
    public static func explain(_ error: KernelError, registration: Registration) -> KernelError {
        guard !registration.flags.contains(.noDevice) else {
            return error.adding(message: reason(error.code, registration, DeviceState()))
        }
        let state = DeviceState.read(ifindex: registration.ifindex, queue: registration.queue)
        return error.adding(message: reason(error.code, registration, state))
    }

    /// The reason for a refusal, given the device's state.
    ///
    /// The conditions are in the order of the kernel's checks: `io_register_zcrx()`, `zcrx_register_netdev()`, `netif_mp_open_rxq()`,
    /// `__netif_mp_open_rxq()` of 7.3. The result is the first that has this errno and holds in the state.
    public static func reason(_ errno: CInt, _ registration: Registration, _ state: DeviceState) -> String {
        let conditions = registration.flags.contains(.noDevice) ? request : request + device
        let found = conditions.first { $0.errno == errno && $0.holds(registration, state) }
        guard let found else { return "no known condition of a refusal with this errno holds now" }
        return found.text(registration, state)
    }

    /// One condition under which the kernel refuses.
    private struct Condition: Sendable {
        let errno: CInt
        let holds: @Sendable (Registration, DeviceState) -> Bool
        let text: @Sendable (Registration, DeviceState) -> String

        init(
            _ errno: CInt, _ text: @escaping @Sendable @autoclosure () -> String,
            when holds: @escaping @Sendable (Registration, DeviceState) -> Bool = { _, _ in true }
        ) {
            self.errno = errno
            self.holds = holds
            self.text = { _, _ in text() }
        }

        init(
            _ errno: CInt, when holds: @escaping @Sendable (Registration, DeviceState) -> Bool,
            _ text: @escaping @Sendable (Registration, DeviceState) -> String
        ) {
            self.errno = errno
            self.holds = holds
            self.text = text
        }
    }

    /// Refusals because of the request itself.
    private static let request: [Condition] = [
        Condition(EPERM, "the registration needs CAP_NET_ADMIN"),
        Condition(EINVAL, "the refill ring has no entries", when: { registration, _ in registration.refillEntries == 0 }),
        Condition(
            EINVAL, "this kernel does not support the flags, or they exclude each other",
            when: { registration, _ in
                registration.flags.rawValue & ~3 != 0
                    || registration.flags.contains(.noDevice) && (registration.ifindex, registration.queue) != (0, 0)
            }),
        Condition(EINVAL, "the token of the area is not 0", when: { registration, _ in registration.area.token != 0 }),
        Condition(
            EINVAL, "the refill region is smaller than its ring",
            when: { registration, _ in
                registration.regionSize < UInt64(registration.roundedEntries * MemoryLayout<ppiov_zcrx_rqe>.size)
            }),
        Condition(
            EINVAL, "the buffer length is not a power of two of at least a page",
            when: { registration, _ in
                let length = Int(registration.bufferLength)
                return length != 0 && (length & (length - 1) != 0 || length < MappedMemory.pageSize)
            }),
        Condition(
            EINVAL, "address and length of the area are not multiples of the page size",
            when: { registration, _ in
                (registration.area.address | registration.area.length) % UInt64(MappedMemory.pageSize) != 0
            }),
        Condition(
            EINVAL, "this kernel has no zcrx without a device (query its features), or the ring lacks CQE32 or DEFER_TASKRUN",
            when: { registration, _ in registration.flags.contains(.noDevice) }),
        Condition(
            ERANGE, "the area is not contiguous for the device in chunks of the buffer length",
            when: { registration, _ in Int(registration.bufferLength) > MappedMemory.pageSize }),
        Condition(ENOMEM, "no memory, or the limit of locked memory is reached"),
    ]

    /// Refusals because of the state of the device.
    private static let device: [Condition] = [
        Condition(
            ENODEV, when: { _, state in !state.exists }, { registration, _ in "there is no ifindex \(registration.ifindex)" }),
        Condition(
            ERANGE,
            when: { registration, state in state.receiveQueues.map { registration.queue >= $0 } ?? false },
            { registration, state in
                "there is no queue \(registration.queue): the device has \(state.receiveQueues ?? 0) receive queues"
            }),
        Condition(EBUSY, "the queue is leased to a virtual device", when: { _, state in state.queue?.isLeased ?? false }),
        Condition(
            EOPNOTSUPP, "the device accepts no other buffer length than a page, or has no queue management or no DMA device",
            when: { registration, _ in registration.bufferLength != 0 }),
        Condition(EOPNOTSUPP, "the device has no queue management operations or no DMA device"),
        Condition(
            EINVAL, "tcp-data-split is not enabled",
            when: { _, state in state.tcpDataSplit.map { $0 != .enabled } ?? false }),
        Condition(
            EINVAL, when: { _, state in (state.hdsThreshold ?? 0) != 0 },
            { _, state in "hds-thresh is \(state.hdsThreshold ?? 0), not zero" }),
        Condition(
            EINVAL, "tcp-data-split is reported as enabled, which may be the driver's default: set it to enabled",
            when: { _, state in state.tcpDataSplit == .enabled }),
        Condition(
            EEXIST, when: { _, state in state.queue?.provider != nil },
            { registration, state in
                switch state.queue?.provider {
                case .deviceMemory(let id)?: "queue \(registration.queue) is bound to dma-buf \(id) of devmem"
                default: "queue \(registration.queue) is bound to an io_uring"
                }
            }),
        Condition(EEXIST, "the device has an XDP program, or the queue had a provider that was removed since"),
        Condition(EBUSY, "the queue is in use by AF_XDP", when: { _, state in state.queue?.hasXDPSocket ?? false }),
        Condition(ENODATA, "the driver made no page pool with the provider for this queue"),
    ]
}
