// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

/// devmem TCP: sockets whose payload stays in a dma-buf. `net/ipv4/tcp.c`, `net/core/devmem.c`.
public enum DeviceMemory {
    /// A fragment of payload. Mirrors `struct dmabuf_cmsg`.
    public struct Fragment: Sendable, Hashable {
        /// Whether the kernel copied it into ``Received/linear`` (`SCM_DEVMEM_LINEAR`) instead of leaving it in the dma-buf.
        public let isLinear: Bool
        /// Its first byte: in the dma-buf, or where it is linear in ``Received/linear``.
        public let offset: UInt64
        /// Bytes.
        public let size: UInt32
        /// Identifies it for ``DeviceMemory/dontNeed(_:of:)``. Linear fragments have none.
        public let token: UInt32
        /// The binding it belongs to.
        public let dmabufID: UInt32
        /// Reserved by the kernel.
        public let flags: UInt32
    }

    /// The result of one receive.
    public struct Received: Sendable, Hashable {
        /// Bytes in total; 0 at the end of the stream.
        public let count: Int
        /// In the order of the payload.
        public let fragments: [Fragment]
        /// Payload that was copied: that of the linear fragments, or where there are no fragments, all of it. The kernel delivers payload in pages
        /// without a control message.
        public let linear: [UInt8]
        /// Whether control messages were truncated (`MSG_CTRUNC`) or malformed: user space has lost a token, and its fragment stays inflight until
        /// the socket is closed.
        public let isTruncated: Bool
    }

    /// The most that one receive may return.
    public struct Limits: Sendable, Hashable {
        /// Bytes of payload.
        public var bytes = 1 << 20
        /// Fragments.
        public var fragments = 1024

        /// Limits in bytes and in fragments.
        public init(bytes: Int = 1 << 20, fragments: Int = 1024) {
            self.bytes = bytes
            self.fragments = fragments
        }
    }

    /// Receives payload (`MSG_SOCK_DEVMEM`). Every fragment that is not linear must be returned by ``dontNeed(_:of:)``.
    ///
    /// Mirrors `tcp_recvmsg_dmabuf()`.
    /// - Parameter peek: leave the payload in the socket (`MSG_PEEK`); the fragments then have tokens of their own.
    /// - Throws: `EAGAIN` where a non-blocking socket has no payload (``TCP/wait(_:for:timeoutMilliseconds:)`` waits); `EFAULT` or `ENODEV` where the
    ///   payload is not of the socket's dma-buf.
    public static func receive(socket: CInt, limits: Limits = Limits(), peek: Bool = false) throws(KernelError) -> Received {
        let operation = "receiving into device memory on socket \(socket)"
        var linear = [UInt8](repeating: 0, count: limits.bytes)
        var control = [UInt8](repeating: 0, count: ppiov_fragment_control_size(limits.fragments))
        var raw = [ppiov_fragment](repeating: ppiov_fragment(), count: limits.fragments)
        var outcome = ppiov_received()
        let count = Int(
            try check(
                ppiov_recv_devmem(
                    socket, peek, &linear, linear.count, &control, control.count, &raw, raw.count, &outcome), operation))
        let seen = raw.prefix(outcome.fragment_count)
        var copied = 0
        let fragments = seen.map { fragment in
            let place = fragment.linear ? UInt64(copied) : fragment.offset
            if fragment.linear { copied += Int(fragment.size) }
            return Fragment(
                isLinear: fragment.linear, offset: place, size: fragment.size, token: fragment.token,
                dmabufID: fragment.dmabuf_id, flags: fragment.flags)
        }
        return Received(
            count: count, fragments: fragments, linear: [UInt8](linear.prefix(fragments.isEmpty ? count : copied)),
            isTruncated: outcome.control_truncated || outcome.malformed || outcome.fragment_count > raw.count)
    }

    /// Consecutive tokens to return. Mirrors `struct dmabuf_token`.
    public struct TokenRange: Sendable, Hashable {
        /// The first token, and how many there are.
        public var start: UInt32
        public var count: UInt32

        /// By default one token.
        public init(start: UInt32, count: UInt32 = 1) {
            self.start = start
            self.count = count
        }
    }

    /// The most ranges of one call: `MAX_DONTNEED_TOKENS`. The kernel also stops after 1024 fragments.
    public static let maximumRanges = 128

    /// Returns fragments in one call (`SO_DEVMEM_DONTNEED`). Mirrors `sock_devmem_dontneed()`.
    ///
    /// - Returns: how many fragments the kernel released; unknown tokens do not count.
    /// - Throws: `EINVAL` for more than ``maximumRanges``; `EBADF` where the socket is not TCP.
    public static func dontNeed(_ ranges: [TokenRange], of socket: CInt) throws(KernelError) -> Int {
        let raw = ranges.map { ppiov_dmabuf_token(token_start: $0.start, token_count: $0.count) }
        return Int(
            try check(
                ppiov_dontneed(socket, raw, raw.count), "returning \(ranges.count) token ranges of socket \(socket)"))
    }

    /// Returns every fragment that is not linear, in as many calls as needed.
    ///
    /// - Returns: how many fragments the kernel released.
    @discardableResult
    public static func dontNeed(_ fragments: [Fragment], of socket: CInt) throws(KernelError) -> Int {
        var ranges = fragments.filter { !$0.isLinear }.map { TokenRange(start: $0.token) }[...]
        var taken = 0
        while !ranges.isEmpty {
            taken += try dontNeed([TokenRange](ranges.prefix(maximumRanges)), of: socket)
            ranges = ranges.dropFirst(maximumRanges)
        }
        return taken
    }

    /// Sets `SO_ZEROCOPY`, which sends from a dma-buf require.
    public static func enableZeroCopy(socket: CInt) throws(KernelError) {
        try check(ppiov_zerocopy_enable(socket), "setting SO_ZEROCOPY on socket \(socket)")
    }

    /// A range of a dma-buf, to be sent.
    public struct SendRange: Sendable, Hashable {
        /// Bytes.
        public var offset: UInt64, length: Int

        /// A range in bytes.
        public init(offset: UInt64, length: Int) {
            self.offset = offset
            self.length = length
        }
    }

    /// Sends bytes of a dma-buf that was bound by ``Netdev/bindTX(ifindex:dmabuf:)``. The socket must use that device.
    ///
    /// - Parameters:
    ///   - ranges: sent in this order, by one sendmsg(2).
    ///   - more: a later send may share a packet with these bytes (`MSG_MORE`).
    ///   - fastOpen: the socket connects with it (`MSG_FASTOPEN`), once.
    ///   - zeroCopy: `MSG_ZEROCOPY`, without which the kernel refuses the send (`EINVAL`).
    /// - Returns: bytes accepted, which may be fewer. They must not change until the completion.
    /// - Throws: `EAGAIN` where the send buffer of a non-blocking socket is full; `EINVAL`, `ENODEV` where the binding is not of the socket's
    ///   device.
    public static func send(
        socket: CInt, dmabufID: UInt32, ranges: [SendRange], more: Bool = false, fastOpen: Bool = false, zeroCopy: Bool = true
    ) throws(KernelError) -> Int {
        let vectors = ranges.map { iovec(iov_base: UnsafeMutableRawPointer(bitPattern: UInt($0.offset)), iov_len: $0.length) }
        let what = ranges.map { "\($0.length) bytes at \($0.offset)" }.joined(separator: ", ")
        return Int(
            try check(
                ppiov_send_devmem(socket, dmabufID, vectors, vectors.count, more, fastOpen, zeroCopy),
                "sending \(what) of dma-buf \(dmabufID) over socket \(socket)"))
    }

    /// Sends one range. See ``send(socket:dmabufID:ranges:more:fastOpen:zeroCopy:)``.
    public static func send(
        socket: CInt, dmabufID: UInt32, offset: UInt64, length: Int, more: Bool = false, fastOpen: Bool = false
    ) throws(KernelError) -> Int {
        try send(socket: socket, dmabufID: dmabufID, ranges: [SendRange(offset: offset, length: length)], more: more, fastOpen: fastOpen)
    }

    /// Sends whose memory the stack no longer uses.
    public struct SendCompletion: Sendable, Hashable {
        /// Sends, counted from 0 for the socket's first.
        public let sends: ClosedRange<UInt32>
        /// Whether the kernel copied the payload (`SO_EE_CODE_ZEROCOPY_COPIED`).
        public let copied: Bool
    }

    /// The next completion of zero-copy sends (`MSG_ERRQUEUE`); nil where there is none yet. ``TCP/wait(_:for:timeoutMilliseconds:)`` waits for one.
    public static func sendCompletion(socket: CInt) throws(KernelError) -> SendCompletion? {
        var raw = ppiov_zerocopy()
        let operation = "reading the error queue of socket \(socket)"
        guard try check(ppiov_zerocopy_completion(socket, &raw), operation) == 1 else { return nil }
        guard raw.low <= raw.high else {
            throw KernelError(operation, errno: Errno(rawValue: EBADMSG), message: "sends \(raw.low) to \(raw.high)")
        }
        return SendCompletion(sends: raw.low...raw.high, copied: raw.copied)
    }
}
