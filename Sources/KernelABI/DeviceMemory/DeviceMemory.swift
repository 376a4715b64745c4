// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

/// devmem TCP: sockets whose payload stays in a dma-buf. `net/ipv4/tcp.c`, `net/core/devmem.c`.
public enum DeviceMemory {
    /// A piece of payload. Mirrors `struct dmabuf_cmsg`.
    public struct Fragment: Sendable, Hashable {
        /// Whether the kernel copied it into ``Received/linear`` (`SCM_DEVMEM_LINEAR`) instead of leaving it in the dma-buf.
        public let isLinear: Bool
        /// Where it begins, in bytes: in the dma-buf, or for a linear one in ``Received/linear``.
        public let offset: UInt64
        /// Bytes.
        public let size: UInt32
        /// What gives it back; not for linear ones.
        public let token: UInt32
        /// The binding it belongs to.
        public let dmabufID: UInt32
        /// Reserved by the kernel.
        public let flags: UInt32
    }

    /// What one receive brought.
    public struct Received: Sendable, Hashable {
        /// Bytes in total; 0 at the end of the stream.
        public let count: Int
        public let fragments: [Fragment]
        /// Payload that was copied: the linear fragments', or where there are no fragments at all, everything. Payload in pages comes so,
        /// without a control message.
        public let linear: [UInt8]
        /// Whether control messages were cut off or of an unknown form: some fragment is lost to user space until the socket
        /// is closed.
        public let isDamaged: Bool
    }

    /// How much to take at a time.
    public struct Limits: Sendable, Hashable {
        /// Bytes of payload.
        public var bytes = 1 << 20
        /// Fragments.
        public var fragments = 1024

        public init(bytes: Int = 1 << 20, fragments: Int = 1024) {
            self.bytes = bytes
            self.fragments = fragments
        }
    }

    /// Receives payload (`MSG_SOCK_DEVMEM`). Every fragment that is not linear is to be given back by ``dontNeed(_:of:)``.
    ///
    /// Mirrors `tcp_recvmsg_dmabuf()`.
    /// - Parameter peek: leave it in the socket, too (`MSG_PEEK`); the fragments have tokens of their own then.
    /// - Throws: `EAGAIN` where a non-blocking socket has nothing (``TCP/wait(_:for:timeoutMilliseconds:)`` waits);
    ///   `EFAULT` or `ENODEV` where payload and dma-buf do not fit together.
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
        let fragments = seen.map { piece in
            let place = piece.linear ? UInt64(copied) : piece.offset
            if piece.linear { copied += Int(piece.size) }
            return Fragment(
                isLinear: piece.linear, offset: place, size: piece.size, token: piece.token,
                dmabufID: piece.dmabuf_id, flags: piece.flags)
        }
        return Received(
            count: count, fragments: fragments, linear: [UInt8](linear.prefix(fragments.isEmpty ? count : copied)),
            isDamaged: outcome.control_truncated || outcome.malformed || outcome.fragment_count > raw.count)
    }

    /// A run of tokens to give back. Mirrors `struct dmabuf_token`.
    public struct TokenRange: Sendable, Hashable {
        public var start: UInt32
        public var count: UInt32

        public init(start: UInt32, count: UInt32 = 1) {
            self.start = start
            self.count = count
        }
    }

    /// The most ranges that one call takes: `MAX_DONTNEED_TOKENS`. A call also stops after 1024 fragments.
    public static let maximumRanges = 128

    /// Gives fragments back in one call (`SO_DEVMEM_DONTNEED`). Mirrors `sock_devmem_dontneed()`.
    ///
    /// - Returns: how many fragments the kernel took; tokens it does not know count for nothing.
    /// - Throws: `EINVAL` for more than ``maximumRanges``; `EBADF` where the socket is not TCP.
    public static func dontNeed(_ ranges: [TokenRange], of socket: CInt) throws(KernelError) -> Int {
        let raw = ranges.map { ppiov_dmabuf_token(token_start: $0.start, token_count: $0.count) }
        return Int(
            try check(
                ppiov_dontneed(socket, raw, raw.count), "giving \(ranges.count) token ranges of socket \(socket) back"))
    }

    /// Gives back with any bytes as the tokens, for tests of what the kernel does with an option it cannot read.
    ///
    /// - Parameter address: where the option stands, in place of `bytes`; it need not be mapped.
    public static func dontNeed(raw bytes: [UInt8], at address: UInt? = nil, of socket: CInt) throws(KernelError) -> Int {
        let operation = "giving \(bytes.count) bytes of tokens of socket \(socket) back"
        if let address {
            return Int(try check(ppiov_dontneed_raw(socket, UnsafeRawPointer(bitPattern: address), bytes.count), operation))
        }
        return Int(try check(ppiov_dontneed_raw(socket, bytes, bytes.count), operation))
    }

    /// Gives every fragment back that is not linear, in as many calls as that takes.
    ///
    /// - Returns: how many fragments the kernel took.
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

    /// Allows zero-copy sends on a socket (`SO_ZEROCOPY`), which sends from a dma-buf demand.
    public static func enableZeroCopy(socket: CInt) throws(KernelError) {
        try check(ppiov_zerocopy_enable(socket), "setting SO_ZEROCOPY on socket \(socket)")
    }

    /// A range of a dma-buf.
    public struct Piece: Sendable, Hashable {
        /// Bytes.
        public var offset: UInt64, length: Int

        public init(offset: UInt64, length: Int) {
            self.offset = offset
            self.length = length
        }
    }

    /// Sends bytes of a dma-buf that was bound by ``Netdev/bindTX(ifindex:dmabuf:)``. The socket must go by that device.
    ///
    /// - Parameters:
    ///   - pieces: sent one after the other, by one sendmsg(2).
    ///   - more: more follows that may share a packet with these (`MSG_MORE`).
    ///   - fastOpen: the socket is to connect with it (`MSG_FASTOPEN`), which it can once.
    ///   - zeroCopy: `MSG_ZEROCOPY`, which the kernel demands; false tests the refusal.
    /// - Returns: bytes taken, which may be fewer. They must stay as they are until the completion.
    /// - Throws: `EAGAIN` where a non-blocking socket has no room; `EINVAL`, `ENODEV` where binding and socket do not fit.
    public static func send(
        socket: CInt, dmabufID: UInt32, pieces: [Piece], more: Bool = false, fastOpen: Bool = false, zeroCopy: Bool = true
    ) throws(KernelError) -> Int {
        let vectors = pieces.map { iovec(iov_base: UnsafeMutableRawPointer(bitPattern: UInt($0.offset)), iov_len: $0.length) }
        let what = pieces.map { "\($0.length) bytes at \($0.offset)" }.joined(separator: ", ")
        return Int(
            try check(
                ppiov_send_devmem(socket, dmabufID, vectors, vectors.count, more, fastOpen, zeroCopy),
                "sending \(what) of dma-buf \(dmabufID) over socket \(socket)"))
    }

    /// Sends one range. See ``send(socket:dmabufID:pieces:more:)``.
    public static func send(
        socket: CInt, dmabufID: UInt32, offset: UInt64, length: Int, more: Bool = false, fastOpen: Bool = false
    ) throws(KernelError) -> Int {
        try send(socket: socket, dmabufID: dmabufID, pieces: [Piece(offset: offset, length: length)], more: more, fastOpen: fastOpen)
    }

    /// Sends whose pages the stack has let go of.
    public struct SendCompletion: Sendable, Hashable {
        /// Sends, counted from 0 for the socket's first.
        public let sends: ClosedRange<UInt32>
        /// Whether the kernel copied after all.
        public let copied: Bool
    }

    /// The next completion of zero-copy sends; nil where there is none yet (`MSG_ERRQUEUE`).
    /// ``TCP/wait(_:for:timeoutMilliseconds:)`` waits for one.
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
