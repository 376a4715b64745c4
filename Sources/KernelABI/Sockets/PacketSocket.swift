// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

/// A packet socket (packet(7)), which sends and receives whole frames of one interface. Needs CAP_NET_RAW.
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

    /// Sends a frame with a TCP segment over IPv4 that is larger than the MTU, as TCP does (TSO): it is one skb, and stays one where the device can
    /// segment it (`struct virtio_net_hdr`, include/uapi/linux/virtio_net.h).
    ///
    /// - Parameters:
    ///   - frame: Ethernet header first; without IP options. TCP's checksum is that of the pseudo header, not inverted.
    ///   - linear: bytes of the frame that are in the skb's linear part, headers included. The rest is in pages, where the frame is longer than
    ///     one page.
    ///   - segment: payload bytes of each segment that a device would make of it.
    public func sendLarge(_ frame: [UInt8], linear: Int, segment: Int) throws(KernelError) {
        try sendOffload(frame, linear: linear, segment: segment, "to be segmented")
    }

    private func sendOffload(_ frame: [UInt8], linear: Int, segment: Int, _ what: String) throws(KernelError) {
        let descriptor = OwnedDescriptor(
            taking: try check(ppiov_packet_open_offload(ifindex), "packet socket with PACKET_VNET_HDR on ifindex \(ifindex)"))
        let result = ppiov_packet_send_offload(descriptor.rawValue, frame, frame.count, UInt16(linear), UInt16(segment))
        descriptor.close()
        try check(result, "sending a frame of \(frame.count) bytes \(what)")
    }

    /// Sends a frame with a TCP segment over IPv4, without IP options, whose TCP checksum is left to the device: the frame has that of the pseudo
    /// header, not inverted.
    public func sendUnsummed(_ frame: [UInt8]) throws(KernelError) {
        try sendOffload(frame, linear: 0, segment: 0, "with a checksum left to the device")
    }

    /// Sends a frame, Ethernet header first.
    public func send(_ frame: [UInt8]) throws(KernelError) {
        while Glibc.send(descriptor, frame, frame.count, 0) < 0 {
            let error = Errno(rawValue: Glibc.errno)
            // The interface's queue is full. Its receiver empties it within microseconds.
            guard error == .noBufferSpace || error == .wouldBlock || error == .interrupted else {
                throw KernelError("sending a frame of \(frame.count) bytes", errno: error)
            }
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = poll(&entry, 1, 1)
        }
    }

    /// The next frame, including those that this host sent; nil at the timeout.
    public func receive(timeoutMilliseconds: CInt) throws(KernelError) -> [UInt8]? {
        let deadline = Deadline(milliseconds: timeoutMilliseconds)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count >= 0 { return [UInt8](buffer.prefix(count)) }
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
