// SPDX-License-Identifier: GPL-2.0

internal import CShim

/// A network device as the netdev family shows it. Mirrors `netdev_nl_dev_fill()`.
public struct NetworkDevice: Sendable, Hashable {
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

/// Who gives a queue or a page pool its net_iovs.
public enum MemoryProvider: Sendable, Hashable {
    /// devmem TCP, with the id of its dma-buf binding.
    case deviceMemory(dmabufID: UInt32)
    /// io_uring zero-copy receive, with its buffer size in bytes where the kernel tells it (7.0 and later).
    case ioUring(bufferLength: UInt64?)
}

/// A device queue. Mirrors `netdev_nl_queue_fill_one()`.
public struct DeviceQueue: Sendable, Hashable {
    public enum Kind: UInt32, Sendable, Hashable {
        case receive = 0
        case transmit = 1
    }

    public let id: UInt32
    public let ifindex: UInt32
    public let kind: Kind
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
        if raw.has_dmabuf {
            provider = .deviceMemory(dmabufID: raw.dmabuf)
        } else if raw.has_io_uring {
            provider = .ioUring(bufferLength: raw.has_rx_buf_len ? raw.rx_buf_len : nil)
        } else {
            provider = nil
        }
    }
}

/// A NAPI instance. Mirrors `netdev_nl_napi_fill_one()`.
public struct NAPI: Sendable, Hashable {
    public let id: UInt32
    public let ifindex: UInt32
    public let irq: UInt32?
    /// The process id of its thread, where it has one.
    public let threadID: UInt32?
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

/// A page pool's accounting. Mirrors `page_pool_nl_fill()`.
public struct PagePool: Sendable, Hashable {
    public let id: UInt64
    /// The device; nil once the pool has outlived it and hangs on the loopback device.
    public let ifindex: UInt32?
    public let napiID: UInt64?
    /// Buffers out of the pool: held and not yet released.
    public let inflight: UInt64
    /// The same in bytes.
    public let inflightBytes: UInt64
    /// When the driver destroyed it, in seconds of CLOCK_BOOTTIME; nil while in use. A detached pool waits for its buffers.
    public let detachTime: UInt64?
    public let provider: MemoryProvider?

    /// The dma-buf binding, where devmem provides the pool.
    public var dmabufID: UInt32? {
        if case .deviceMemory(let id)? = provider { return id }
        return nil
    }

    /// Whether io_uring zero-copy receive provides the pool.
    public var ioUring: Bool {
        if case .ioUring? = provider { return true }
        return false
    }

    /// io_uring's buffer size in bytes, where the kernel tells it.
    public var rxBufLen: UInt64? {
        if case .ioUring(let length)? = provider { return length }
        return nil
    }

    init(_ raw: ppiov_page_pool) {
        id = raw.id
        ifindex = raw.has_ifindex ? raw.ifindex : nil
        napiID = raw.has_napi_id ? raw.napi_id : nil
        inflight = raw.inflight
        inflightBytes = raw.inflight_mem
        detachTime = raw.has_detach_time ? raw.detach_time : nil
        if raw.has_dmabuf {
            provider = .deviceMemory(dmabufID: raw.dmabuf)
        } else if raw.has_io_uring {
            provider = .ioUring(bufferLength: raw.has_rx_buf_len ? raw.rx_buf_len : nil)
        } else {
            provider = nil
        }
    }
}

/// A page pool's counters since its creation. Mirrors `page_pool_nl_stats_fill()`; needs CONFIG_PAGE_POOL_STATS.
public struct PagePoolStatistics: Sendable, Hashable {
    public let id: UInt64
    public let ifindex: UInt32?
    public let allocFast, allocSlow, allocSlowHighOrder, allocEmpty, allocRefill, allocWaive: UInt64
    public let recycleCached, recycleCacheFull, recycleRing, recycleRingFull, recycleReleasedRefcnt: UInt64

    init(_ raw: ppiov_page_pool_stats) {
        id = raw.id
        ifindex = raw.has_ifindex ? raw.ifindex : nil
        allocFast = raw.alloc_fast
        allocSlow = raw.alloc_slow
        allocSlowHighOrder = raw.alloc_slow_high_order
        allocEmpty = raw.alloc_empty
        allocRefill = raw.alloc_refill
        allocWaive = raw.alloc_waive
        recycleCached = raw.recycle_cached
        recycleCacheFull = raw.recycle_cache_full
        recycleRing = raw.recycle_ring
        recycleRingFull = raw.recycle_ring_full
        recycleReleasedRefcnt = raw.recycle_released_refcnt
    }
}

/// A change of a page pool, as multicast group `page-pool` tells it.
public struct PagePoolNotification: Sendable, Hashable {
    public enum Change: UInt8, Sendable, Hashable {
        /// The pool was created.
        case added = 6
        /// The pool is gone: every buffer came home.
        case removed = 7
        /// The pool was detached: its driver destroyed it and it now waits for its buffers.
        case changed = 8
    }

    public let change: Change
    public let pool: PagePool
}
