// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

/// A packet socket (packet(7)): whole frames of one interface, in and out. Needs CAP_NET_RAW.
public final class PacketSocket: Sendable {
    /// The interface's own address.
    public let hardwareAddress: [UInt8]
    private let ifindex: UInt32
    private let descriptor: CInt

    /// - Throws: `ENODEV` where there is no such interface; `EPERM`.
    public init(ifindex: UInt32) throws(KernelError) {
        var address = [UInt8](repeating: 0, count: 6)
        descriptor = try check(ppiov_packet_open(ifindex, &address), "packet socket on ifindex \(ifindex)")
        hardwareAddress = address
        self.ifindex = ifindex
    }

    /// Sends a frame with a TCP segment over IPv4 that is longer than any device takes, as TCP itself does: it is one skb, and stays one
    /// where devices can segment by themselves (`struct virtio_net_hdr`, include/uapi/linux/virtio_net.h).
    ///
    /// - Parameters:
    ///   - frame: Ethernet header first; without options of IP. TCP's checksum is that of the pseudo header, not inverted.
    ///   - beside: bytes of the frame that lie in one piece, the headers among them. The rest lies in pages, where the frame is longer than
    ///     one.
    ///   - segment: payload bytes of each segment that a device would make of it.
    public func sendLarge(_ frame: [UInt8], beside: Int, segment: Int) throws(KernelError) {
        let descriptor = try check(ppiov_packet_open_offload(ifindex), "packet socket with PACKET_VNET_HDR on ifindex \(ifindex)")
        defer { Glibc.close(descriptor) }
        let needsChecksum: [UInt8] = [1], tcp4: [UInt8] = [1]
        let numbers: [UInt16] = [UInt16(beside), UInt16(segment), 34, 16]
        let bytes = needsChecksum + tcp4 + numbers.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] } + frame
        while Glibc.send(descriptor, bytes, bytes.count, 0) < 0 {
            let error = Errno(rawValue: Glibc.errno)
            guard error == .interrupted else { throw KernelError("sending a frame of \(frame.count) bytes to be segmented", errno: error) }
        }
    }

    /// Sends a frame, Ethernet header first.
    public func send(_ frame: [UInt8]) throws(KernelError) {
        while Glibc.send(descriptor, frame, frame.count, 0) < 0 {
            let error = Errno(rawValue: Glibc.errno)
            // The interface's queue is full: its receiver takes frames by the microsecond.
            guard error == .noBufferSpace || error == .wouldBlock || error == .interrupted else {
                throw KernelError("sending a frame of \(frame.count) bytes", errno: error)
            }
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = poll(&entry, 1, 1)
        }
    }

    /// The next frame, those that this host sent included; nil at the limit.
    public func receive(timeoutMilliseconds: CInt) throws(KernelError) -> [UInt8]? {
        let deadline = Deadline(milliseconds: timeoutMilliseconds)
        var room = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &room, room.count, 0)
            if count >= 0 { return [UInt8](room.prefix(count)) }
            let error = Errno(rawValue: Glibc.errno)
            guard error == .wouldBlock || error == .interrupted else { throw KernelError("receiving a frame", errno: error) }
            let left = deadline.remaining
            if left == 0 { return nil }
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&entry, 1, left)
        }
    }

    deinit { Glibc.close(descriptor) }
}
