// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

/// The generic netlink family `netdev`: queues, page pools, and the binding of dma-bufs to them.
///
/// It acts on the network namespace that its thread was in when the handle was made. Every dma-buf that is bound over it stays bound until
/// the handle is closed: the kernel's `netdev_nl_sock_priv_destroy()` unbinds them. A handle with bindings is closed with `close()`;
/// one that is dropped is noted in ``DroppedHandles``.
public struct Netdev: ~Copyable {
    let netlink: FamilySocket
    var bindings: Bindings = Bindings()
    private var events: EventSocket = .none
    private var pending: [PagePoolNotification] = []

    private enum EventSocket: ~Copyable {
        case none
        case open(NetlinkSocket)

        var isOpen: Bool {
            switch self {
            case .none: false
            case .open: true
            }
        }

        /// One datagram's messages, or nil at the timeout.
        borrowing func receive(_ operation: String, timeout: CInt) throws(KernelError) -> [PagePoolNotification]? {
            switch self {
            case .none: throw KernelError(operation, errno: .socketNotConnected, message: "not subscribed")
            case .open(let listener):
                guard let datagram = try listener.receive(operation, timeout: timeout) else { return nil }
                var got: [PagePoolNotification] = []
                try NetlinkSocket.messages(operation, datagram) { (message) throws(KernelError) in
                    if let one = try Netdev.notification(operation, message) { got.append(one) }
                }
                return got
            }
        }
    }

    /// How many dma-bufs are bound. Notes in ``DroppedHandles`` that the handle was dropped with bindings.
    struct Bindings: ~Copyable {
        var count = 0
        consuming func close() { discard self }
        deinit {
            if count > 0 { DroppedHandles.note("a netdev socket with \(count) dma-buf bindings") }
        }
    }

    /// - Parameter receiveBufferSize: bytes of the longest datagram to receive, a page at the least; nil for more than any needs. The kernel
    ///   splits a dump into datagrams of that length.
    /// - Throws: `ENOENT` where the kernel has no family `netdev` (before 6.3).
    public init(receiveBufferSize: Int? = nil) throws(KernelError) {
        netlink = try FamilySocket(PPIOV_NETDEV_FAMILY, receiveBufferSize: receiveBufferSize ?? Int(PPIOV_DATAGRAM_MAX))
    }

    /// Closes the socket. The kernel unbinds every dma-buf bound over it before this returns; their page pools may stay until the last release.
    public consuming func close() {
        bindings.close()
    }

    /// One device.
    ///
    /// - Throws: `ENODEV` where there is none.
    public borrowing func device(_ ifindex: UInt32) throws(KernelError) -> NetworkDevice {
        return try netlink.one(
            "dev-get of ifindex \(ifindex)", ppiov_netdev(),
            build: { ppiov_msg_dev_get($0, $1, $2, $3, ifindex) }, parse: ppiov_parse_dev, NetworkDevice.init)
    }

    /// Every device of the namespace.
    public borrowing func devices() throws(KernelError) -> [NetworkDevice] {
        return try netlink.all(
            "dump of devices", ppiov_netdev(),
            build: ppiov_msg_dev_dump, parse: ppiov_parse_dev, NetworkDevice.init)
    }

    /// One queue.
    ///
    /// - Throws: `ENODEV`; `ENOENT` where the device is down; `EINVAL` where it has no such queue.
    public borrowing func queue(
        _ queue: UInt32, of ifindex: UInt32, kind: DeviceQueue.Kind = .receive
    ) throws(KernelError) -> DeviceQueue {
        return try netlink.one(
            "queue-get of \(kind) queue \(queue) on ifindex \(ifindex)", ppiov_queue(),
            build: { ppiov_msg_queue_get($0, $1, $2, $3, ifindex, kind.rawValue, queue) },
            parse: ppiov_parse_queue, DeviceQueue.init)
    }

    /// The queues of one device, or of all; the kernel does not list those of a device that is down.
    public borrowing func queues(of ifindex: UInt32? = nil) throws(KernelError) -> [DeviceQueue] {
        return try netlink.all(
            "dump of queues", ppiov_queue(),
            build: { ppiov_msg_queue_dump($0, $1, $2, $3, ifindex ?? 0) }, parse: ppiov_parse_queue, DeviceQueue.init)
    }

    /// One NAPI instance.
    ///
    /// - Throws: `ENOENT` where there is none.
    public borrowing func napi(_ napiID: UInt32) throws(KernelError) -> NAPI {
        return try netlink.one(
            "napi-get of \(napiID)", ppiov_napi(),
            build: { ppiov_msg_napi_get($0, $1, $2, $3, napiID) }, parse: ppiov_parse_napi, NAPI.init)
    }

    /// The NAPI instances of one device, or of all.
    public borrowing func napis(of ifindex: UInt32? = nil) throws(KernelError) -> [NAPI] {
        return try netlink.all(
            "dump of NAPI instances", ppiov_napi(),
            build: { ppiov_msg_napi_dump($0, $1, $2, $3, ifindex ?? 0) }, parse: ppiov_parse_napi, NAPI.init)
    }

    /// One page pool.
    ///
    /// - Throws: `ENOENT` where it does not exist any more.
    public borrowing func pagePool(_ poolID: UInt64) throws(KernelError) -> PagePool {
        return try netlink.one(
            "page-pool-get of \(poolID)", ppiov_page_pool(),
            build: { ppiov_msg_page_pool_get($0, $1, $2, $3, poolID) }, parse: ppiov_parse_page_pool, PagePool.init)
    }

    /// Every page pool that is linked to a device of the namespace, detached ones with inflight buffers included.
    public borrowing func pagePools() throws(KernelError) -> [PagePool] {
        return try netlink.all(
            "dump of page pools", ppiov_page_pool(),
            build: ppiov_msg_page_pool_dump, parse: ppiov_parse_page_pool, PagePool.init)
    }

    /// One page pool's counters.
    ///
    /// - Throws: `ENOENT` where it does not exist any more; `EOPNOTSUPP` without CONFIG_PAGE_POOL_STATS.
    public borrowing func pagePoolStats(_ poolID: UInt64) throws(KernelError) -> PagePoolStatistics {
        return try netlink.one(
            "page-pool-stats-get of \(poolID)", ppiov_page_pool_stats(),
            build: { ppiov_msg_page_pool_stats_get($0, $1, $2, $3, poolID) },
            parse: ppiov_parse_page_pool_stats, PagePoolStatistics.init)
    }

    /// Every page pool's counters.
    ///
    /// - Throws: `EOPNOTSUPP` without CONFIG_PAGE_POOL_STATS, where there is a pool.
    public borrowing func pagePoolStats() throws(KernelError) -> [PagePoolStatistics] {
        return try netlink.all(
            "dump of page pool counters", ppiov_page_pool_stats(),
            build: ppiov_msg_page_pool_stats_dump,
            parse: ppiov_parse_page_pool_stats, PagePoolStatistics.init)
    }

    /// Binds a dma-buf to receive queues: devmem becomes their memory provider until this handle is closed.
    ///
    /// Mirrors `netdev_nl_bind_rx_doit()`. Needs CAP_NET_ADMIN.
    /// - Parameters:
    ///   - dmabuf: the dma-buf's descriptor; the caller may close it afterwards.
    ///   - pageSize: bytes of each net_iov, a power of two; nil leaves the attribute out.
    /// - Returns: the binding's id, which fragments and page pools have.
    /// - Throws: the kernel's errno with its extack.
    public mutating func bindRX(
        ifindex: UInt32, dmabuf: CInt, queues: [UInt32], pageSize: UInt32? = nil
    ) throws(KernelError) -> UInt32 {
        let names = queues.map(String.init).joined(separator: ", ")
        let result = try netlink.one(
            "bind-rx of queue \(names) on ifindex \(ifindex)", UInt32(), capacity: 512 + queues.count * 32,
            build: { buffer, size, family, seq in
                ppiov_msg_bind_rx(buffer, size, family, seq, ifindex, dmabuf, queues, queues.count, pageSize ?? 0)
            },
            parse: ppiov_parse_dmabuf_id, { $0 })
        bindings.count += 1
        return result
    }

    /// Binds a dma-buf to a device for sending, until this handle is closed. Mirrors `netdev_nl_bind_tx_doit()` (6.16).
    ///
    /// - Returns: the binding's id, which ``DeviceMemory/send(socket:dmabufID:offset:length:more:fastOpen:)`` takes.
    public mutating func bindTX(ifindex: UInt32, dmabuf: CInt) throws(KernelError) -> UInt32 {
        let result = try netlink.one(
            "bind-tx on ifindex \(ifindex)", UInt32(),
            build: { ppiov_msg_bind_tx($0, $1, $2, $3, ifindex, dmabuf) }, parse: ppiov_parse_dmabuf_id, { $0 })
        bindings.count += 1
        return result
    }

    /// Joins the multicast group `page-pool`, over a socket of its own. A second call does nothing.
    public mutating func subscribePagePools() throws(KernelError) {
        if events.isOpen { return }
        guard let group = netlink.family.groups[PPIOV_NETDEV_GROUP_PAGE_POOL] else {
            throw KernelError(
                "subscribing to page pool notifications", errno: .notSupported,
                message: "family netdev has no group \(PPIOV_NETDEV_GROUP_PAGE_POOL)")
        }
        let listener = try NetlinkSocket(protocol: CInt(PPIOV_NETLINK_GENERIC))
        try listener.join(group: group)
        events = .open(listener)
    }

    /// The next change of a page pool, or nil at the timeout.
    ///
    /// - Parameter timeoutMilliseconds: 0 does not wait, negative waits without limit.
    /// - Throws: `ENOBUFS` where the kernel lost notifications since the last call: request a dump then; `ENOTCONN` before
    ///   ``subscribePagePools()``.
    public mutating func nextNotification(timeoutMilliseconds: CInt) throws(KernelError) -> PagePoolNotification? {
        let operation = "waiting for a page pool notification"
        let deadline = Deadline(milliseconds: timeoutMilliseconds)
        while pending.isEmpty {
            guard let got = try events.receive(operation, timeout: deadline.remaining) else { return nil }
            pending = got
        }
        return pending.removeFirst()
    }

    private static func notification(
        _ operation: String, _ message: UnsafeRawBufferPointer
    ) throws(KernelError) -> PagePoolNotification? {
        let command = try check(ppiov_parse_command(message.baseAddress, message.count), operation)
        guard let change = PagePoolNotification.Change(rawValue: UInt8(truncatingIfNeeded: command)) else { return nil }
        var raw = ppiov_page_pool()
        try check(ppiov_parse_page_pool(message.baseAddress, message.count, &raw), operation)
        return PagePoolNotification(change: change, pool: PagePool(raw))
    }
}
