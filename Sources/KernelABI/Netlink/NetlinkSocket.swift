// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

/// A netlink socket that sends a request and collects its reply.
struct NetlinkSocket: ~Copyable {
    private let socket: OpaquePointer
    private let buffer: UnsafeMutableRawBufferPointer

    /// How often a dump is requested that the kernel marks as interrupted (`NLM_F_DUMP_INTR`).
    static let dumpAttempts = 8

    /// Milliseconds. The kernel replies within the call that sends a request; this bounds the wait for a reply that is missing.
    static let replyTimeout: CInt = 30_000

    /// - Parameter receiveBufferSize: bytes of the longest datagram that can be received. The kernel makes the datagrams of a dump as long as
    ///   the longest buffer that it was given in recvmsg(2).
    init(protocol number: CInt, receiveBufferSize: Int = Int(PPIOV_DATAGRAM_MAX)) throws(KernelError) {
        var opened: OpaquePointer?
        try check(ppiov_socket_open(number, &opened), "opening a netlink socket of protocol \(number)")
        guard let opened else { throw KernelError("opening a netlink socket", errno: .badAddress) }
        socket = opened
        buffer = .allocate(byteCount: receiveBufferSize, alignment: 8)
    }

    deinit {
        ppiov_socket_close(socket)
        buffer.deallocate()
    }

    /// Writes a request to a buffer, given the sequence number; one of the shim's `ppiov_msg_*`.
    typealias Builder = (UnsafeMutableRawPointer, Int, UInt32) -> CInt

    /// Sends a request and calls `each` with every message of its reply.
    ///
    /// - Throws: the kernel's errno and extack; `EAGAIN` where every dump was interrupted; `ETIMEDOUT`.
    borrowing func request(
        _ operation: String, capacity: Int = 512, build: Builder, each: (UnsafeRawBufferPointer) throws(KernelError) -> Void
    ) throws(KernelError) {
        for _ in 0..<Self.dumpAttempts {
            var reply = ppiov_reply()
            defer { ppiov_reply_free(&reply) }
            try exchange(operation, capacity: capacity, build: build, reply: &reply)
            try Self.raise(operation, reply.ack)
            if reply.interrupted { continue }
            try Self.messages(operation, UnsafeRawBufferPointer(start: reply.bytes, count: reply.length), each)
            return
        }
        throw KernelError(operation, errno: .resourceTemporarilyUnavailable, message: "every dump was interrupted")
    }

    private borrowing func exchange(
        _ operation: String, capacity: Int, build: Builder, reply: inout ppiov_reply
    ) throws(KernelError) {
        let seq = ppiov_socket_next_seq(socket)
        ppiov_reply_start(&reply, seq)
        let message = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
        defer { message.deallocate() }
        let length = try check(build(message, capacity, seq), operation)
        try check(ppiov_socket_send(socket, message, Int(length)), operation)
        while !reply.done {
            let got = try receive(operation, timeout: Self.replyTimeout)
            guard let got else { throw KernelError(operation, errno: .timedOut, message: "no reply") }
            try check(ppiov_reply_feed(&reply, got.baseAddress, got.count), operation)
        }
    }

    /// Sends a request and does not read the reply.
    borrowing func send(_ operation: String, capacity: Int = 512, build: Builder) throws(KernelError) {
        let message = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
        defer { message.deallocate() }
        let length = try check(build(message, capacity, ppiov_socket_next_seq(socket)), operation)
        try check(ppiov_socket_send(socket, message, Int(length)), operation)
    }

    /// Sets `SO_RCVBUF`; the kernel raises a value below its minimum.
    borrowing func setReceiveBuffer(bytes: CInt) throws(KernelError) {
        try check(ppiov_socket_set_receive_buffer(socket, bytes), "setting SO_RCVBUF of a netlink socket")
    }

    /// Receives one datagram.
    ///
    /// - Parameter timeout: milliseconds, negative for no limit.
    /// - Returns: nil at the timeout.
    borrowing func receive(_ operation: String, timeout: CInt) throws(KernelError) -> UnsafeRawBufferPointer? {
        let deadline = Deadline(milliseconds: timeout)
        while true {
            let got = ppiov_socket_receive(socket, buffer.baseAddress, buffer.count, deadline.remaining)
            if got == -EINTR || got == -EAGAIN { continue }
            let length = Int(try check(got, operation))
            return length == 0 ? nil : UnsafeRawBufferPointer(rebasing: buffer[..<length])
        }
    }

    borrowing func join(group: UInt32) throws(KernelError) {
        try check(ppiov_socket_join(socket, group), "joining netlink group \(group)")
    }

    /// Calls `each` with every message of a datagram or a reply.
    static func messages(
        _ operation: String, _ bytes: UnsafeRawBufferPointer, _ each: (UnsafeRawBufferPointer) throws(KernelError) -> Void
    ) throws(KernelError) {
        var offset = 0
        while offset < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            var message = ppiov_message()
            try check(ppiov_parse_message(rest.baseAddress, rest.count, &message), operation)
            try each(UnsafeRawBufferPointer(rebasing: rest[..<Int(message.length)]))
            offset += Int(message.stride)
        }
    }

    private static func raise(_ operation: String, _ ack: ppiov_ack) throws(KernelError) {
        guard ack.error != 0 else { return }
        throw KernelError(
            operation, errno: Errno(rawValue: -ack.error),
            message: ack.has_text ? String(characters: ack.text) : nil,
            badAttributeOffset: ack.has_offset ? ack.offset : nil,
            missingAttribute: ack.has_missing_type ? ack.missing_type : nil)
    }
}

extension String {
    /// The text in a C character array, which the shim terminates.
    init<Array>(characters array: Array) {
        self = withUnsafeBytes(of: array) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
