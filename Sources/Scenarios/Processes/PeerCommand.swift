// SPDX-License-Identifier: GPL-2.0

/// A command to the peer, as one line of JSON; it is answered by one ``PeerReply``. See `PeerProcess` in the agent.
///
/// Times are milliseconds. `seed` names a ``PayloadPattern``.
public enum PeerCommand: Codable, Sendable, Equatable {
    /// Does nothing.
    case ping

    // One socket, whose payload is sent and received in the background.

    /// Connects the socket.
    case connect(address: String, port: UInt16, milliseconds: Int32)
    /// Starts to send `bytes` of the pattern; 0 for no end.
    case send(seed: UInt64, bytes: UInt64)
    /// Starts to send `bytes` more of the pattern.
    case sendMore(bytes: UInt64)
    /// Waits for the end of the sending; `number` is the bytes that the socket took.
    case awaitSent
    /// Starts to receive `bytes` and to compare them with the pattern; 0 for all until the stream ends.
    case receive(seed: UInt64, bytes: UInt64)
    /// Waits for the end of the receiving; `number` is the bytes received, `mismatch` the offset of the first wrong one.
    case awaitReceived
    /// Closes the socket, and aborts what is being sent.
    case close
    /// Closes the socket with a reset, where there is one.
    case abort

    // Sockets by number.

    case open(Int, address: String, port: UInt16, milliseconds: Int32)
    /// Starts to send the pattern from `start` on, in writes of `sizes` over and over, each sent at once (TCP_NODELAY).
    case write(Int, seed: UInt64, start: UInt64, bytes: UInt64, sizes: [Int])
    /// Waits for the end of the last write; `number` is the bytes that the socket took.
    case awaitWritten(Int)
    /// `number` is the bytes that the other end has not acknowledged.
    case countUnacknowledged(Int)
    /// Closes a socket with a reset, and aborts what is being sent.
    case resetConnection(Int)
    /// The same, where there is such a socket.
    case abortConnection(Int)
    /// Closes a socket, where there is one.
    case shut(Int)

    // Links of the peer's network namespace.

    /// Makes a netdevsim; `number` is its ifindex.
    case makeNetdevsim(id: UInt32)
    case removeNetdevsim(id: UInt32)
    case addAddress(ifindex: UInt32, address: String, prefixLength: UInt8)
    case setUp(ifindex: UInt32)
    case setMTU(ifindex: UInt32, bytes: UInt32)
    /// Sets a link down and up; `words` are the notifications of its page pools meanwhile, until the first "added".
    case reportPoolChanges(ifindex: UInt32, milliseconds: Int32)
    /// `words` are the answers to page-pool-get and page-pool-stats-get of that page pool; `number` is how often a dump contains it.
    case readPagePool(id: UInt64)

    // A TCP of the peer's own, over a packet socket: segments that no kernel would send.

    case openRawTCP(ifindex: UInt32, source: String, target: String, port: UInt16)
    /// Sends segments of the pattern in that order.
    ///
    /// - Parameter inOneBurst: all of them before anything is received.
    case sendSegments(seed: UInt64, [PeerSegment], inOneBurst: Bool)
    /// Sends a segment whose last byte is urgent.
    case sendUrgent(seed: UInt64, PeerSegment)
    /// Sends a packet longer than a segment, its first `linear` bytes of payload in the linear part; `number` is how often segments of it were
    /// sent again.
    case sendLarge(seed: UInt64, PeerSegment, linear: Int)
    /// Sends a segment in a frame with `padding` bytes behind the IP datagram; `number` is how often bytes of it were sent again, unpadded.
    ///
    /// - Parameter summed: TCP's checksum is in the segment; otherwise it is left to the device.
    case sendPadded(seed: UInt64, PeerSegment, padding: Int, summed: Bool)
    /// Sends the end of the stream, at `offset`, in a padded frame; `number` is how often it was sent again, unpadded.
    case sendPaddedEnd(offset: UInt64, padding: Int)
    /// Starts to send the first `length` bytes of the pattern over and over.
    case flood(seed: UInt64, length: Int)
    /// Ends the flood; `number` is how often the bytes were sent.
    case stopFlood
    /// Ends the connection with a reset.
    case closeRawTCP
}

/// Bytes of a stream that make one segment.
public struct PeerSegment: Codable, Sendable, Equatable {
    /// Of the first byte, in the stream.
    public var offset: UInt64
    /// Bytes.
    public var length: Int

    public init(offset: UInt64, length: Int) {
        self.offset = offset
        self.length = length
    }
}

/// The peer's answer to a ``PeerCommand``.
public struct PeerReply: Codable, Sendable, Equatable {
    /// The first line of a peer that is ready for commands; any other first line is the reason why it could not start.
    public static let greeting = "ppiov peer ready"

    /// Why the command failed; nil where it did not.
    public var failure: String?
    public var number: UInt64?
    public var mismatch: UInt64?
    public var words: [String]

    public init(failure: String? = nil, number: UInt64? = nil, mismatch: UInt64? = nil, words: [String] = []) {
        self.failure = failure
        self.number = number
        self.mismatch = mismatch
        self.words = words
    }
}
