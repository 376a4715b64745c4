// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// A zcrx receiver with a hostile user, on the queue of a device or over loopback without a device: it holds buffers, makes the kernel read the
/// entries of the refill ring, and then checks that the queue still works.
///
/// The area has fewer net_iovs than the driver posts, so that every poll takes entries from the refill ring, a buffer that is reused while the
/// user holds it is soon overwritten, and a lost one is soon missing.
final class HostileScene {
    /// An entry of the refill ring.
    struct Entry {
        var offset: UInt64
        var length: UInt32 = 4096
        var padding: UInt32 = 0
    }

    /// What makes the kernel read the refill ring.
    enum Reader: String, CaseIterable {
        /// A poll, in which the driver posts buffers (`io_zcrx_ring_refill()`).
        case poll
        /// `ZCRX_CTRL_FLUSH_RQ` (`zcrx_flush_rq()`).
        case flush
    }

    private enum Wire {
        case device(any TestBed, Connection, Echo)
        case loopback(Loopback)
    }

    /// More than half of the net_iovs: as many can be held a second time only after the first were released. And few enough for TCP: a hole in the
    /// stream is never filled where the bytes behind it use all buffers.
    static let held = 44
    /// Bytes of the whole stream: those that are held, those of a turnover or held again, and the rest.
    private static let stream: UInt64 = 1_500_000
    private static let last: UInt64 = 40_000

    let run: ScenarioRun
    let receiver: ZeroCopyReceiver
    let reader: Reader
    private var wire: Wire
    /// Bytes received over sockets that are closed.
    private var before: UInt64 = 0

    private init(_ run: ScenarioRun, _ receiver: ZeroCopyReceiver, _ reader: Reader, _ wire: Wire) {
        self.run = run
        self.receiver = receiver
        self.reader = reader
        self.wire = wire
    }

    /// A scene with a device, or without a device, where only a flush reads the ring.
    static func make(
        _ run: ScenarioRun, _ reader: Reader, device: Bool = true,
        configure: (inout ZeroCopyReceive.Registration) -> Void = { _ in }
    ) throws -> HostileScene {
        let pattern = PayloadPattern(seed: 30)
        guard device else {
            let receiver = try ZeroCopyReceiver.make(run, bed: nil, pages: AreaMemory.smallPages, pattern: pattern, configure: configure)
            return HostileScene(run, receiver, .flush, .loopback(try Loopback(run, pattern: pattern)))
        }
        let bed = try run.makeTestBed()
        let receiver = try ZeroCopyReceiver.make(run, bed: bed, pages: AreaMemory.smallPages, pattern: pattern, configure: configure)
        let socket = try bed.connect(run)
        // So that the driver has buffers to post in addition to the held and the unread ones.
        try socket.limitReceiveBuffer(16_384)
        try bed.peer.send(pattern, bytes: stream)
        return HostileScene(run, receiver, reader, .device(bed, socket, try Echo(to: socket.rawValue)))
    }

    /// Receives until that many bytes of the stream are there.
    func receive(to total: UInt64, hold: Bool) throws {
        switch wire {
        case .device(_, let socket, _):
            try receiver.receive(from: socket.rawValue, total: total, hold: hold, within: run.timeout(20))
        case .loopback(let loopback):
            while receiver.received < total {
                // Few bytes at a time: without a device a receive does not wait for a free buffer.
                try loopback.send(Int(min(16_384, total - receiver.received)), within: run.timeout(10))
                try receiver.receive(from: loopback.receiver.rawValue, total: loopback.sent, hold: hold, within: run.timeout(20))
                if !hold { try receiver.flush() }
            }
        }
    }

    /// Receives and holds until `count` net_iovs are held, without a request for more: then every delivered buffer is held.
    ///
    /// - Parameter first: until the first net_iov of the area is among them, because a broken kernel may use it for an offset out of range.
    func hold(_ count: Int = HostileScene.held, first: Bool = false) throws {
        try run.step("\(count) net_iovs held\(first ? ", the first of the area among them" : "")") {
            // Buffers that were delivered before are returned.
            try receiver.disarm(within: run.timeout(10))
            let limit = receiver.received + AreaMemory.smallTurnover
            while receiver.heldNetIovs < count || first && !receiver.held.contains(where: { $0.areaOffset < 4096 }) {
                guard receiver.received < limit else {
                    throw ScenarioFailure(
                        "after \(AreaMemory.smallTurnover) bytes \(receiver.heldNetIovs) net_iovs are held\(first ? ", without the first" : "")")
                }
                while receiver.heldNetIovs >= count { try receiver.returnOldest() }
                switch wire {
                case .device(_, let socket, _): try receiver.hold(4096, from: socket.rawValue, within: run.timeout(20))
                case .loopback(let loopback):
                    try loopback.send(4096, within: run.timeout(10))
                    try receiver.hold(4096, from: loopback.receiver.rawValue, within: run.timeout(20))
                }
            }
        }
    }

    /// Offsets of net_iovs that the user does not hold.
    var others: [UInt64] {
        let held = Set(receiver.held.map { $0.areaOffset / 4096 })
        return (0..<UInt64(AreaMemory.smallPages)).filter { !held.contains($0) }.map { $0 * 4096 }
    }

    /// Writes entries to the refill ring and makes the kernel read all of them.
    func put(_ entries: [Entry]) throws {
        try run.step("\(entries.count) entries written and read") {
            for entry in entries {
                if try receiver.put(entry) { continue }
                try settle()
                guard try receiver.put(entry) else { throw ScenarioFailure("the refill ring is full after the kernel has read it") }
            }
            try settle()
        }
    }

    /// Makes the kernel read the refill ring until it is empty.
    func settle() throws {
        let deadline = Deadline(seconds: run.timeout(10))
        var left = try receiver.refillEntriesLeft()
        while left > 0 {
            guard !deadline.hasPassed else { throw ScenarioFailure("the kernel left \(left) entries of the refill ring unread") }
            try readOnce()
            let now = try receiver.refillEntriesLeft()
            // A flush ends after an invalid entry, and reads at least one.
            if reader == .flush && now >= left { throw ScenarioFailure("a flush left all \(now) entries of the refill ring unread") }
            left = now
        }
    }

    /// Makes the kernel read the refill ring once.
    func readOnce() throws {
        switch (reader, wire) {
        case (.poll, .device(_, _, let echo)): try echo.exchange(within: run.timeout(5))
        default: try receiver.flush()
        }
    }

    /// The user still holds the buffers whose return was refused: they are not reused while every other buffer is, and they can be returned.
    func expectStillHeld() throws {
        try run.step("\(AreaMemory.smallTurnover) bytes received, \(receiver.held.count) held deliveries unchanged") {
            try receive(to: receiver.received + AreaMemory.smallTurnover, hold: false)
            try receiver.recheckHeld()
        }
        try run.userHolds(0)
        try run.step("all returned by valid entries") {
            try receiver.returnAll()
            try settle()
        }
        try expectTaken()
    }

    /// The kernel has released the held buffers: as many can be held again, which is more than half of all.
    func expectTaken() throws {
        receiver.dropHeld()
        try hold()
        try run.step("all returned") {
            try receiver.returnAll()
            try settle()
        }
    }

    /// Closes the socket with its payload unread, and begins another stream over a new socket.
    func reconnect() throws {
        guard case .device(let bed, let socket, _) = wire else { return }
        try run.step("socket closed") {
            try bed.peer.close()
            socket.close()
        }
        receiver.beginStream()
        before = receiver.received
        let next = try bed.connect(run)
        try next.limitReceiveBuffer(16_384)
        try bed.peer.send(PayloadPattern(seed: 30), bytes: Self.stream)
        wire = .device(bed, next, try Echo(to: next.rawValue))
    }

    /// Receives the rest of the stream, holds its last bytes, and closes with them held.
    ///
    /// - Parameter attack: done after the last mark of held net_iovs, and before the end.
    func finish(_ attack: () throws -> Void = {}) throws {
        switch wire {
        case .device(let bed, let socket, _):
            let total = before + Self.stream
            try run.step("the rest of \(total) bytes received, the last \(Self.last) held") {
                try receive(to: total - Self.last, hold: false)
                try receive(to: total, hold: true)
            }
            try conclude(sent: before + (try bed.peer.sent(within: run.timeout(10))))
            try attack()
            socket.close()
        case .loopback(let loopback):
            try run.step("\(Self.last) more bytes received and held") {
                try receive(to: receiver.received + AreaMemory.smallTurnover, hold: false)
                try receive(to: receiver.received + Self.last, hold: true)
            }
            try conclude(sent: loopback.sent)
            try attack()
        }
        try run.step("ring closed with \(receiver.held.count) deliveries held") { receiver.close() }
    }

    private func conclude(sent: UInt64) throws {
        try run.expect(receiver.held.count > 0, "the user holds buffers", "none was delivered")
        try run.userHolds(receiver.heldNetIovs)
        try run.step("\(receiver.held.count) held deliveries are unchanged") { try receiver.recheckHeld() }
        run.payload = try receiver.payload(sent: sent, complete: true)
        try run.pools.observe()
        try run.userEnds()
    }
}

extension ZeroCopyReceiver {
    /// Writes an entry to the refill ring; false where it is full.
    func put(_ entry: HostileScene.Entry) throws -> Bool {
        try with { $0.queue.putRawEntry(offset: entry.offset, length: entry.length, padding: entry.padding) }
    }
}
