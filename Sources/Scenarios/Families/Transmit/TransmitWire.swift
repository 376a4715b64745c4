// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// A connection to the peer over which a dma-buf is sent.
final class TransmitWire {
    let run: ScenarioRun
    let bed: any TestBed
    let transmitter: Transmitter
    let socket: Connection
    private let pattern = PayloadPattern(seed: 50)
    private let dmaBufsBefore: Int64
    /// Bytes of the stream so far, from the dma-buf and from ordinary memory.
    private(set) var stream: UInt64 = 0
    private var isReading = false

    /// - Parameter reading: the peer reads from the start, to the end of the stream.
    init(_ run: ScenarioRun, reading: Bool) throws {
        self.run = run
        bed = try run.makeTestBed()
        dmaBufsBefore = try Self.dmaBufs()
        transmitter = try Transmitter.make(run, bed: bed, pages: 128)
        socket = try bed.connect(run)
        try DeviceMemory.enableZeroCopy(socket: socket.rawValue)
        if reading { try read(0) }
    }

    /// Writes the next `count` bytes of the stream to the dma-buf at `offset` and sends them.
    ///
    /// - Parameters:
    ///   - other: the owner of the dma-buf, where it is not ``transmitter``.
    ///   - more: with MSG_MORE, so that the next bytes may share a packet with them.
    /// - Returns: how many calls it took.
    @discardableResult
    func send(at offset: Int, count: Int, of other: Transmitter? = nil, more: Bool = false) throws -> Int {
        try (other ?? transmitter).put(pattern, from: stream, at: offset, count: count)
        let calls = try transmitter.sendAll(
            socket.rawValue, at: offset, count: count, of: other, more: more, within: run.timeout(20))
        stream += UInt64(count)
        return calls
    }

    /// Writes the next bytes of the stream to ranges of the dma-buf, given by offset and count, and sends them in one call.
    func send(_ ranges: [(Int, Int)]) throws {
        for (offset, count) in ranges {
            try transmitter.put(pattern, from: stream, at: offset, count: count)
            stream += UInt64(count)
        }
        try transmitter.sendAll(
            socket.rawValue, ranges.map { .init(offset: UInt64($0.0), length: $0.1) }, within: run.timeout(20))
    }

    /// Sends the next `count` bytes of the stream from ordinary memory.
    func sendOrdinary(_ count: Int) throws {
        let start = stream
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            pattern.fill(UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count), from: start)
            filled = count
        }
        let borrowed = OwnedDescriptor(taking: socket.rawValue)
        let result = Result { try TCP.send(bytes, over: borrowed, timeoutMilliseconds: CInt(run.timeout(20) * 1000)) }
        _ = borrowed.take()
        try result.get()
        stream += UInt64(count)
    }

    /// Sets the send buffer of the socket (SO_SNDBUFFORCE, above net.core.wmem_max; the kernel doubles it).
    func limitUnsent(_ bytes: Int) throws {
        var size = CInt(bytes)
        guard setsockopt(socket.rawValue, SOL_SOCKET, SO_SNDBUFFORCE, &size, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw KernelError("setting SO_SNDBUFFORCE to \(bytes)", code: errno)
        }
    }

    /// Sends the whole dma-buf to a peer that does not read, whose receive buffer has a quarter of its size (tcp_rmem): the rest is in flight until
    /// the peer reads. It fits into the send buffer; a full send buffer would not prove that bytes are in flight, as the peer may have received bytes
    /// that it has not acknowledged.
    func fillUp() throws {
        try limitUnsent(8 * transmitter.size)
        try transmitter.put(pattern, from: 0, at: 0, count: transmitter.size)
        try run.step("\(transmitter.size) bytes sent to a peer that does not read") {
            for offset in stride(from: 0, to: transmitter.size, by: 32_768) {
                try transmitter.sendAll(socket.rawValue, at: offset, count: 32_768, within: run.timeout(20))
            }
            stream = UInt64(transmitter.size)
            try transmitter.takeCompletions(socket.rawValue)
        }
        try run.expect(transmitter.outstanding > 0, "\(transmitter.outstanding) sends are outstanding", "every send is completed")
    }

    /// Sends `count` bytes over the corked socket, which delays bytes that do not fill a segment (`tcp_mss_split_point()`) for about 200 ms
    /// (tcp(7)), and reads completions when the peer has the other bytes. Then it uncorks the socket.
    ///
    /// - Returns: whether bytes were still unsent then.
    /// - Throws: `ScenarioFailure` where the send was completed.
    func sendPartly(_ count: Int) throws -> Bool {
        try SocketSending.cork(socket.rawValue, true)
        try send(at: 0, count: count)
        let wasPartial = try awaitPart(count)
        try transmitter.takeCompletions(socket.rawValue)
        // Read afterwards, as the last bytes may be sent and acknowledged meanwhile.
        let left = try SocketSending.unacknowledged(socket.rawValue)
        guard left == 0 || transmitter.outstanding > 0 else {
            throw ScenarioFailure("the send is completed, and \(left) bytes are not acknowledged")
        }
        try SocketSending.cork(socket.rawValue, false)
        try transmitter.awaitCompletions(socket.rawValue, within: run.timeout(20))
        return wasPartial && left > 0
    }

    /// Waits until the peer has acknowledged all sent bytes of `count`: until then the partly sent skb, and its net_iovs, may be in the
    /// retransmission queue.
    ///
    /// - Returns: whether there is more to send.
    private func awaitPart(_ count: Int) throws -> Bool {
        var (unsent, left) = (0, count)
        // No event reports an acknowledgement.
        try Polling.wait(within: run.timeout(10), orFail: "\(left) bytes are not acknowledged, \(unsent) of them not sent", pause: 2) {
            unsent = try SocketSending.unsent(socket.rawValue)
            left = try SocketSending.unacknowledged(socket.rawValue)
            return left == unsent && left < count
        }
        return left > 0
    }

    /// Makes the peer read `bytes`; 0 reads to the end of the stream.
    func read(_ bytes: UInt64) throws {
        try bed.peer.receive(pattern, bytes: bytes)
        isReading = true
    }

    /// Sends that are refused, each with its errno; then one that is granted.
    func refusals() throws {
        let size = UInt64(transmitter.size)
        let own = transmitter.binding
        func refused(
            _ what: String, _ code: CInt, over other: CInt? = nil, id: UInt32, at offset: UInt64, count: Int, fastOpen: Bool = false
        ) throws {
            try run.expectRefusal(code, what) {
                _ = try DeviceMemory.send(socket: other ?? socket.rawValue, dmabufID: id, offset: offset, length: count, fastOpen: fastOpen)
            }
        }
        try refused("an id of no binding", EINVAL, id: own &+ 1000, at: 0, count: 100)
        try refused("an offset behind the end", EFAULT, id: own, at: size, count: 1)
        try refused("a range across the end", EFAULT, id: own, at: size - 100, count: 200)
        let other = try Loopback(run, pattern: pattern)
        try refused("a socket without SO_ZEROCOPY", EINVAL, over: other.receiver.rawValue, id: own, at: 0, count: 100)
        try DeviceMemory.enableZeroCopy(socket: other.receiver.rawValue)
        try refused("a socket whose route uses another interface", ENODEV, over: other.receiver.rawValue, id: own, at: 0, count: 100)
        if let allowed = Int(try KernelFile.read("/proc/sys/net/ipv4/tcp_fastopen").prefix { $0.isNumber }), allowed & 1 == 1 {
            try refused("MSG_FASTOPEN on a connected socket", EISCONN, id: own, at: 0, count: 100, fastOpen: true)
        }
        try run.step("20000 bytes sent") { try send(at: 5, count: 20_000) }
        try run.step("socket shut down for writing") {
            guard shutdown(socket.rawValue, CInt(SHUT_WR)) == 0 else { throw KernelError("shutting the socket down", code: errno) }
        }
        try refused("a socket shut down for writing", EPIPE, id: own, at: 0, count: 100)
    }

    /// Checks that the peer received everything, that nothing was copied, and that the dma-buf is freed.
    ///
    /// - Parameters:
    ///   - completions: waits for the completions of the open socket.
    ///   - complete: the peer must receive every byte.
    func finish(completions: Bool = true, complete: Bool = true) throws {
        if completions {
            try run.step("every send completed") { try transmitter.awaitCompletions(socket.rawValue, within: run.timeout(20)) }
            socket.close()
        }
        guard isReading else { throw ScenarioFailure("the peer did not read the stream") }
        let got = try run.step("the peer received its bytes") { try bed.peer.received(within: run.timeout(30)) }
        let copied = transmitter.copied == 0 ? 0 : got.bytes
        run.payload = PayloadRecord(
            sent: stream, received: got.bytes, zeroCopy: got.bytes - copied, copied: copied, firstMismatch: got.mismatch, complete: complete)
        transmitter.unbind()
        transmitter.release()
        try Self.awaitFreed(run, dmaBufsBefore)
    }

    /// The dma-buf exists, as net_iovs in flight have references to it.
    func expectBound() throws {
        let now = try Self.dmaBufs()
        try run.expect(now > dmaBufsBefore, "the dma-buf exists while its net_iovs are in flight", "\(now) dma-bufs, as before it was made")
    }

    /// Waits until the dma-buf is freed: a work queue does that after the last net_iov was released.
    static func awaitFreed(_ run: ScenarioRun, _ before: Int64) throws {
        try run.step("the dma-buf is freed") {
            // An skb that a socket freed may be deferred to the receive softirq of another CPU.
            try run.wait(orFail: "\(try dmaBufs()) dma-bufs, \(before) before,", timeout: 10) { try dmaBufs() <= before }
        }
    }

    static func dmaBufs() throws -> Int64 {
        guard let count = ResourceCounters.dmaBufs() else { throw ScenarioFailure("debugfs has no count of the dma-bufs") }
        return count
    }
}
