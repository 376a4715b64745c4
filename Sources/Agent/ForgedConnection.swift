// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Scenarios

/// A TCP connection that the peer's kernel knows nothing of: segments are put together here and go out through a packet socket, in
/// any order, twice, or overlapping, from an address that nobody has. Driven by commands of the peer:
///
///     forge IFINDEX SOURCE TARGET PORT   connects
///     segments SEED OFFSET:LENGTH,...    sends those pieces of the pattern in that order; answers when the target has acknowledged
///                                        everything up to the furthest, sending again what stays missing; "ok AGAIN" counts those
///     burst SEED OFFSET:LENGTH,...       the same, for segments in order that GRO may merge: none but the last is pushed, and no thread
///                                        on CPU 0 runs before the last has left
///     urgent SEED OFFSET:LENGTH          sends that piece of the pattern with its last byte marked as urgent. Answers as "segments"
///     large SEED OFFSET:LENGTH BESIDE    sends that piece of the pattern in one packet, as a device that merges or segments passes it on; its
///                                        first BESIDE bytes lie beside the headers, the others in pages. Answers as "segments"
///     flood SEED LENGTH                  sends the first LENGTH bytes over and over until "unflood", which answers with how many times
///     unforge                            resets the connection
///
/// It sends no faster than the commands come, so it needs no congestion control; what it sends at a time must fit the target's window.
final class ForgedConnection {
    /// A piece of the stream.
    struct Segment {
        var offset: UInt64
        var length: Int

        /// Reads "0:1000,3000:500".
        static func list(_ text: String) throws -> [Segment] { try text.split(separator: ",").map { try one($0, upTo: segmentBytes) } }

        /// Reads "0:1000".
        static func one(_ word: some StringProtocol, upTo most: Int) throws -> Segment {
            let parts = word.split(separator: ":")
            guard parts.count == 2, let offset = UInt64(parts[0]), let length = Int(parts[1]), (1...most).contains(length) else {
                throw ScenarioFailure("\"\(word)\" is no OFFSET:LENGTH with a length up to \(most)")
            }
            return Segment(offset: offset, length: length)
        }
    }

    /// The most that a segment carries: an MTU of 1500 without options.
    static let segmentBytes = 1460
    /// The most that a packet carries that is to be segmented, within IP's limit.
    static let largeBytes = 60_000
    private static let arp: UInt16 = 0x0806
    private static let ipv4: UInt16 = 0x0800
    /// Milliseconds without a new acknowledgement after which what is missing goes out again.
    private static let patience: CInt = 200

    private let wire: PacketSocket
    private let source: [UInt8], target: [UInt8]
    private let sourcePort: UInt16, targetPort: UInt16
    private var targetHardware: [UInt8] = []
    /// Sequence number of the stream's first byte.
    private let first: UInt32
    /// What comes next from the target.
    private var expected: UInt32 = 0
    private var acknowledged: UInt32

    private struct Flags {
        static let syn: UInt8 = 0x02, reset: UInt8 = 0x04, push: UInt8 = 0x08, ack: UInt8 = 0x10, urgent: UInt8 = 0x20
    }

    init(ifindex: UInt32, from source: IPAddress, to target: IPAddress, port: UInt16) throws {
        wire = try PacketSocket(ifindex: ifindex)
        self.source = source.bytes
        self.target = target.bytes
        targetPort = port
        let now = MonotonicClock.now
        // Another each time: where guests are shared, the target may still remember the connection before (TIME_WAIT).
        sourcePort = 20_000 + UInt16(now / 1000 % 40_000)
        let number = UInt32(truncatingIfNeeded: now)
        first = number &+ 1
        acknowledged = number

        try wire.send(resolution(1, to: [UInt8](repeating: 0xff, count: 6)))
        try waitFor("an answer to the ARP request", send: nil) { self.targetHardware.count == 6 }
        let syn = segment(number, Flags.syn, [])
        try wire.send(syn)
        try waitFor("SYN-ACK", send: syn) { self.acknowledged == self.first }
        try wire.send(segment(first, Flags.ack, []))
    }

    /// Sends pieces of the pattern; returns when all are acknowledged.
    ///
    /// - Parameter together: in one go, and but for the last without the flag that has the target deliver at once.
    /// - Returns: how many pieces had to be sent again.
    func send(_ pattern: PayloadPattern, _ segments: [Segment], together: Bool = false) throws -> String {
        let frames = segments.enumerated().map { data(pattern, $1, pushed: !together || $0 == segments.count - 1) }
        if together {
            try ThreadPlacement.uninterrupted(on: 0) { for frame in frames { try wire.send(frame) } }
        } else {
            for frame in frames { try wire.send(frame) }
        }
        guard let end = segments.map({ $0.offset + UInt64($0.length) }).max() else { return "0" }
        return String(try awaitAcknowledged(end, pattern))
    }

    /// Sends a piece of the pattern in one packet; returns when it is acknowledged.
    ///
    /// - Parameter beside: bytes of it that lie beside the headers.
    /// - Returns: how many segments had to be sent again.
    func sendLarge(_ pattern: PayloadPattern, _ piece: Segment, beside: Int) throws -> String {
        guard (0...piece.length).contains(beside) else { throw ScenarioFailure("\(beside) of \(piece.length) bytes cannot lie beside the headers") }
        let frame = data(pattern, piece, checksum: .left)
        try wire.sendLarge(frame, linear: frame.count - piece.length + beside, segment: Self.segmentBytes)
        return String(try awaitAcknowledged(piece.offset + UInt64(piece.length), pattern))
    }

    /// Sends a piece of the pattern with its last byte marked as urgent; returns when it is acknowledged.
    ///
    /// - Returns: how many segments had to be sent again.
    func sendUrgent(_ pattern: PayloadPattern, _ piece: Segment) throws -> String {
        try wire.send(data(pattern, piece, urgent: UInt16(piece.length)))
        return String(try awaitAcknowledged(piece.offset + UInt64(piece.length), pattern, urgent: true))
    }

    /// - Parameter urgent: whether what ends there has the mark when it is sent again, too.
    private func awaitAcknowledged(_ end: UInt64, _ pattern: PayloadPattern, urgent: Bool = false) throws -> Int {
        var again = 0
        let limit = MonotonicClock.now + 15_000_000_000
        while behind(end) {
            guard MonotonicClock.now < limit else {
                throw ScenarioFailure("the target acknowledged \(acknowledged &- first) of \(end) bytes")
            }
            let before = acknowledged
            if try !hear(within: Self.patience), acknowledged == before {
                let offset = UInt64(acknowledged &- first)
                let length = Int(min(UInt64(Self.segmentBytes), end - offset))
                let marked = urgent && offset + UInt64(length) == end
                try wire.send(data(pattern, Segment(offset: offset, length: length), urgent: marked ? UInt16(length) : 0))
                again += 1
            }
        }
        return again
    }

    /// Sends the stream's first bytes again and again until it is stopped. The target has them and drops each, when its device has
    /// received it. Nothing else is sent meanwhile.
    func flood(_ pattern: PayloadPattern, length: Int) throws -> Flood {
        guard (1...Self.segmentBytes).contains(length) else { throw ScenarioFailure("a segment cannot have \(length) bytes") }
        return try Flood(wire, data(pattern, Segment(offset: 0, length: length)))
    }

    /// Ends the connection for the target.
    func reset() throws { try wire.send(segment(acknowledged, Flags.reset | Flags.ack, [])) }

    private func behind(_ end: UInt64) -> Bool { UInt64(acknowledged &- first) < end }

    /// Who computes TCP's checksum.
    private enum Checksum {
        case done
        /// The device, or nobody: only the pseudo header's is there.
        case left
    }

    /// - Parameter urgent: where its urgent data ends; 0 for a segment without.
    private func data(
        _ pattern: PayloadPattern, _ piece: Segment, pushed: Bool = true, checksum: Checksum = .done, urgent: UInt16 = 0
    ) -> [UInt8] {
        var payload = [UInt8](repeating: 0, count: piece.length)
        payload.withUnsafeMutableBytes { pattern.fill($0, from: piece.offset) }
        let flags = Flags.ack | (pushed ? Flags.push : 0) | (urgent > 0 ? Flags.urgent : 0)
        return segment(first &+ UInt32(truncatingIfNeeded: piece.offset), flags, payload, checksum, urgent: urgent)
    }

    private func waitFor(_ what: String, send again: [UInt8]?, until done: () -> Bool) throws {
        let limit = MonotonicClock.now + 10_000_000_000
        while !done() {
            guard MonotonicClock.now < limit else { throw ScenarioFailure("\(what) never came") }
            if try !hear(within: Self.patience) { try wire.send(again ?? resolution(1, to: [UInt8](repeating: 0xff, count: 6))) }
        }
    }

    /// Takes one frame; false where none came in time.
    private func hear(within milliseconds: CInt) throws -> Bool {
        guard let frame = try wire.receive(timeoutMilliseconds: milliseconds) else { return false }
        switch UInt16(frame, 12) {
        case Self.arp: try hearResolution(frame)
        case Self.ipv4: hearSegment(frame)
        default: break
        }
        return true
    }

    private func hearResolution(_ frame: [UInt8]) throws {
        guard frame.count >= 42, Array(frame[28..<32]) == target, Array(frame[38..<42]) == source else { return }
        targetHardware = Array(frame[22..<28])
        if UInt16(frame, 20) == 1 { try wire.send(resolution(2, to: targetHardware)) }
    }

    private func hearSegment(_ frame: [UInt8]) {
        guard frame.count >= 54, frame[23] == 6, Array(frame[26..<30]) == target, Array(frame[30..<34]) == source else { return }
        let tcp = 14 + Int(frame[14] & 0xf) * 4
        guard frame.count >= tcp + 20, UInt16(frame, tcp) == targetPort, UInt16(frame, tcp + 2) == sourcePort else { return }
        let flags = frame[tcp + 13]
        guard flags & Flags.ack != 0 else { return }
        if flags & Flags.syn != 0 { expected = UInt32(frame, tcp + 4) &+ 1 }
        let number = UInt32(frame, tcp + 8)
        if Int32(bitPattern: number &- acknowledged) > 0 { acknowledged = number }
    }

    /// An ARP frame: 1 asks, 2 answers.
    private func resolution(_ operation: UInt16, to hardware: [UInt8]) -> [UInt8] {
        hardware + wire.hardwareAddress + [0x08, 0x06, 0, 1, 0x08, 0, 6, 4] + operation.bytes + wire.hardwareAddress + source
            + (operation == 1 ? [UInt8](repeating: 0, count: 6) : hardware) + target
    }

    /// A frame with one TCP segment. A SYN carries the option that says how long segments may be.
    private func segment(
        _ number: UInt32, _ flags: UInt8, _ payload: [UInt8], _ checksum: Checksum = .done, urgent: UInt16 = 0
    ) -> [UInt8] {
        let options: [UInt8] = flags & Flags.syn != 0 ? [2, 4] + UInt16(Self.segmentBytes).bytes : []
        var tcp = sourcePort.bytes + targetPort.bytes + number.bytes + expected.bytes
        tcp += [UInt8((20 + options.count) / 4) << 4, flags] + UInt16(65_535).bytes + [0, 0] + urgent.bytes + options + payload
        let pseudo = source + target + [0, 6] + UInt16(tcp.count).bytes
        let sum = checksum == .done ? Self.checksum(pseudo + tcp) : ~Self.checksum(pseudo)
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
