// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import SystemPackage

/// A packet as the kernel hands it to a reader in user space.
public struct HandedPacket: Sendable, Equatable {
    /// Names the packet of a queue; 0 for a log.
    public let id: UInt32
    /// What the reader got of it, network header first.
    public let bytes: [UInt8]
    /// Bytes of the packet. Only a queue sends it.
    public let length: UInt32

    init(_ raw: ppiov_handed) {
        id = raw.id
        bytes = [UInt8](UnsafeBufferPointer(start: raw.bytes, count: Int(raw.count)))
        length = raw.length
    }
}

extension NetlinkSocket {
    /// The packets in the next datagram; empty at the timeout.
    fileprivate borrowing func handed(_ operation: String, _ timeout: CInt) throws(KernelError) -> [HandedPacket] {
        var packets: [HandedPacket] = []
        guard let datagram = try receive(operation, timeout: timeout) else { return packets }
        try NetlinkSocket.messages(operation, datagram) { (message) throws(KernelError) in
            var raw = ppiov_handed()
            try check(ppiov_parse_handed(message.baseAddress, message.count, &raw), operation)
            if raw.present { packets.append(HandedPacket(raw)) }
        }
        return packets
    }
}

/// The reader of a queue of packets (nfnetlink_queue) in the network namespace of the thread that made it. Packets without a verdict are dropped
/// when it is closed. Needs CAP_NET_ADMIN.
public struct PacketQueue: ~Copyable {
    private let socket: NetlinkSocket
    private let number: UInt16

    /// - Parameter segments: it takes packets that are to be segmented, and those whose checksum is left to a device (`NFQA_CFG_F_GSO`).
    ///   Otherwise the kernel segments them before (`nfqnl_enqueue_packet()`).
    /// - Throws: `EBUSY` where the queue has a reader.
    public init(_ number: UInt16, segments: Bool) throws(KernelError) {
        let opened = try NetlinkSocket(protocol: CInt(PPIOV_NETLINK_NETFILTER))
        try opened.setReceiveBuffer(bytes: 1 << 20)
        try opened.request(
            "binding queue \(number)", build: { ppiov_msg_queue_bind($0, $1, $2, number, segments) }, each: { (_) throws(KernelError) in })
        socket = opened
        self.number = number
    }

    /// The next packets; empty at the timeout.
    public borrowing func next(timeoutMilliseconds: CInt) throws(KernelError) -> [HandedPacket] {
        try socket.handed("reading queue \(number)", timeoutMilliseconds)
    }

    /// Lets a packet continue.
    public borrowing func accept(_ packet: HandedPacket) throws(KernelError) {
        let (number, id) = (number, packet.id)
        try socket.send("accepting packet \(id) of queue \(number)") { ppiov_msg_queue_accept($0, $1, $2, number, id) }
    }
}

/// The reader of a log group (nfnetlink_log) in the network namespace of the thread that made it. Needs CAP_NET_ADMIN.
public struct PacketLog: ~Copyable {
    private let socket: NetlinkSocket
    private let group: UInt16

    /// - Throws: `EBUSY` where the group has a reader.
    public init(_ group: UInt16) throws(KernelError) {
        let opened = try NetlinkSocket(protocol: CInt(PPIOV_NETLINK_NETFILTER))
        try opened.setReceiveBuffer(bytes: 1 << 20)
        try opened.request("binding log group \(group)", build: { ppiov_msg_log_bind($0, $1, $2, group) }, each: { (_) throws(KernelError) in })
        socket = opened
        self.group = group
    }

    /// The next packets; empty at the timeout.
    public borrowing func next(timeoutMilliseconds: CInt) throws(KernelError) -> [HandedPacket] {
        try socket.handed("reading log group \(group)", timeoutMilliseconds)
    }
}
