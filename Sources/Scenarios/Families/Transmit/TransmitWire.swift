// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// A connection over which a dma-buf is sent, with the peer at its other end.
final class TransmitWire {
    let run: ScenarioRun
    let bed: any TestBed
    let transmitter: Transmitter
    let socket: Connection
    private let pattern = PayloadPattern(seed: 50)
    private let dmaBufsBefore: Int64
    /// Bytes of the stream so far, from the dma-buf or not.
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

    /// Puts the next `count` bytes of the stream at `offset` and sends them.
    ///
    /// - Parameters:
    ///   - other: whose dma-buf, where not the wire's own.
    ///   - more: the next may share a packet with them.
    /// - Returns: how many calls it took.
    @discardableResult
    func send(at offset: Int, count: Int, of other: Transmitter? = nil, more: Bool = false) throws -> Int {
        try (other ?? transmitter).put(pattern, from: stream, at: offset, count: count)
        let calls = try transmitter.sendAll(
            socket.rawValue, at: offset, count: count, of: other, more: more, within: run.timeout(20))
        stream += UInt64(count)
        return calls
    }

    /// Puts the next bytes of the stream into ranges of the dma-buf, offset and count of each, and sends them together.
    func send(_ pieces: [(Int, Int)]) throws {
        for (offset, count) in pieces {
            try transmitter.put(pattern, from: stream, at: offset, count: count)
            stream += UInt64(count)
        }
        try transmitter.sendAll(
            socket.rawValue, pieces.map { .init(offset: UInt64($0.0), length: $0.1) }, within: run.timeout(20))
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

    /// Bounds what the socket takes before the peer has it (SO_SNDBUFFORCE, beyond the limits of the system; the kernel doubles it).
    func limitUnsent(_ bytes: Int) throws {
        var size = CInt(bytes)
        guard setsockopt(socket.rawValue, SOL_SOCKET, SO_SNDBUFFORCE, &size, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw KernelError("setting SO_SNDBUFFORCE to \(bytes)", code: errno)
        }
    }

    /// Sends the whole dma-buf to a peer that does not read, which has room for a quarter of it (tcp_rmem): the rest is under way until
    /// it does. A socket that had no room itself would say so, too, where the peer had taken all but not yet acknowledged it.
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
        try run.expect(transmitter.outstanding > 0, "\(transmitter.outstanding) sends are under way", "every send is completed")
    }

    /// Sends `count` bytes over the corked socket, which keeps back what fills no segment (`tcp_mss_split_point()`) for 200 ms or so
    /// (tcp(7)), and looks for completions when the peer has the rest. Then the cork is pulled.
    ///
    /// - Returns: whether the look was in time.
    /// - Throws: `ScenarioFailure` where the send was completed.
    func seePart(_ count: Int) throws -> Bool {
        try SocketSending.cork(socket.rawValue, true)
        try send(at: 0, count: count)
        let seen = try awaitPart(count)
        try transmitter.takeCompletions(socket.rawValue)
        // Asked Netdevsim.ringTurnover, as the end may be sent and acknowledged meanwhile.
        let left = try SocketSending.unacknowledged(socket.rawValue)
        guard left == 0 || transmitter.outstanding > 0 else { throw ScenarioFailure("it is completed, and \(left) bytes are not there") }
        try SocketSending.cork(socket.rawValue, false)
        try transmitter.awaitCompletions(socket.rawValue, within: run.timeout(20))
        return seen && left > 0
    }

    /// Waits until the peer has acknowledged all that was sent of `count` bytes: until then the skb of which a part was sent may be kept
    /// for retransmission, and with it what it refers to.
    ///
    /// - Returns: whether there is more to send.
    private func awaitPart(_ count: Int) throws -> Bool {
        let deadline = Deadline(seconds: run.timeout(10))
        while true {
            let unsent = try SocketSending.unsent(socket.rawValue)
            let left = try SocketSending.unacknowledged(socket.rawValue)
            if left == unsent, left < count { return left > 0 }
            guard !deadline.hasPassed else { throw ScenarioFailure("\(left) bytes are not acknowledged, \(unsent) of them not sent") }
            // No event tells of an acknowledgement.
            _ = poll(nil, 0, 2)
        }
    }

    /// Has the peer read `bytes`; 0 reads to the end of the stream.
    func read(_ bytes: UInt64) throws {
        try bed.peer.receive(pattern, bytes: bytes)
        isReading = true
    }

    /// The refusal of a send; nil where it was taken.
    func refusal<Value>(_ body: () throws -> Value) -> KernelError? {
        do {
            _ = try body()
            return nil
        } catch {
            return error as? KernelError ?? KernelError("\(error)", code: EIO)
        }
    }

    /// Sends that are refused, each with its errno; then one that is not.
    func refusals() throws {
        let size = UInt64(transmitter.size)
        let own = transmitter.binding
        func refused(
            _ what: String, _ code: CInt, over other: CInt? = nil, id: UInt32, at offset: UInt64, count: Int, fastOpen: Bool = false
        ) throws {
            let error = refusal {
                try DeviceMemory.send(socket: other ?? socket.rawValue, dmabufID: id, offset: offset, length: count, fastOpen: fastOpen)
            }
            let name = KernelError("", code: code).codeName
            try run.expect(error?.code == code, "\(what): \(name)", error.map { "\($0)" } ?? "it was taken")
        }
        try refused("an id that nobody has", EINVAL, id: own &+ 1000, at: 0, count: 100)
        try refused("an offset behind the end", EFAULT, id: own, at: size, count: 1)
        try refused("a range across the end", EFAULT, id: own, at: size - 100, count: 200)
        let other = try Loopback(run, pattern: pattern)
        try refused("a socket without SO_ZEROCOPY", EINVAL, over: other.receiver.rawValue, id: own, at: 0, count: 100)
        try DeviceMemory.enableZeroCopy(socket: other.receiver.rawValue)
        try refused("a socket that goes by another interface", ENODEV, over: other.receiver.rawValue, id: own, at: 0, count: 100)
        if let allowed = Int(try KernelFile.read("/proc/sys/net/ipv4/tcp_fastopen").prefix { $0.isNumber }), allowed & 1 == 1 {
            try refused("a socket that is to connect with the send (MSG_FASTOPEN), and has", EISCONN, id: own, at: 0, count: 100, fastOpen: true)
        }
        try run.step("then 20000 bytes sent") { try send(at: 5, count: 20_000) }
        try run.step("the socket shut down for writing") {
            guard shutdown(socket.rawValue, CInt(SHUT_WR)) == 0 else { throw KernelError("shutting the socket down", code: errno) }
        }
        try refused("a socket that was shut down", EPIPE, id: own, at: 0, count: 100)
    }

    /// Everything arrived, nothing was copied, the dma-buf is freed.
    ///
    /// - Parameters:
    ///   - completions: the socket is still there to tell of them.
    ///   - complete: the peer must have every byte.
    func finish(completions: Bool = true, complete: Bool = true) throws {
        if completions {
            try run.step("every send completed") { try transmitter.awaitCompletions(socket.rawValue, within: run.timeout(20)) }
            socket.close()
        }
        guard isReading else { throw ScenarioFailure("nobody read the stream") }
        let got = try run.step("the peer has its bytes") { try bed.peer.received(within: run.timeout(30)) }
        let copied = transmitter.copied == 0 ? 0 : got.bytes
        run.payload = PayloadRecord(
            sent: stream, received: got.bytes, zeroCopy: got.bytes - copied, copied: copied, firstMismatch: got.mismatch, complete: complete)
        transmitter.unbind()
        transmitter.release()
        try Self.awaitFreed(run, dmaBufsBefore)
    }

    /// The dma-buf is there, though nobody but net_iovs under way holds it.
    func expectBound() throws {
        let now = try Self.dmaBufs()
        try run.expect(now > dmaBufsBefore, "the net_iovs under way keep the dma-buf", "\(now) dma-bufs, as before it was made")
    }

    /// Waits for the end of the dma-buf, which is freed from a work queue when the last net_iov has come back.
    static func awaitFreed(_ run: ScenarioRun, _ before: Int64) throws {
        try run.step("the dma-buf is freed") {
            // What a socket released may wait for the receive softirq of another CPU.
            try run.wait(orFail: "\(try dmaBufs()) dma-bufs, \(before) before,", timeout: 10) { try dmaBufs() <= before }
        }
    }

    static func dmaBufs() throws -> Int64 {
        guard let count = ResourceCounters.dmaBufs() else { throw ScenarioFailure("debugfs does not tell how many dma-bufs there are") }
        return count
    }
}
