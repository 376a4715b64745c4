// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// A receiver over io_uring zero-copy receive: a ring, an area and an interface queue, and the account of what came
/// through them. Used from the thread that made it.
final class ZeroCopyReceiver {
    static let pageBytes = 4096
    private static let receiveTag: UInt64 = 1
    private static let cancelTag: UInt64 = 2

    /// What lives and ends together.
    struct Registered: ~Copyable {
        let ring: ZeroCopyReceive.Ring
        var queue: ZeroCopyReceive.InterfaceQueue
        let area: MappedMemory

        consuming func close() {
            queue.close()
            ring.close()
            area.unmap()
        }
    }

    private var registered: Registered?
    private let pattern: PayloadPattern
    /// Buffers delivered and not returned.
    private(set) var held: [Held] = []
    /// Different net_iovs among them.
    var heldNetIovs: Int { Set(held.map { $0.areaOffset / UInt64(Self.pageBytes) }).count }
    private(set) var received: UInt64 = 0
    private var firstMismatch: UInt64?
    private var receiving = false

    /// A delivered buffer: its offset as the completion had it, and which bytes of the stream it has.
    struct Held {
        var offset: UInt64
        var areaOffset: UInt64
        var length: UInt32
        var start: UInt64
    }

    /// Where to register: a device's queue.
    struct Place {
        var ifindex: UInt32
        var queue: UInt32
    }

    /// Registers an interface queue.
    ///
    /// - Parameters:
    ///   - place: nil registers without a device.
    ///   - pages: net_iovs of the area.
    ///   - statistics: have the kernel count what it copies.
    ///   - refillEntries: of the refill ring.
    init(at place: Place?, pages: Int, statistics: Bool, refillEntries: UInt32 = 4096, pattern: PayloadPattern) throws {
        self.pattern = pattern
        let memory = try MappedMemory(anonymous: pages * Self.pageBytes)
        var registration = place.map {
            ZeroCopyReceive.Registration(ifindex: $0.ifindex, queue: $0.queue, area: .memory(memory))
        } ?? .noDevice(area: .memory(memory))
        registration.refillEntries = refillEntries
        if statistics { registration.events = .init(userData: 0, events: [], statistics: true) }
        do throws(KernelError) {
            let ring = try ZeroCopyReceive.Ring()
            do throws(KernelError) {
                let queue = try ring.register(registration)
                registered = Registered(ring: ring, queue: queue, area: memory)
            } catch {
                ring.close()
                throw ZeroCopyReceive.explain(error, registration: registration)
            }
        } catch {
            memory.unmap()
            throw error
        }
    }

    /// Registers as a step of `run`, on `bed`'s queue or, where that is nil, without a device; closed when the run is over.
    static func make(
        _ run: ScenarioRun, bed: TestBed?, pages: Int = 512, refillEntries: UInt32 = 4096, pattern: PayloadPattern
    ) throws -> ZeroCopyReceiver {
        let location = bed.map { "on \($0.interface) queue \($0.queue)" } ?? "without a device"
        let receiver = try run.step("zcrx registered \(location), \(pages) net_iovs") {
            try ZeroCopyReceiver(
                at: bed.map { Place(ifindex: $0.ifindex, queue: $0.queue) }, pages: pages,
                statistics: run.environment.lacks(.zcrxStatistics) == nil, refillEntries: refillEntries, pattern: pattern)
        }
        run.cleanUp("zcrx closed") { receiver.close() }
        try run.userBound()
        return receiver
    }

    /// Lends out what is registered; a failure where the ring is closed.
    func with<Value>(_ body: (inout Registered) throws -> Value) throws -> Value {
        guard var parts = registered.take() else { throw ScenarioFailure("the ring is closed") }
        do {
            let value = try body(&parts)
            registered = consume parts
            return value
        } catch {
            registered = consume parts
            throw error
        }
    }

    func beginStream() { received = 0 }

    /// Receives until `total` bytes of the stream are there, checking each.
    ///
    /// - Parameter keep: buffers stay with the user; otherwise they go back through the refill ring at once.
    func receive(from socket: CInt, total: UInt64, keep: Bool, within seconds: Double) throws {
        let end = MonotonicClock.now + UInt64(seconds * 1e9)
        while received < total {
            try submit(socket)
            let now = MonotonicClock.now
            guard now < end, let completion = try wait(milliseconds: Int32((end - now) / 1_000_000) + 1) else {
                throw ScenarioFailure("\(received) of \(total) bytes received within \(seconds) s")
            }
            try take(completion, keep: keep)
        }
        if let firstMismatch { throw ScenarioFailure("the byte at offset \(firstMismatch) is not the one sent") }
    }

    /// Takes the receive request back, so that what arrives from now on stays in the socket.
    func disarm(within seconds: Double) throws {
        guard receiving else { return }
        try with { try $0.ring.cancel(Self.receiveTag, userData: Self.cancelTag) }
        let end = MonotonicClock.now + UInt64(seconds * 1e9)
        var cancelled = false
        while receiving || !cancelled {
            let now = MonotonicClock.now
            guard now < end, let completion = try wait(milliseconds: Int32((end - now) / 1_000_000) + 1) else {
                throw ScenarioFailure("the receive request was not cancelled within \(seconds) s")
            }
            if completion.userData == Self.cancelTag {
                cancelled = true
            } else if completion.error?.code == ECANCELED {
                receiving = false
            } else {
                try take(completion, keep: false)
            }
        }
    }

    private func submit(_ socket: CInt) throws {
        guard !receiving else { return }
        try with { try $0.ring.receive(socket: socket, queue: $0.queue.id, userData: Self.receiveTag) }
        receiving = true
    }

    private func wait(milliseconds: Int32) throws -> ZeroCopyReceive.Completion? {
        try with { try $0.ring.wait(timeoutMilliseconds: milliseconds) }
    }

    private func take(_ completion: ZeroCopyReceive.Completion, keep: Bool) throws {
        if let error = completion.error { throw error }
        guard completion.isData, let offset = completion.offset, let areaOffset = completion.areaOffset else {
            receiving = receiving && completion.more
            if completion.result == 0, !completion.more { throw ScenarioFailure("the stream ended after \(received) bytes") }
            return
        }
        receiving = completion.more
        let length = UInt32(completion.result)
        let start = received
        let wrong = try with { parts in
            guard areaOffset + UInt64(length) <= UInt64(parts.area.count) else {
                throw ScenarioFailure("the kernel delivered \(length) bytes at \(areaOffset), outside the area of \(parts.area.count)")
            }
            return parts.area.withUnsafeBytes { bytes in
                pattern.mismatch(UnsafeRawBufferPointer(rebasing: bytes[Int(areaOffset)..<Int(areaOffset) + Int(length)]), at: start)
            }
        }
        firstMismatch = firstMismatch ?? wrong
        received += UInt64(length)
        if keep {
            held.append(Held(offset: offset, areaOffset: areaOffset, length: length, start: start))
        } else {
            try giveBack(offset, length)
        }
    }

    private func giveBack(_ offset: UInt64, _ length: UInt32) throws {
        guard try with({ $0.queue.returnBuffer(offset: offset, length: length) }) else {
            throw ScenarioFailure("the refill ring is full")
        }
    }

    /// Reads every held buffer again: nobody may have written to what the user still owns.
    func recheckHeld() throws {
        for buffer in held {
            let wrong = try with { parts in
                parts.area.withUnsafeBytes { bytes in
                    let place = Int(buffer.areaOffset)..<Int(buffer.areaOffset) + Int(buffer.length)
                    return pattern.mismatch(UnsafeRawBufferPointer(rebasing: bytes[place]), at: buffer.start)
                }
            }
            if let wrong {
                throw ScenarioFailure("the buffer at \(buffer.areaOffset) of the area was overwritten while the user held it (stream offset \(wrong))")
            }
        }
    }

    /// Gives every held buffer back through the refill ring.
    func returnAll() throws {
        while let buffer = held.popLast() { try giveBack(buffer.offset, buffer.length) }
    }

    /// Has the kernel empty the refill ring (`ZCRX_CTRL_FLUSH_RQ`).
    func flush() throws { try with { try $0.ring.flush(queue: $0.queue.id) } }

    /// Entries that the kernel has not taken from the refill ring.
    func refillEntriesLeft() throws -> Int { try with { $0.queue.capacity - $0.queue.freeSlots } }

    /// Bytes that the kernel says it copied; nil where it keeps no count.
    func copiedBytes() throws -> UInt64? { try with { $0.queue.statistics()?.copiedBytes } }

    /// What came through, against what was sent. Read before the ring is closed, where the counts are.
    func payload(sent: UInt64, complete: Bool) throws -> PayloadRecord {
        let copied = try copiedBytes() ?? 0
        return PayloadRecord(
            sent: sent, received: received, zeroCopy: received >= copied ? received - copied : 0, copied: copied,
            firstMismatch: firstMismatch, complete: complete)
    }

    /// Closes the ring, which ends the registration, and unmaps the area. Once; then it does nothing.
    func close() {
        registered.take()?.close()
    }

    deinit { close() }
}
