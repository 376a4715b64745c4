// SPDX-License-Identifier: GPL-2.0

internal import CShim

/// A network device in the netdev family. Mirrors `netdev_nl_dev_fill()`.
public struct NetworkDevice: Sendable, Hashable {
    /// The device's interface index.
    public let ifindex: UInt32
    /// `NETDEV_XDP_ACT_*` bits.
    public let xdpFeatures: UInt64
    /// `NETDEV_XSK_FLAGS_*` bits.
    public let xskFeatures: UInt64

    init(_ raw: ppiov_netdev) {
        ifindex = raw.ifindex
        xdpFeatures = raw.xdp_features
        xskFeatures = raw.xsk_features
    }
}

/// The memory provider of a queue or a page pool, which supplies its net_iovs.
public enum MemoryProvider: Sendable, Hashable {
    /// devmem TCP, with the id of its dma-buf binding.
    case deviceMemory(dmabufID: UInt32)
    /// io_uring zero-copy receive, with its buffer size in bytes where the kernel reports it (7.0 and later).
    case ioUring(bufferLength: UInt64?)

    /// From the attributes of a queue or a page pool; nil where it has no memory provider.
    init?(dmabufID: UInt32?, hasIOUring: Bool, bufferLength: UInt64?) {
        if let dmabufID {
            self = .deviceMemory(dmabufID: dmabufID)
        } else if hasIOUring {
            self = .ioUring(bufferLength: bufferLength)
        } else {
            return nil
        }
    }
}

/// A device queue. Mirrors `netdev_nl_queue_fill_one()`.
public struct DeviceQueue: Sendable, Hashable {
    /// `NETDEV_QUEUE_TYPE_*`.
    public enum Kind: UInt32, Sendable, Hashable {
        case receive = 0
        case transmit = 1
    }

    /// The number among the queues of its kind.
    public let id: UInt32
    /// The device's interface index.
    public let ifindex: UInt32
    /// Receive or transmit.
    public let kind: Kind
    /// The NAPI instance that serves the queue.
    public let napiID: UInt32?
    /// The provider bound to the queue, if any.
    public let provider: MemoryProvider?
    /// Whether an AF_XDP socket holds the queue.
    public let hasXDPSocket: Bool
    /// Whether the queue is leased to or from another device.
    public let isLeased: Bool

    init?(_ raw: ppiov_queue) {
        guard let kind = Kind(rawValue: raw.type) else { return nil }
        id = raw.id
        ifindex = raw.ifindex
        self.kind = kind
        napiID = raw.has_napi_id ? raw.napi_id : nil
        hasXDPSocket = raw.has_xsk
        isLeased = raw.has_lease
        provider = MemoryProvider(
            dmabufID: raw.has_dmabuf ? raw.dmabuf : nil, hasIOUring: raw.has_io_uring,
            bufferLength: raw.has_rx_buf_len ? raw.rx_buf_len : nil)
    }
}

/// A NAPI instance. Mirrors `netdev_nl_napi_fill_one()`.
public struct NAPI: Sendable, Hashable {
    /// The number among the NAPI instances of the kernel.
    public let id: UInt32
    /// The device's interface index.
    public let ifindex: UInt32
    /// The interrupt, where there is one.
    public let irq: UInt32?
    /// The process id of its kernel thread, where it has one.
    public let threadID: UInt32?
    /// Consecutive empty polls before interrupts are enabled again (`defer-hard-irqs`).
    public let deferHardIRQs: UInt32
    /// Nanoseconds.
    public let groFlushTimeout: UInt64
    /// Nanoseconds.
    public let irqSuspendTimeout: UInt64

    init(_ raw: ppiov_napi) {
        id = raw.id
        ifindex = raw.ifindex
        irq = raw.has_irq ? raw.irq : nil
        threadID = raw.has_pid ? raw.pid : nil
        deferHardIRQs = raw.defer_hard_irqs
        groFlushTimeout = raw.gro_flush_timeout
        irqSuspendTimeout = raw.irq_suspend_timeout
    }
}
