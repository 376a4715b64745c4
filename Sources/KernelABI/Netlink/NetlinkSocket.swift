// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

/// A netlink socket that sends a request and gathers its answer.
struct NetlinkSocket: ~Copyable {
    private let socket: OpaquePointer
    private let buffer: UnsafeMutableRawBufferPointer

    /// How often a dump that changed under our eyes is asked for again.
    static let dumpAttempts = 8

    /// The kernel answers within the call that sends a request; this bounds the wait for what it may owe us.
    static let answerTimeout: CInt = 30_000

    /// - Parameter room: bytes of a datagram that can be received. The kernel makes a dump's as long as it has seen room for.
    init(protocol number: CInt, room: Int = Int(PPIOV_DATAGRAM_MAX)) throws(KernelError) {
        var opened: OpaquePointer?
        try check(ppiov_socket_open(number, &opened), "opening a netlink socket of protocol \(number)")
        guard let opened else { throw KernelError("opening a netlink socket", errno: .badAddress) }
        socket = opened
        buffer = .allocate(byteCount: room, alignment: 8)
    }

    deinit {
        ppiov_socket_close(socket)
        buffer.deallocate()
    }

    /// A way to write a request into a buffer, given its sequence number; one of the shim's `ppiov_msg_*`.
    typealias Builder = (UnsafeMutableRawPointer, Int, UInt32) -> CInt

    /// Sends a request and yields each message of its answer.
    ///
    /// - Throws: the kernel's errno and extack; `EAGAIN` where a dump kept changing; `ETIMEDOUT`.
    borrowing func request(
        _ operation: String, capacity: Int = 512, build: Builder, each: (UnsafeRawBufferPointer) throws(KernelError) -> Void
    ) throws(KernelError) {
        for _ in 0..<Self.dumpAttempts {
            var answer = ppiov_answer()
            defer { ppiov_answer_free(&answer) }
            try exchange(operation, capacity: capacity, build: build, answer: &answer)
            try Self.raise(operation, answer.ack)
            if answer.interrupted { continue }
            try Self.messages(operation, UnsafeRawBufferPointer(start: answer.bytes, count: answer.length), each)
            return
        }
        throw KernelError(operation, errno: .resourceTemporarilyUnavailable, message: "the dump kept changing")
    }

    private borrowing func exchange(
        _ operation: String, capacity: Int, build: Builder, answer: inout ppiov_answer
    ) throws(KernelError) {
        let seq = ppiov_socket_next_seq(socket)
        ppiov_answer_start(&answer, seq)
        let message = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
        defer { message.deallocate() }
        let length = try check(build(message, capacity, seq), operation)
        try check(ppiov_socket_send(socket, message, Int(length)), operation)
        while !answer.done {
            let got = try receive(operation, timeout: Self.answerTimeout)
            guard let got else { throw KernelError(operation, errno: .timedOut, message: "no answer") }
            try check(ppiov_answer_feed(&answer, got.baseAddress, got.count), operation)
        }
    }

    /// Sends a request whose answer nobody will read.
    borrowing func tell(_ operation: String, capacity: Int = 512, build: Builder) throws(KernelError) {
        let message = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
        defer { message.deallocate() }
        let length = try check(build(message, capacity, ppiov_socket_next_seq(socket)), operation)
        try check(ppiov_socket_send(socket, message, Int(length)), operation)
    }

    /// Leaves room for as little as the kernel allows (SO_RCVBUF).
    borrowing func leaveNoRoom() throws(KernelError) {
        try check(ppiov_socket_limit(socket, 1), "setting a netlink socket's SO_RCVBUF")
    }

    /// Receives one datagram; nil at the timeout. Milliseconds, negative for no limit.
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

    /// Walks the messages of a datagram or an answer.
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
            message: ack.has_text ? text(ack.text) : nil,
            badAttributeOffset: ack.has_offset ? ack.offset : nil,
            missingAttribute: ack.has_missing_type ? ack.missing_type : nil)
    }
}

/// The text in a C character array, which the shim always terminates.
func text<Array>(_ array: Array) -> String {
    withUnsafeBytes(of: array) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

/// A generic netlink family: its number, and its multicast groups by name.
struct GenericFamily {
    let id: UInt16
    let groups: [String: UInt32]

    init(named name: String, over socket: borrowing NetlinkSocket) throws(KernelError) {
        var family = ppiov_family()
        try socket.request(
            "looking up generic netlink family \(name)",
            build: { ppiov_msg_family_get($0, $1, $2, name) },
            each: { (message) throws(KernelError) in
                try check(
                    ppiov_parse_family(message.baseAddress, message.count, &family), "reading netlink family \(name)")
            })
        guard family.id != 0 else {
            throw KernelError("looking up generic netlink family \(name)", errno: .noSuchFileOrDirectory)
        }
        id = family.id
        groups = withUnsafeBytes(of: family.groups) { bytes in
            let all = bytes.bindMemory(to: ppiov_group.self).prefix(Int(family.group_count))
            return Dictionary(all.map { (text($0.name), $0.id) }, uniquingKeysWith: { first, _ in first })
        }
    }
}
