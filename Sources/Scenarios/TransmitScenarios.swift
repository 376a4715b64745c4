// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// Devmem TCP the other way: payload sent from a dma-buf (bind-tx, `SCM_DEVMEM_DMABUF`).
///
/// Its net_iovs belong to no page pool, so nothing of them is in the trace, and none may be. What proves the life cycle here: the
/// peer has every byte; each send is completed, and not as copied; and the dma-buf, which every net_iov on its way keeps, is there
/// as long as one is under way and freed afterwards.
///
/// Left out by the rule *no device goes under a binding for sending*: the unmodified 7.3 does not survive it. The binding keeps a bare
/// pointer to the interface, which nobody clears when that goes, and the close of its netlink socket follows it
/// (docs/kernel-notes.md).
enum TransmitScenarios {
    static let all: [Scenario] = [
        scenario("send", "send from a dma-buf and unbind") { wire in
            try wire.run.step("\(wire.transmitter.size) bytes sent") { try wire.send(at: 0, count: wire.transmitter.size) }
            try wire.finish()
        },
        scenario("offsets", "send from odd offsets, across pages, single bytes") { wire in
            let page = MappedMemory.pageSize
            let pieces = [
                (1, 1), (page - 1, 2), (3 * page + 17, 9000), (8 * page, page), (10 * page - 3, 5), (12 * page + 4095, 1),
                (wire.transmitter.size - 7, 7),
            ]
            for (offset, count) in pieces {
                try wire.run.step("\(count) bytes sent from \(offset)") { try wire.send(at: offset, count: count) }
            }
            try wire.finish()
        },
        scenario("pieces", "several ranges of the dma-buf in one send: far from each other, side by side, smaller than a page") { wire in
            let page = MappedMemory.pageSize
            let sends = [
                [(100, 1000), (5 * page, 500), (2 * page + 9, 3000)], [(20 * page + 4000, 300), (30 * page, 1), (40 * page + 1, 4095)],
                [(99 * page, 1000), (80 * page + 10, 2 * page), (70 * page, 10), (60 * page + 4090, 12)],
                // One behind the other, within a page and beyond it.
                [(50 * page + 10, 1000), (50 * page + 1010, 500), (50 * page + 1510, 90)], [(52 * page, 4000), (52 * page + 4000, 5000)],
            ]
            for pieces in sends { try wire.run.step("\(pieces.map { $0.1 }) bytes sent from \(pieces.map { $0.0 })") { try wire.send(pieces) } }
            try wire.finish()
        },
        scenario("scattered", "50 ranges in one send, more than a packet has room for") { wire in
            let page = MappedMemory.pageSize
            for turn in 0..<4 {
                let pieces = (0..<50).map { (($0 * 37 + turn) % 60 * page + 5 * $0, 100 + 13 * turn + $0) }
                try wire.run.step("round \(turn)") {
                    try wire.send(pieces)
                    try wire.transmitter.awaitCompletions(wire.socket.rawValue, within: wire.run.patience(20))
                }
            }
            try wire.finish()
        },
        scenario("tapped", "sends past a packet socket, which would need a copy of them; ordinary ones it sees") { wire in
            let tap = try wire.run.step("packet socket on the interface") { try PacketSocket(ifindex: wire.bed.ifindex) }
            try wire.run.step("100000 bytes sent") { try wire.send(at: 0, count: 100_000) }
            try wire.run.step("sends from the dma-buf and ordinary ones in turn") {
                for turn in 0..<4 {
                    try wire.send(at: 100_000 + turn * 20_000, count: 10_000)
                    try wire.sendOrdinary(5000)
                }
            }
            try wire.run.step("the packet socket has seen ordinary payload") {
                var longest = 0
                while longest < 1000 {
                    // What was sent may wait for the peer to make room.
                    guard let frame = try tap.receive(timeoutMilliseconds: CInt(wire.run.patience(10) * 1000)) else {
                        throw ScenarioFailure("the longest of its frames has \(longest) bytes")
                    }
                    longest = max(longest, frame.count)
                }
            }
            try wire.finish()
        },
        scenario("partial", "a socket without room takes a part of what is sent") { wire in
            try wire.limitUnsent(65_536)
            let calls = try wire.run.step("\(wire.transmitter.size) bytes sent") { try wire.send(at: 0, count: wire.transmitter.size) }
            try wire.run.expect(calls > 1, "it took \(calls) calls", "the socket took everything at once")
            try wire.finish()
        },
        scenario("mixed", "sends from the dma-buf and ordinary ones in turn") { wire in
            for turn in 0..<8 {
                try wire.run.step("round \(turn)") {
                    try wire.send(at: turn * 20_000, count: 10_000)
                    try wire.sendOrdinary(5000)
                }
            }
            try wire.finish()
        },
        scenario("corked", "many small sends that share packets (MSG_MORE)") { wire in
            try wire.run.step("200 sends of 300 bytes, and one that sends them off") {
                for turn in 0..<200 { try wire.send(at: turn * 700 + 1, count: 300, more: true) }
                try wire.send(at: 0, count: 1)
            }
            try wire.finish()
        },
        scenario("behind-ordinary", "sends from the dma-buf behind ordinary bytes that wait to be sent, and before such (TCP_CORK)") { wire in
            for turn in 0..<8 {
                try wire.run.step("round \(turn): 100 ordinary bytes, 3000 of the dma-buf, 200 ordinary ones, then the cork pulled") {
                    try SocketSending.cork(wire.socket.rawValue, true)
                    try wire.sendOrdinary(100)
                    try wire.send(at: turn * 20_000 + 5, count: 3000)
                    try wire.sendOrdinary(200)
                    try SocketSending.cork(wire.socket.rawValue, false)
                }
            }
            try wire.finish()
        },
        scenario("two-bindings", "sends from two dma-bufs in turn over one socket; the second is unbound on the way") { wire in
            let second = try Transmitter.make(wire.run, bed: wire.bed, pages: 128)
            try wire.run.step("24 sends from both in turn") {
                for turn in 0..<24 { try wire.send(at: turn * 20_000, count: 7000, of: turn % 2 == 0 ? nil : second, more: turn % 3 > 0) }
            }
            try wire.run.step("the second unbound") {
                second.unbind()
                second.release()
            }
            try wire.run.step("one more send from the first") { try wire.send(at: 100, count: 5000) }
            try wire.finish()
        },
        scenario("rerouted", "sends over a socket that has forgotten its route") { wire in
            for turn in 0..<4 {
                try wire.run.step("round \(turn)") {
                    try wire.socket.forgetRoute()
                    try wire.send(at: turn * 9000 + 3, count: 5000)
                }
            }
            try wire.finish()
        },
        scenario("split", "a send of which a part is held back is completed when all of it is there") { wire in
            try wire.run.step("sends of 10000 bytes over a corked socket, until one has been seen that is there but for its end") {
                let end = MonotonicClock.now + UInt64(wire.run.patience(20) * 1e9)
                while try !wire.seePart(10_000) {
                    guard MonotonicClock.now < end else { throw ScenarioFailure("every one was sent to its end before it could be looked at") }
                }
            }
            try wire.finish()
        },
        scenario("reuse", "one dma-buf filled and sent again and again") { wire in
            for turn in 0..<6 {
                try wire.run.step("round \(turn)") {
                    try wire.send(at: 0, count: 100_000)
                    try wire.transmitter.awaitCompletions(wire.socket.rawValue, within: wire.run.patience(20))
                }
            }
            try wire.finish()
        },
        scenario("unbind-queued", "unbind with buffers under way: they stay good, and go when they were sent", reading: false) { wire in
            try wire.fillUp()
            try wire.run.step("unbound, dma-buf closed") {
                wire.transmitter.unbind()
                wire.transmitter.release()
            }
            try wire.expectBound()
            let error = wire.refusal { try wire.transmitter.send(wire.socket.rawValue, [.init(offset: 0, length: 1)]) }
            try wire.run.expect(error?.code == EINVAL, "a new send is refused with EINVAL", error.map { "\($0)" } ?? "it was taken")
            try wire.read(wire.stream)
            try wire.finish()
        },
        scenario("close-queued", "close the socket with data queued: it is sent all the same", reading: false, zeroCopy: false) { wire in
            try wire.fillUp()
            try wire.run.step("socket closed with \(wire.transmitter.outstanding) sends under way") { wire.socket.close() }
            try wire.run.step("unbound, dma-buf closed") {
                wire.transmitter.unbind()
                wire.transmitter.release()
            }
            try wire.expectBound()
            try wire.read(0)
            try wire.finish(completions: false)
        },
        scenario("reset-queued", "reset the connection with data queued: it is dropped", reading: false, zeroCopy: false) { wire in
            try wire.fillUp()
            try wire.read(0)
            try wire.run.step("connection reset with \(wire.transmitter.outstanding) sends under way") { try wire.socket.reset() }
            try wire.finish(completions: false, complete: false)
        },
        scenario("refusals", "sends that must be refused, and that leave no completion and nothing in the stream") { wire in
            try wire.refusals()
            try wire.finish()
        },
        scenario("not-zerocopy", "a send from a dma-buf without MSG_ZEROCOPY is refused, and sends nothing") { wire in
            for offset in [UInt64(0), 4096] {
                let error = wire.refusal {
                    try DeviceMemory.send(
                        socket: wire.socket.rawValue, dmabufID: wire.transmitter.binding, ranges: [.init(offset: offset, length: 100)],
                        zeroCopy: false)
                }
                try wire.run.expect(error?.code == EINVAL, "from offset \(offset): EINVAL", error.map { "\($0)" } ?? "it was taken")
            }
            try wire.run.step("then 20000 bytes sent") { try wire.send(at: 5, count: 20_000) }
            try wire.finish()
        },
        probed,
        killed("kill", "SIGKILL the sender in mid-send", .root),
        killed("kill-limited", "the same of one that may lock no memory: what lies in a dma-buf is not accounted to it", .limited),
        receivingID,
    ]

    private static func scenario(
        _ name: String, _ summary: String, reading: Bool = true, zeroCopy: Bool = true, _ body: @escaping @Sendable (TransmitWire) throws -> Void
    ) -> Scenario {
        Scenario(
            "transmit.\(name)", summary, tier: .netdevsim, needs: [.interface, .devmem, .devmemTransmit],
            expects: Expectation(provider: .devmem, minimumHolds: 0, zeroCopy: zeroCopy, payload: true)
        ) { run in try body(try TransmitWire(run, reading: reading)) }
    }

    /// A probe for the path's MTU is one segment of what others would have been (`tcp_clone_payload()`).
    private static let probed = Scenario(
        "transmit.probed", "sends over a path whose MTU is probed for (tcp_mtu_probing)", tier: .netdevsim,
        needs: [.interface, .devmem, .devmemTransmit, .removableInterface],
        expects: Expectation(provider: .devmem, minimumHolds: 0, zeroCopy: true, payload: true), thorough: true
    ) { run in
        let file = "/proc/sys/net/ipv4/tcp_mtu_probing"
        let before = try KernelFile.read(file)
        run.cleanUp("tcp_mtu_probing as before") { try KernelFile.write(file, before) }
        try KernelFile.write(file, "2")
        let wire = try TransmitWire(run, reading: true)
        try wire.limitUnsent(4 * wire.transmitter.size)
        let probes = try TCPCounters.value(of: "TCPMTUPSuccess") + TCPCounters.value(of: "TCPMTUPFail")
        for turn in 0..<8 {
            try run.step("round \(turn): \(wire.transmitter.size) bytes") {
                try wire.send(at: 0, count: wire.transmitter.size)
                try wire.transmitter.awaitCompletions(wire.socket.rawValue, within: run.patience(20))
            }
        }
        let came = try TCPCounters.value(of: "TCPMTUPSuccess") + TCPCounters.value(of: "TCPMTUPFail") - probes
        try run.expect(came > 0, "\(came) probes of the MTU", "no probe was sent")
        try wire.finish()
    }

    /// `net_devmem_get_binding()` finds a binding of either kind by its id, and lets go of the one that does not fit.
    private static let receivingID = Scenario(
        "transmit.receiving-id", "a send that names a dma-buf bound for receiving is refused, and keeps nothing of it", tier: .netdevsim,
        needs: [.interface, .devmem, .devmemTransmit],
        expects: Expectation(provider: .devmem, minimumHolds: 1, zeroCopy: true, payload: true, pools: ExpectedPools(traffic: false))
    ) { run in
        let wire = try TransmitWire(run, reading: true)
        let receiver = try DevmemReceiver.make(run, bed: wire.bed, pattern: PayloadPattern(seed: 0))
        try run.pools.observe()
        for _ in 0..<3 {
            let error = wire.refusal { try DeviceMemory.send(socket: wire.socket.rawValue, dmabufID: receiver.binding, offset: 0, length: 100) }
            try run.expect(error?.code == EINVAL, "the id of the other kind: EINVAL", error.map { "\($0)" } ?? "it was taken")
        }
        try run.step("unbound from the queue") { receiver.close() }
        try run.step("then 20000 bytes sent") { try wire.send(at: 5, count: 20_000) }
        try wire.finish()
    }

    private static func killed(_ name: String, _ summary: String, _ sender: WorkerParts.Sender) -> Scenario {
        Scenario(
            "transmit.\(name)", summary, tier: .netdevsim, needs: [.interface, .devmem, .devmemTransmit],
            expects: Expectation(provider: .devmem, minimumHolds: 0, payload: true)
        ) { run in
            let bed = try TestBed.make(run)
            let before = try TransmitWire.dmaBufs()
            let worker = try run.step("sender started") {
                try run.environment.startWorker(["devmem-send", String(bed.ifindex), bed.local, String(run.patience(1)), sender.rawValue])
            }
            try run.step("sender bound and listens") { _ = try worker.ask("listen", within: run.patience(10)) }
            try bed.peer.connect(to: bed.local, port: TestBed.port, within: run.patience(10))
            run.cleanUp("peer's socket closed") { try bed.peer.abort() }
            try bed.peer.receive(PayloadPattern(seed: WorkerParts.sendSeed), bytes: 0)
            let sent = try run.step("sender sends without end") { UInt64(try worker.ask("send", within: run.patience(20))) ?? 0 }
            try run.expect(try TransmitWire.dmaBufs() > before, "its dma-buf is there", "there is none")
            try run.step("sender killed") { try worker.killNow() }
            let got = try run.step("the peer's stream ended") { try bed.peer.received(within: run.patience(20)) }
            // What was under way may arrive or not: at least what the sender saw completed did.
            run.payload = PayloadRecord(
                sent: max(sent, got.bytes), received: got.bytes, zeroCopy: got.bytes, copied: 0, firstMismatch: got.mismatch, complete: false)
            try run.expect(got.bytes >= sent, "what was completed arrived", "\(got.bytes) of \(sent) bytes came")
            try TransmitWire.awaitFreed(run, before)
        }
    }
}

/// A connection over which a dma-buf is sent, with the peer at its other end.
final class TransmitWire {
    let run: ScenarioRun
    let bed: TestBed
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
        bed = try TestBed.make(run)
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
            socket.rawValue, at: offset, count: count, of: other, more: more, within: run.patience(20))
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
            socket.rawValue, pieces.map { .init(offset: UInt64($0.0), length: $0.1) }, within: run.patience(20))
    }

    /// Sends the next `count` bytes of the stream from ordinary memory.
    func sendOrdinary(_ count: Int) throws {
        let start = stream
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            pattern.fill(UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count), from: start)
            filled = count
        }
        let borrowed = OwnedDescriptor(taking: socket.rawValue)
        let result = Result { try TCP.send(bytes, over: borrowed, timeoutMilliseconds: CInt(run.patience(20) * 1000)) }
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
                try transmitter.sendAll(socket.rawValue, at: offset, count: 32_768, within: run.patience(20))
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
        // Asked afterwards, as the end may be sent and acknowledged meanwhile.
        let left = try SocketSending.unacknowledged(socket.rawValue)
        guard left == 0 || transmitter.outstanding > 0 else { throw ScenarioFailure("it is completed, and \(left) bytes are not there") }
        try SocketSending.cork(socket.rawValue, false)
        try transmitter.awaitCompletions(socket.rawValue, within: run.patience(20))
        return seen && left > 0
    }

    /// Waits until the peer has acknowledged all that was sent of `count` bytes: until then the skb of which a part was sent may be kept
    /// for retransmission, and with it what it refers to.
    ///
    /// - Returns: whether there is more to send.
    private func awaitPart(_ count: Int) throws -> Bool {
        let end = MonotonicClock.now + UInt64(run.patience(10) * 1e9)
        while true {
            let unsent = try SocketSending.unsent(socket.rawValue)
            let left = try SocketSending.unacknowledged(socket.rawValue)
            if left == unsent, left < count { return left > 0 }
            guard MonotonicClock.now < end else { throw ScenarioFailure("\(left) bytes are not acknowledged, \(unsent) of them not sent") }
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
            try run.step("every send completed") { try transmitter.awaitCompletions(socket.rawValue, within: run.patience(20)) }
            socket.close()
        }
        guard isReading else { throw ScenarioFailure("nobody read the stream") }
        let got = try run.step("the peer has its bytes") { try bed.peer.received(within: run.patience(30)) }
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
            let end = MonotonicClock.now + UInt64(run.patience(10) * 1e9)
            while try dmaBufs() > before {
                guard MonotonicClock.now < end else { throw ScenarioFailure("\(try dmaBufs()) dma-bufs, \(before) before") }
                // What a socket let go of may wait for the receive softirq of another CPU.
                _ = try run.pools.wait(within: 0.01, nudging: true) { _ in false }
            }
        }
    }

    static func dmaBufs() throws -> Int64 {
        guard let count = ResourceCounters.dmaBufs() else { throw ScenarioFailure("debugfs does not tell how many dma-bufs there are") }
        return count
    }
}
