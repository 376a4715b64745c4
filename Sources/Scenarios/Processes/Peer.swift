// SPDX-License-Identifier: GPL-2.0

import FoundationEssentials
import Results

/// The remote end of the connections: a process of the agent in the peer's network namespace, or on the remote host. See `PeerProcess` in the
/// agent, and ``PeerCommand``.
public final class Peer {
    private let process: ChildProcess
    /// Factor on deadlines, as `ScenarioRun.timeout(_:)` applies it.
    var scale = 2.0

    /// - Parameter command: starts `ppiov-agent peer` where the peer is.
    public init(_ command: [String]) throws {
        process = try ChildProcess(command, name: "the peer")
        // The first line of a peer that cannot start is the reason.
        let greeting = try process.line(within: 20)
        guard greeting == PeerReply.greeting else {
            throw ScenarioFailure("the peer printed \"\(greeting)\" instead of \"\(PeerReply.greeting)\"")
        }
    }

    var pid: Int32 { process.pid }

    /// Sends the peer a command and waits for the reply.
    ///
    /// - Parameter seconds: for the reply; nil for a command that waits for nothing.
    /// - Throws: `ScenarioFailure` where the command failed, or the peer ended or did not reply in time.
    @discardableResult
    func perform(_ command: PeerCommand, within seconds: Double? = nil) throws -> PeerReply {
        let line = String(decoding: try StableJSON.line(command), as: UTF8.self)
        let text = try process.exchange(line, within: seconds ?? 30 * scale)
        guard let reply = try? JSONDecoder().decode(PeerReply.self, from: Data(text.utf8)) else {
            throw ScenarioFailure("the peer answered \(line) with \"\(text)\"")
        }
        if let failure = reply.failure { throw ScenarioFailure("the peer: \(line): \(failure)") }
        return reply
    }

    private func number(_ command: PeerCommand, within seconds: Double? = nil) throws -> UInt64 {
        guard let number = try perform(command, within: seconds).number else { throw ScenarioFailure("the peer's reply has no number") }
        return number
    }

    /// Connects the peer's one socket.
    func connect(to address: String, port: UInt16, within seconds: Double) throws {
        try perform(.connect(address: address, port: port, milliseconds: Int32(seconds * 1000)), within: seconds * 2)
    }

    /// Starts to send `bytes` of the pattern in the background (0: until the socket or the peer closes).
    func send(_ pattern: PayloadPattern, bytes: UInt64) throws { try perform(.send(seed: pattern.seed, bytes: bytes)) }

    /// Sends `bytes` more of the pattern, from where it is.
    func sendMore(_ bytes: UInt64) throws { try perform(.sendMore(bytes: bytes)) }

    /// Waits for the end of the sending.
    ///
    /// - Returns: the bytes that the socket took.
    func sent(within seconds: Double) throws -> UInt64 { try number(.awaitSent, within: seconds) }

    /// Starts to receive `bytes` in the background and to compare them with the pattern (0: until the stream ends).
    func receive(_ pattern: PayloadPattern, bytes: UInt64) throws { try perform(.receive(seed: pattern.seed, bytes: bytes)) }

    /// Waits for the end of the receiving.
    ///
    /// - Returns: the bytes received, and the stream offset of the first that is not the one sent.
    func received(within seconds: Double) throws -> (bytes: UInt64, mismatch: UInt64?) {
        let reply = try perform(.awaitReceived, within: seconds)
        guard let bytes = reply.number else { throw ScenarioFailure("the peer's reply has no number") }
        return (bytes, reply.mismatch)
    }

    /// Closes the peer's socket with a reset, or does nothing where there is none; see ``abort(_:)``.
    func abort() throws { try perform(.abort) }

    /// Closes the peer's socket, and aborts what is being sent.
    func close() throws { try perform(.close) }

    /// Makes a netdevsim in the peer's network namespace.
    ///
    /// - Returns: its ifindex.
    func makeNetdevsim(id: UInt32) throws -> UInt32 { UInt32(truncatingIfNeeded: try number(.makeNetdevsim(id: id))) }
}

/// The peer's sockets by number.
extension Peer {
    /// Connects socket `number`.
    func open(_ number: Int, to address: String, port: UInt16, within seconds: Double) throws {
        try perform(.open(number, address: address, port: port, milliseconds: Int32(seconds * 1000)), within: seconds * 2)
    }

    /// Starts to send the next `bytes` of the pattern from `start` on, in writes of `sizes` over and over, each sent at once (TCP_NODELAY).
    func write(_ number: Int, _ pattern: PayloadPattern, from start: UInt64 = 0, bytes: UInt64, sizes: [Int]) throws {
        try perform(.write(number, seed: pattern.seed, start: start, bytes: bytes, sizes: sizes))
    }

    /// Waits for the end of the last write.
    ///
    /// - Returns: the bytes that the socket took.
    func written(_ number: Int, within seconds: Double) throws -> UInt64 { try self.number(.awaitWritten(number), within: seconds) }

    /// Waits until all that was written is acknowledged: nothing of it will be sent again.
    func awaitAcknowledged(_ number: Int, within seconds: Double) throws {
        try Polling.wait(within: seconds, orFail: "bytes of the peer are not acknowledged", pause: 2) {
            try self.number(.countUnacknowledged(number)) == 0
        }
    }

    /// Closes a socket with a reset, and aborts what is being sent.
    func reset(_ number: Int) throws { try perform(.resetConnection(number)) }

    /// Closes a socket with a reset, or does nothing where there is none. For the end of a scenario: a socket that is closed in order continues to
    /// send, also during the next scenario when its interface is up.
    func abort(_ number: Int) throws { try perform(.abortConnection(number)) }

    /// Closes a socket, or does nothing where there is none.
    func shut(_ number: Int) throws { try perform(.shut(number)) }
}

/// Segments that no kernel would send (`RawTCPConnection` in the agent).
extension Peer {
    /// Sends segments of the pattern in that order.
    func sendSegments(
        _ pattern: PayloadPattern, _ segments: [PeerSegment], inOneBurst: Bool = false, within seconds: Double
    ) throws {
        try perform(.sendSegments(seed: pattern.seed, segments, inOneBurst: inOneBurst), within: seconds)
    }

    /// Sends `count` segments of `length` bytes in order, the first at `start` of the stream.
    func sendSegments(_ pattern: PayloadPattern, from start: Int, count: Int, length: Int, within seconds: Double) throws {
        try sendSegments(pattern, (0..<count).map { PeerSegment(offset: UInt64(start + $0 * length), length: length) }, within: seconds)
    }

    /// Sends a packet longer than a segment, its first `linear` bytes of payload in the linear part.
    ///
    /// - Throws: `ScenarioFailure` where the packet was lost and sent again in segments.
    func sendLarge(_ pattern: PayloadPattern, _ packet: PeerSegment, linear: Int, within seconds: Double) throws {
        let again = try number(.sendLarge(seed: pattern.seed, packet, linear: linear), within: seconds)
        guard again == 0 else { throw ScenarioFailure("the packet of \(packet.length) bytes was lost and sent again in \(again) segments") }
    }

    /// Sends a segment in a frame with `padding` bytes behind the IP datagram.
    ///
    /// - Parameter summed: TCP's checksum is in the segment; otherwise it is left to the device.
    /// - Returns: how often bytes of it were sent again, unpadded.
    func sendPadded(_ pattern: PayloadPattern, _ segment: PeerSegment, padding: Int, summed: Bool, within seconds: Double) throws -> UInt64 {
        try number(.sendPadded(seed: pattern.seed, segment, padding: padding, summed: summed), within: seconds)
    }

    /// Sends the end of the stream in a padded frame.
    ///
    /// - Returns: how often it was sent again, unpadded.
    func sendPaddedEnd(at offset: UInt64, padding: Int, within seconds: Double) throws -> UInt64 {
        try number(.sendPaddedEnd(offset: offset, padding: padding), within: seconds)
    }
}
