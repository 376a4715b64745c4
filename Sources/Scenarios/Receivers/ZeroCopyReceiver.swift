// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// A receiver over io_uring zero-copy receive: a ring, its areas and an interface queue, and the account of what came
/// through them. Used from the thread that made it.
final class ZeroCopyReceiver {
    static let pageBytes = 4096
    private static let receiveTag: UInt64 = 1
    /// What the completions of events carry.
    static let eventTag: UInt64 = 2
    private static let cancelTag: UInt64 = 3

    /// What lives and ends together.
    struct Registered: ~Copyable {
        let ring: ZeroCopyReceive.Ring
        var queue: ZeroCopyReceive.InterfaceQueue
        var areas: [AreaMemory]
        /// Another queue of the ring, registered before.
        var other: Other?

        struct Other: ~Copyable {
            let queue: ZeroCopyReceive.InterfaceQueue
            let area: AreaMemory

            consuming func close() {
                queue.close()
                area.close()
            }
        }

        consuming func close() {
            other.take()?.close()
            queue.close()
            ring.close()
            for area in areas { area.close() }
        }
    }

    private var registered: Registered?
    private let pattern: PayloadPattern
    /// Buffers delivered and not returned.
    private(set) var held: [Held] = []
    /// Different net_iovs among them.
    var heldNetIovs: Int { Set(held.map { $0.offset / bufferBytes }).count }
    /// Of one net_iov.
    private var bufferBytes = UInt64(ZeroCopyReceiver.pageBytes)
    private(set) var received: UInt64 = 0
    /// Where the present stream began, in bytes received.
    private var streamStart: UInt64 = 0
    private var firstMismatch: UInt64?
    private var receiving = false
    /// Each request waits for its socket before its first look at it.
    var pollsFirst = false
    /// The request ends at a number of bytes, not with the stream.
    private var asked = AskedBytes()
    /// Events told, in turn.
    private(set) var events: [ZeroCopyReceive.Event] = []

    /// A delivered buffer: its offset as the completion had it, and which bytes of the stream it has.
    struct Held {
        var offset: UInt64
        var areaOffset: UInt64
        var length: UInt32
        var start: UInt64

        /// Which of the areas it lies in.
        var area: Int { Int(offset >> ZeroCopyReceive.areaShift) }
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
    ///   - completions: entries of the completion queue; nil for more than are ever waiting.
    ///   - setup: of the ring.
    ///   - area: the area's memory, which the receiver takes over; nil makes ordinary memory.
    ///   - beside: another queue, which the ring registers before, alike but for its area.
    ///   - configure: changes what is asked for, last.
    init(
        at place: Place?, pages: Int, statistics: Bool, refillEntries: UInt32 = 4096, completions: UInt32? = nil,
        setup: ZeroCopyReceive.Ring.Setup = .zeroCopyReceive, pattern: PayloadPattern, area: AreaMemory? = nil, beside: Place? = nil,
        configure: (inout ZeroCopyReceive.Registration) -> Void = { _ in }
    ) throws {
        self.pattern = pattern
        let memory = try area ?? AreaMemory(pages: pages)
        let otherMemory = try beside.map { _ in try AreaMemory(pages: pages) }
        var registration =
            place.map {
                ZeroCopyReceive.Registration(ifindex: $0.ifindex, queue: $0.queue, area: memory.registration)
            } ?? .noDevice(area: memory.registration)
        registration.refillEntries = refillEntries
        if statistics { registration.events = .init(userData: Self.eventTag, events: [], statistics: true) }
        configure(&registration)
        if registration.bufferLength != 0 { bufferBytes = UInt64(registration.bufferLength) }
        do throws(KernelError) {
            // A completion queue is at least as long as the submission queue.
            let ring =
                if let completions { try ZeroCopyReceive.Ring(entries: completions, completionEntries: completions, setup: setup) } else {
                    try ZeroCopyReceive.Ring(setup: setup)
                }
            var other: Registered.Other?
            do throws(KernelError) {
                if let beside, let otherMemory {
                    var first = registration
                    (first.ifindex, first.queue, first.area) = (beside.ifindex, beside.queue, otherMemory.registration)
                    other = Registered.Other(queue: try ring.register(first), area: otherMemory)
                }
                let queue = try ring.register(registration)
                registered = Registered(ring: ring, queue: queue, areas: [memory], other: other.take())
            } catch {
                other.take()?.close()
                ring.close()
                throw ZeroCopyReceive.explain(error, registration: registration)
            }
        } catch {
            memory.close()
            otherMemory?.close()
            throw error
        }
    }

    /// Imports a queue that another ring exported.
    ///
    /// - Parameters:
    ///   - exported: the descriptor, which stays the caller's.
    ///   - shape: of the exporter's refill region, which the kernel must have given.
    ///   - area: where its payload can be read here; the receiver takes it over.
    init(
        importing exported: CInt, shape: ZeroCopyReceive.RefillShape, area: AreaMemory, pattern: PayloadPattern
    ) throws {
        self.pattern = pattern
        do throws(KernelError) {
            let ring = try ZeroCopyReceive.Ring()
            do throws(KernelError) {
                let queue = try ring.map(try ring.importQueue(exported), shape)
                registered = Registered(ring: ring, queue: queue, areas: [area])
            } catch {
                ring.close()
                throw error
            }
        } catch {
            area.close()
            throw error
        }
    }

    /// The next stream begins: the pattern does, too.
    func beginStream() {
        streamStart = received
        receiving = false
    }

    /// The request has ended with an error: the next receive submits another.
    func forgetRequest() { receiving = false }

    /// Receives from where another receiver left the stream.
    func continueStream(at offset: UInt64) { streamStart = received &- offset }

    /// Does something with ring, queue and areas, while they are there.
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

    /// Receives until `total` bytes of the stream are there, checking each.
    ///
    /// - Parameters:
    ///   - keep: buffers stay with the user; otherwise they go back through the refill ring at once.
    ///   - seconds: the longest wait for more.
    func receive(from socket: CInt, total: UInt64, hold: Bool, within seconds: Double) throws {
        while received < total {
            try submit(socket)
            guard let completion = try wait(milliseconds: Int32(seconds * 1000) + 1) else {
                throw ScenarioFailure("\(received) of \(total) bytes received, and nothing more within \(seconds) s")
            }
            try take(completion, hold: hold)
        }
        if let firstMismatch { throw ScenarioFailure("the byte at offset \(firstMismatch) is not the one sent") }
    }

    /// Takes the receive request back, so that what arrives from now on stays in the socket.
    func disarm(within seconds: Double) throws {
        guard receiving else { return }
        try with { try $0.ring.cancel(Self.receiveTag, userData: Self.cancelTag) }
        let deadline = Deadline(seconds: seconds)
        var cancelled = false
        while receiving || !cancelled {
            guard !deadline.hasPassed, let completion = try wait(milliseconds: deadline.remaining) else {
                throw ScenarioFailure("the receive request was not cancelled within \(seconds) s")
            }
            if completion.userData == Self.cancelTag {
                cancelled = true
            } else if completion.error?.code == ECANCELED {
                receiving = false
            } else {
                try take(completion, hold: false)
            }
        }
    }

    /// Receives and keeps so many bytes and asks for no more; only when no other request is under way.
    func hold(_ bytes: UInt32, from socket: CInt, within seconds: Double) throws {
        try ask(for: bytes, from: socket)
        try holdRequested(within: seconds)
    }

    /// Has the receive of so many bytes under way before there is anything to receive.
    func arm(_ bytes: UInt32, from socket: CInt) throws {
        try ask(for: bytes, from: socket)
        if let completion = try wait(milliseconds: 0) { throw ScenarioFailure("before there was anything to receive came \(completion)") }
    }

    private func ask(for bytes: UInt32, from socket: CInt) throws {
        guard !receiving else { throw ScenarioFailure("a receive request is under way") }
        try submit(socket, limit: bytes)
    }

    /// Keeps what the request that is under way brings, up to its end.
    func holdRequested(within seconds: Double) throws {
        let bytes = received
        let deadline = Deadline(seconds: seconds)
        while receiving {
            guard !deadline.hasPassed, let completion = try wait(milliseconds: deadline.remaining) else {
                throw ScenarioFailure("a receive did not end within \(seconds) s, and brought \(received - bytes) bytes")
            }
            try take(completion, hold: true)
        }
    }

    private func submit(_ socket: CInt, limit: UInt32 = 0) throws {
        guard !receiving else { return }
        try with { try $0.ring.receive(socket: socket, queue: $0.queue.id, length: limit, pollFirst: pollsFirst, userData: Self.receiveTag) }
        receiving = true
        asked = AskedBytes(limit: Int(limit))
    }

    private func wait(milliseconds: Int32) throws -> ZeroCopyReceive.Completion? {
        try with { try $0.ring.wait(timeoutMilliseconds: milliseconds) }
    }

    private func take(_ completion: ZeroCopyReceive.Completion, hold: Bool) throws {
        if note(completion) { return }
        if let error = completion.error { throw error }
        guard completion.isData, let offset = completion.offset, let areaOffset = completion.areaOffset,
            let index = completion.areaIndex
        else {
            receiving = receiving && completion.more
            if completion.result == 0, !completion.more, !asked.areAllThere { throw ScenarioFailure("the stream ended after \(received) bytes") }
            return
        }
        receiving = completion.more
        let length = UInt32(completion.result)
        try asked.bring(Int(length))
        let start = received &- streamStart
        let wrong = try with { parts in
            guard parts.areas.indices.contains(index) else {
                throw ScenarioFailure("the kernel delivered into area \(index), there are \(parts.areas.count)")
            }
            guard let bytes = parts.areas[index].bytes(at: areaOffset, count: Int(length)) else {
                throw ScenarioFailure(
                    "the kernel delivered \(length) bytes at \(areaOffset), outside the area of \(parts.areas[index].count)")
            }
            return pattern.mismatch(bytes, at: start)
        }
        firstMismatch = firstMismatch ?? wrong
        received += UInt64(length)
        if hold {
            held.append(Held(offset: offset, areaOffset: areaOffset, length: length, start: start))
        } else {
            try returnBuffers(offset, length)
        }
    }

    private func returnBuffers(_ offset: UInt64, _ length: UInt32) throws {
        guard try with({ $0.queue.returnBuffer(offset: offset, length: length) }) else {
            throw ScenarioFailure("the refill ring is full")
        }
    }

    /// Reads every held buffer again: nobody may have written to what the user still owns.
    func recheckHeld() throws {
        for buffer in held {
            let wrong = try with { parts in
                parts.areas[buffer.area].bytes(at: buffer.areaOffset, count: Int(buffer.length)).flatMap {
                    pattern.mismatch($0, at: buffer.start)
                }
            }
            if let wrong {
                throw ScenarioFailure(
                    "the buffer at \(buffer.areaOffset) of the area was overwritten while the user held it (stream offset \(wrong))")
            }
        }
    }

    /// Takes an event's completion; false where it is none.
    private func note(_ completion: ZeroCopyReceive.Completion) -> Bool {
        guard completion.userData == Self.eventTag, completion.result >= 0,
            let event = ZeroCopyReceive.Event(rawValue: UInt32(completion.result))
        else { return false }
        events.append(event)
        return true
    }

    /// Waits until `count` events were told, at most so long. What else completes meanwhile would be lost: receive nothing then.
    func awaitEvents(_ count: Int, within seconds: Double) throws {
        let deadline = Deadline(seconds: seconds)
        while events.count < count {
            guard !deadline.hasPassed, let completion = try wait(milliseconds: deadline.remaining) else { return }
            try take(completion, hold: true)
        }
    }

    /// Forgets what is held: it was given back by other means, or it cannot be said whose it is.
    func forgetHeld() { held = [] }

    /// Gives every held buffer back through the refill ring.
    func returnAll() throws {
        while let buffer = held.popLast() { try returnBuffers(buffer.offset, buffer.length) }
    }

    /// Gives back what is held longest.
    func returnOldest() throws {
        guard !held.isEmpty else { return }
        let buffer = held.removeFirst()
        try returnBuffers(buffer.offset, buffer.length)
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
