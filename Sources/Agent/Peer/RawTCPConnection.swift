// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Scenarios

/// A TCP connection that the peer's kernel has no socket for: the segments are made here and sent over a packet socket, in any order, twice or
/// overlapping, from an address that no interface has.
///
/// It sends only what a command contains, so it needs no congestion control; the bytes of a command must fit into the target's window.
final class RawTCPConnection {
    /// Bytes of payload of the longest segment: an MTU of 1500 without options.
    static let segmentBytes = 1460
    /// Bytes of payload of the longest segment where the MTU is 9000.
    static let jumboBytes = 8960
    /// Bytes of payload of the longest packet that the kernel segments, within IP's limit.
    static let largeBytes = 60_000
    private static let arp: UInt16 = 0x0806
    private static let ipv4: UInt16 = 0x0800
    /// Milliseconds without a new acknowledgement after which the first missing segment is sent again.
    private static let resendAfter: CInt = 200

    private let wire: PacketSocket
    private let source: [UInt8], target: [UInt8]
    private let sourcePort: UInt16, targetPort: UInt16
    private var targetHardware: [UInt8] = []
    /// Sequence number of the stream's first byte.
    private let first: UInt32
    /// Sequence number of the next byte from the target.
    private var expected: UInt32 = 0
    private var acknowledged: UInt32

    private struct Flags {
        static let end: UInt8 = 0x01, syn: UInt8 = 0x02, reset: UInt8 = 0x04, push: UInt8 = 0x08, ack: UInt8 = 0x10, urgent: UInt8 = 0x20
    }

    init(ifindex: UInt32, from source: IPAddress, to target: IPAddress, port: UInt16) throws {
        wire = try PacketSocket(ifindex: ifindex)
        self.source = source.bytes
        self.target = target.bytes
        targetPort = port
        let now = MonotonicClock.now
        // Another each time: where scenarios share a guest, the previous connection may be in TIME_WAIT.
        sourcePort = 20_000 + UInt16(now / 1000 % 40_000)
        let number = UInt32(truncatingIfNeeded: now)
        first = number &+ 1
        acknowledged = number

        try wire.send(resolution(1, to: [UInt8](repeating: 0xff, count: 6)))
        try waitFor("answer to the ARP request", send: nil) { self.targetHardware.count == 6 }
        let syn = frame(number, Flags.syn, [])
        try wire.send(syn)
        try waitFor("SYN-ACK", send: syn) { self.acknowledged == self.first }
        try wire.send(frame(first, Flags.ack, []))
    }

    /// Sends segments of the pattern in that order; returns when everything up to the furthest is acknowledged.
    ///
    /// - Parameter inOneBurst: segments in order that GRO may merge: none but the last is pushed, and no thread on CPU 0 runs before the last is sent.
    /// - Returns: how many segments had to be sent again.
    func send(_ pattern: PayloadPattern, _ segments: [PeerSegment], inOneBurst: Bool = false) throws -> UInt64 {
        for segment in segments { try check(segment, upTo: Self.segmentBytes) }
        let frames = segments.enumerated().map { data(pattern, $1, pushed: !inOneBurst || $0 == segments.count - 1) }
        if inOneBurst {
            try ThreadPlacement.uninterrupted(on: 0) { for frame in frames { try wire.send(frame) } }
        } else {
            for frame in frames { try wire.send(frame) }
        }
        guard let end = segments.map({ $0.offset + UInt64($0.length) }).max() else { return 0 }
        return try awaitAcknowledged(end, pattern)
    }

    /// Sends bytes of the pattern in one packet, as a device that merges segments passes it on; returns when it is acknowledged.
    ///
    /// - Parameter linear: bytes of payload in the linear part, behind the headers; the others are in pages.
    /// - Returns: how many segments had to be sent again.
    func sendLarge(_ pattern: PayloadPattern, _ packet: PeerSegment, linear: Int) throws -> UInt64 {
        try check(packet, upTo: Self.largeBytes)
        guard (0...packet.length).contains(linear) else { throw ScenarioFailure("\(linear) of \(packet.length) bytes cannot be linear") }
        let frame = data(pattern, packet, checksum: .partial)
        try wire.sendLarge(frame, linear: frame.count - packet.length + linear, segment: Self.segmentBytes)
        return try awaitAcknowledged(packet.offset + UInt64(packet.length), pattern)
    }

    /// Sends a segment of the pattern with its last byte marked as urgent; returns when it is acknowledged.
    ///
    /// - Returns: how many segments had to be sent again.
    func sendUrgent(_ pattern: PayloadPattern, _ segment: PeerSegment) throws -> UInt64 {
        try check(segment, upTo: Self.segmentBytes)
        try wire.send(data(pattern, segment, urgent: UInt16(segment.length)))
        return try awaitAcknowledged(segment.offset + UInt64(segment.length), pattern, urgent: true)
    }

    /// Sends a segment in a frame with bytes behind the IP datagram, as a device pads a short frame; returns when it is acknowledged.
    ///
    /// - Returns: how often bytes of it were sent again, unpadded.
    func sendPadded(_ pattern: PayloadPattern, _ segment: PeerSegment, padding: Int, summed: Bool) throws -> UInt64 {
        try check(segment, upTo: Self.jumboBytes - padding)
        let frame = data(pattern, segment, checksum: summed ? .complete : .partial) + Self.padding(padding)
        if summed { try wire.send(frame) } else { try wire.sendUnsummed(frame) }
        return try awaitAcknowledged(segment.offset + UInt64(segment.length), pattern)
    }

    /// Sends the end of the stream, at `offset`, in a padded frame; returns when it is acknowledged.
    ///
    /// - Returns: how often it was sent again, unpadded.
    func sendPaddedEnd(at offset: UInt64, padding: Int) throws -> UInt64 {
        var again: UInt64 = 0
        let deadline = Deadline(seconds: 15)
        let end = frame(first &+ UInt32(truncatingIfNeeded: offset), Flags.end | Flags.ack, [])
        try wire.send(end + Self.padding(padding))
        while behind(offset + 1) {
            guard !deadline.hasPassed else { throw ScenarioFailure("the target did not acknowledge the end of the stream") }
            let before = acknowledged
            if try !receiveFrame(within: Self.resendAfter), acknowledged == before {
                try wire.send(end)
                again += 1
            }
        }
        return again
    }

    /// Not zeros, which would not change a checksum.
    private static func padding(_ count: Int) -> [UInt8] { [UInt8](repeating: 0xa5, count: count) }

    private func check(_ segment: PeerSegment, upTo most: Int) throws {
        guard (1...most).contains(segment.length) else { throw ScenarioFailure("a segment cannot have \(segment.length) bytes, but 1 to \(most)") }
    }

    /// Waits until the target has acknowledged everything up to `end`, and sends missing segments again.
    ///
    /// - Parameter urgent: a segment that ends there is marked as urgent when it is sent again.
    private func awaitAcknowledged(_ end: UInt64, _ pattern: PayloadPattern, urgent: Bool = false) throws -> UInt64 {
        var again: UInt64 = 0
        let deadline = Deadline(seconds: 15)
        while behind(end) {
            guard !deadline.hasPassed else {
                throw ScenarioFailure("the target acknowledged \(acknowledged &- first) of \(end) bytes")
            }
            let before = acknowledged
            if try !receiveFrame(within: Self.resendAfter), acknowledged == before {
                let offset = UInt64(acknowledged &- first)
                let length = Int(min(UInt64(Self.segmentBytes), end - offset))
                let marked = urgent && offset + UInt64(length) == end
                try wire.send(data(pattern, PeerSegment(offset: offset, length: length), urgent: marked ? UInt16(length) : 0))
                again += 1
            }
        }
        return again
    }

    /// Sends the stream's first bytes over and over until it is stopped. The target's device receives each frame, and its TCP, which has the bytes,
    /// drops it. Nothing else is sent meanwhile.
    func flood(_ pattern: PayloadPattern, length: Int) throws -> Flood {
        guard (1...Self.segmentBytes).contains(length) else { throw ScenarioFailure("a segment cannot have \(length) bytes") }
        return try Flood(wire, data(pattern, PeerSegment(offset: 0, length: length)))
    }

    /// Ends the connection for the target.
    func reset() throws { try wire.send(frame(acknowledged, Flags.reset | Flags.ack, [])) }

    private func behind(_ end: UInt64) -> Bool { UInt64(acknowledged &- first) < end }

    /// How much of TCP's checksum is computed here.
    private enum Checksum {
        case complete
        /// Only the sum over the pseudo header; the device may complete it.
        case partial
    }

    /// - Parameter urgent: where its urgent data ends; 0 for a segment without.
    private func data(
        _ pattern: PayloadPattern, _ segment: PeerSegment, pushed: Bool = true, checksum: Checksum = .complete, urgent: UInt16 = 0
    ) -> [UInt8] {
        var payload = [UInt8](repeating: 0, count: segment.length)
        payload.withUnsafeMutableBytes { pattern.fill($0, from: segment.offset) }
        let flags = Flags.ack | (pushed ? Flags.push : 0) | (urgent > 0 ? Flags.urgent : 0)
        return frame(first &+ UInt32(truncatingIfNeeded: segment.offset), flags, payload, checksum, urgent: urgent)
    }

    private func waitFor(_ what: String, send again: [UInt8]?, until done: () -> Bool) throws {
        let deadline = Deadline(seconds: 10)
        while !done() {
            guard !deadline.hasPassed else { throw ScenarioFailure("the target sent no \(what) within 10 s") }
            if try !receiveFrame(within: Self.resendAfter) { try wire.send(again ?? resolution(1, to: [UInt8](repeating: 0xff, count: 6))) }
        }
    }

    /// Receives one frame.
    ///
    /// - Returns: whether one was received in time.
    private func receiveFrame(within milliseconds: CInt) throws -> Bool {
        guard let frame = try wire.receive(timeoutMilliseconds: milliseconds) else { return false }
        switch UInt16(frame, 12) {
        case Self.arp: try receiveResolution(frame)
        case Self.ipv4: receiveSegment(frame)
        default: break
        }
        return true
    }

    private func receiveResolution(_ frame: [UInt8]) throws {
        guard frame.count >= 42, Array(frame[28..<32]) == target, Array(frame[38..<42]) == source else { return }
        targetHardware = Array(frame[22..<28])
        if UInt16(frame, 20) == 1 { try wire.send(resolution(2, to: targetHardware)) }
    }

    private func receiveSegment(_ frame: [UInt8]) {
        guard frame.count >= 54, frame[23] == 6, Array(frame[26..<30]) == target, Array(frame[30..<34]) == source else { return }
        let tcp = 14 + Int(frame[14] & 0xf) * 4
        guard frame.count >= tcp + 20, UInt16(frame, tcp) == targetPort, UInt16(frame, tcp + 2) == sourcePort else { return }
        let flags = frame[tcp + 13]
        guard flags & Flags.ack != 0 else { return }
        if flags & Flags.syn != 0 { expected = UInt32(frame, tcp + 4) &+ 1 }
        let number = UInt32(frame, tcp + 8)
        if Int32(bitPattern: number &- acknowledged) > 0 { acknowledged = number }
    }

    /// An ARP frame: 1 is a request, 2 a reply.
    private func resolution(_ operation: UInt16, to hardware: [UInt8]) -> [UInt8] {
        hardware + wire.hardwareAddress + [0x08, 0x06, 0, 1, 0x08, 0, 6, 4] + operation.bytes + wire.hardwareAddress + source
            + (operation == 1 ? [UInt8](repeating: 0, count: 6) : hardware) + target
    }

    /// A frame with one TCP segment. A SYN has the option for the maximum segment size.
    private func frame(
        _ number: UInt32, _ flags: UInt8, _ payload: [UInt8], _ checksum: Checksum = .complete, urgent: UInt16 = 0
    ) -> [UInt8] {
        let options: [UInt8] = flags & Flags.syn != 0 ? [2, 4] + UInt16(Self.segmentBytes).bytes : []
        var tcp = sourcePort.bytes + targetPort.bytes + number.bytes + expected.bytes
        tcp += [UInt8((20 + options.count) / 4) << 4, flags] + UInt16(65_535).bytes + [0, 0] + urgent.bytes + options + payload
        let pseudo = source + target + [0, 6] + UInt16(tcp.count).bytes
        let sum = checksum == .complete ? Self.checksum(pseudo + tcp) : ~Self.checksum(pseudo)
        tcp.replaceSubrange(16..<18, with: sum.bytes)
        var ip: [UInt8] = [0x45, 0] + UInt16(20 + tcp.count).bytes + [0, 0, 0x40, 0, 64, 6, 0, 0] + source + target
        ip.replaceSubrange(10..<12, with: Self.checksum(ip).bytes)
        return targetHardware + wire.hardwareAddress + [0x08, 0] + ip + tcp
    }

    /// The Internet checksum (RFC 1071).
    private static func checksum(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt32(bytes[index]) << 8 | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
        }
        while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
        return ~UInt16(sum)
    }
}

extension FixedWidthInteger {
    /// In network order.
    fileprivate var bytes: [UInt8] { withUnsafeBytes(of: bigEndian) { [UInt8]($0) } }

    /// Reads network order; 0 behind the end.
    fileprivate init(_ frame: [UInt8], _ at: Int) {
        guard at + Self.bitWidth / 8 <= frame.count else {
            self = 0
            return
        }
        self = frame[at..<at + Self.bitWidth / 8].reduce(0) { $0 << 8 | Self($1) }
    }
}
