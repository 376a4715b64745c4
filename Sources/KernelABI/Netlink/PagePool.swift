// SPDX-License-Identifier: GPL-2.0

internal import CShim

/// A page pool's accounting. Mirrors `page_pool_nl_fill()`.
public struct PagePool: Sendable, Hashable {
    /// The number among the page pools of the kernel, assigned cyclically (`xa_alloc_cyclic()`).
    public let id: UInt64
    /// The device; nil once the device is unregistered and the kernel has moved the pool to the loopback device.
    public let ifindex: UInt32?
    /// The NAPI instance that the pool belongs to.
    public let napiID: UInt64?
    /// Buffers that are held and not yet released.
    public let inflight: UInt64
    /// The same in bytes.
    public let inflightBytes: UInt64
    /// When the driver destroyed the pool, in seconds of CLOCK_BOOTTIME; nil while it is in use. A detached pool stays until inflight is 0.
    public let detachTime: UInt64?
    /// The memory provider; nil for a pool of pages.
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

    /// io_uring's buffer size in bytes, where the kernel reports it.
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
        provider = MemoryProvider(
            dmabufID: raw.has_dmabuf ? raw.dmabuf : nil, hasIOUring: raw.has_io_uring,
            bufferLength: raw.has_rx_buf_len ? raw.rx_buf_len : nil)
    }
}

/// A page pool's counters since its creation. Mirrors `page_pool_nl_stats_fill()`; needs CONFIG_PAGE_POOL_STATS.
public struct PagePoolStatistics: Sendable, Hashable {
    /// The page pool's number.
    public let id: UInt64
    /// The device; nil for a pool without one.
    public let ifindex: UInt32?
    /// Allocations, by where the buffer came from (`struct page_pool_alloc_stats`).
    public let allocFast, allocSlow, allocSlowHighOrder, allocEmpty, allocRefill, allocWaive: UInt64
    /// Returned buffers, by where they went (`struct page_pool_recycle_stats`).
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

/// A notification of multicast group `page-pool`.
public struct PagePoolNotification: Sendable, Hashable {
    /// `NETDEV_CMD_PAGE_POOL_*_NTF`.
    public enum Change: UInt8, Sendable, Hashable {
        /// The pool was created.
        case added = 6
        /// The pool was freed: every buffer was released.
        case removed = 7
        /// The pool was detached: its driver destroyed it while buffers were inflight.
        case changed = 8
    }

    /// What happened to the pool.
    public let change: Change
    /// The pool's state at the time of the notification.
    public let pool: PagePool
}
