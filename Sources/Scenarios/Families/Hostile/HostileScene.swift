// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// A zcrx receiver whose user means ill, over a device's queue or over loopback without one: holds buffers, has the kernel
/// read what was put into the refill ring, and then sees whether the queue still does what it should.
///
/// The area is small: no more net_iovs than the driver posts, so that every poll takes up the refill ring, a buffer that is
/// handed on under its user is soon overwritten, and one that is lost is soon missed.
final class HostileScene {
    /// An entry of the refill ring.
    struct Entry {
        var offset: UInt64
        var length: UInt32 = 4096
        var padding: UInt32 = 0
    }

    /// Who reads the refill ring.
    enum Reader: String, CaseIterable {
        /// The driver, when it fills its receive ring at a poll (`io_zcrx_ring_refill()`).
        case poll
        /// `ZCRX_CTRL_FLUSH_RQ` (`zcrx_flush_rq()`).
        case flush
    }

    private enum Wire {
        case device(any TestBed, Connection, Echo)
        case loopback(Loopback)
    }

    /// More than half of them: to hold so many twice, those of the first time must have come home. And few enough for TCP: where
    /// a hole in the stream finds no buffer because what came behind it took them all, it is never filled.
    static let held = 44
    /// Of the whole stream: held, a turn or held again, and what is left at the end.
    private static let stream: UInt64 = 1_500_000
    private static let last: UInt64 = 40_000

    let run: ScenarioRun
    let receiver: ZeroCopyReceiver
    let reader: Reader
    private var wire: Wire
    /// Bytes that streams of sockets closed since brought.
    private var before: UInt64 = 0

    private init(_ run: ScenarioRun, _ receiver: ZeroCopyReceiver, _ reader: Reader, _ wire: Wire) {
        self.run = run
        self.receiver = receiver
        self.reader = reader
        self.wire = wire
    }

    /// A scene with a device or, with no reader but the flush, without one.
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
        // So that what is held and what lies unread leave the driver something to post.
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
                // Little at a time: without a device nothing waits for a buffer to come home.
                try loopback.send(Int(min(16_384, total - receiver.received)), within: run.timeout(10))
                try receiver.receive(from: loopback.receiver.rawValue, total: loopback.sent, hold: hold, within: run.timeout(20))
                if !hold { try receiver.flush() }
            }
        }
    }

    /// Keeps buffers until `count` are held, and then asks for no more: what is not held then is not delivered either.
    ///
    /// - Parameter first: until the area's first is among them, which a place that is out of range may be taken for.
    func hold(_ count: Int = HostileScene.held, first: Bool = false) throws {
        try run.step("\(count) net_iovs held\(first ? ", the area's first among them" : "")") {
            // What was delivered before this was asked for goes back.
            try receiver.disarm(within: run.timeout(10))
            let limit = receiver.received + AreaMemory.smallTurnover
            while receiver.heldNetIovs < count || first && !receiver.held.contains(where: { $0.areaOffset < 4096 }) {
                guard receiver.received < limit else {
                    throw ScenarioFailure(
                        "\(AreaMemory.smallTurnover) bytes came, and \(receiver.heldNetIovs) net_iovs are held\(first ? ", never the first" : "")")
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

    /// Puts entries into the refill ring and has them all read.
    func put(_ entries: [Entry]) throws {
        try run.step("\(entries.count) entries put and read") {
            for entry in entries {
                if try receiver.put(entry) { continue }
                try settle()
                guard try receiver.put(entry) else { throw ScenarioFailure("the refill ring was read and is full") }
            }
            try settle()
        }
    }

    /// Has the refill ring read until it is empty.
    func settle() throws {
        let deadline = Deadline(seconds: run.timeout(10))
        var left = try receiver.refillEntriesLeft()
        while left > 0 {
            guard !deadline.hasPassed else { throw ScenarioFailure("the kernel left \(left) entries of the refill ring unread") }
            try readOnce()
            let now = try receiver.refillEntriesLeft()
            // A flush stops behind a bad entry, and goes past one at least.
            if reader == .flush && now >= left { throw ScenarioFailure("a flush left all \(now) entries of the refill ring unread") }
            left = now
        }
    }

    /// Has the refill ring read once.
    func readOnce() throws {
        switch (reader, wire) {
        case (.poll, .device(_, _, let echo)): try echo.exchange(within: run.timeout(5))
        default: try receiver.flush()
        }
    }

    /// What was held and refused is the user's still: a turn of the area overwrites none of it, and it can be given back.
    func stillHeld() throws {
        try run.step("\(AreaMemory.smallTurnover) bytes received, \(receiver.held.count) held deliveries are as they came") {
            try receive(to: receiver.received + AreaMemory.smallTurnover, hold: false)
            try receiver.recheckHeld()
        }
        try run.userHolds(0)
        try run.step("given back as it should be") {
            try receiver.returnAll()
            try settle()
        }
        try backInUse()
    }

    /// What was held came home: as many can be held again, which are more than there are otherwise.
    func backInUse() throws {
        receiver.dropHeld()
        try hold()
        try run.step("given back") {
            try receiver.returnAll()
            try settle()
        }
    }

    /// Closes the socket with its data unread, and begins another stream over a new one.
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

    /// Receives what is left of the stream, holds its last bytes, and closes with them held.
    ///
    /// - Parameter attack: done between user space's last word about what it holds and the end.
    func finish(_ attack: () throws -> Void = {}) throws {
        switch wire {
        case .device(let bed, let socket, _):
            let total = before + Self.stream
            try run.step("the rest of \(total) bytes received, the last \(Self.last) kept") {
                try receive(to: total - Self.last, hold: false)
                try receive(to: total, hold: true)
            }
            try conclude(sent: before + (try bed.peer.sent(within: run.timeout(10))))
            try attack()
            socket.close()
        case .loopback(let loopback):
            try run.step("\(Self.last) more bytes received and kept") {
                try receive(to: receiver.received + AreaMemory.smallTurnover, hold: false)
                try receive(to: receiver.received + Self.last, hold: true)
            }
            try conclude(sent: loopback.sent)
            try attack()
        }
        try run.step("ring closed with \(receiver.held.count) deliveries held") { receiver.close() }
    }

    private func conclude(sent: UInt64) throws {
        try run.expect(receiver.held.count > 0, "buffers held by the user", "none was delivered")
        try run.userHolds(receiver.heldNetIovs)
        try run.step("\(receiver.held.count) held deliveries are as they came") { try receiver.recheckHeld() }
        run.payload = try receiver.payload(sent: sent, complete: true)
        try run.pools.observe()
        try run.userEnds()
    }
}

extension ZeroCopyReceiver {
    /// Puts an entry into the refill ring; false where it is full.
    func put(_ entry: HostileScene.Entry) throws -> Bool {
        try with { $0.queue.putRawEntry(offset: entry.offset, length: entry.length, padding: entry.padding) }
    }
}
