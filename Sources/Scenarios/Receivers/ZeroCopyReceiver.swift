// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// A receiver over io_uring zero-copy receive: a ring, its areas and an interface queue, and the record of what was received through them. Only the
/// thread that made it may use it.
final class ZeroCopyReceiver {
    static let pageBytes = 4096
    private static let receiveTag: UInt64 = 1
    /// The user data of the completions that report events.
    static let eventTag: UInt64 = 2
    private static let cancelTag: UInt64 = 3

    /// The resources that are made and closed together.
    struct Registered: ~Copyable {
        let ring: ZeroCopyReceive.Ring
        var queue: ZeroCopyReceive.InterfaceQueue
        var areas: [AreaMemory]
        /// Another queue of the ring, which was registered before.
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
    /// Size of a net_iov.
    private var bufferBytes = UInt64(ZeroCopyReceiver.pageBytes)
    private(set) var received: UInt64 = 0
    /// Where the current stream began, in bytes received.
    private var streamStart: UInt64 = 0
    private var firstMismatch: UInt64?
    private var receiving = false
    /// Each request polls its socket before it reads (`IORING_RECVSEND_POLL_FIRST`).
    var pollsFirst = false
    /// The limit of the pending request.
    private var requested = RequestedBytes()
    /// The events reported so far, in order.
    private(set) var events: [ZeroCopyReceive.Event] = []

    /// A delivered buffer: its offset as the completion reports it, and which bytes of the stream it contains.
    struct Held {
        var offset: UInt64
        var areaOffset: UInt64
        var length: UInt32
        var start: UInt64

        /// The area that contains it.
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
    ///   - statistics: the kernel counts what it copies.
    ///   - refillEntries: of the refill ring.
    ///   - completions: entries of the completion queue; nil for more than can ever be pending.
    ///   - setup: of the ring.
    ///   - area: the area's memory, which the receiver owns from now on; nil makes ordinary memory.
    ///   - first: another queue, which the ring registers before, with an area of its own.
    ///   - configure: changes the registration, last.
    init(
        at place: Place?, pages: Int, statistics: Bool, refillEntries: UInt32 = 4096, completions: UInt32? = nil,
        setup: ZeroCopyReceive.Ring.Setup = .zeroCopyReceive, pattern: PayloadPattern, area: AreaMemory? = nil, first: Place? = nil,
        configure: (inout ZeroCopyReceive.Registration) -> Void = { _ in }
    ) throws {
        self.pattern = pattern
        let memory = try area ?? AreaMemory(pages: pages)
        let otherMemory = try first.map { _ in try AreaMemory(pages: pages) }
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
                if let first, let otherMemory {
                    var registrationOfFirst = registration
                    (registrationOfFirst.ifindex, registrationOfFirst.queue) = (first.ifindex, first.queue)
                    registrationOfFirst.area = otherMemory.registration
                    other = Registered.Other(queue: try ring.register(registrationOfFirst), area: otherMemory)
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
    ///   - exported: the descriptor, which the caller closes.
    ///   - shape: of the exporter's refill region, as the kernel reported it.
    ///   - area: where the payload can be read here; the receiver owns it from now on.
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

    /// The next stream begins, and with it the pattern.
    func beginStream() {
        streamStart = received
        receiving = false
    }

    /// The request has ended with an error; the next receive submits another.
    func dropRequest() { receiving = false }

    /// Continues at that offset of the stream, up to which another receiver has read.
    func continueStream(at offset: UInt64) { streamStart = received &- offset }

    /// Calls `body` with the ring, the queue and the areas.
    ///
    /// - Throws: `ScenarioFailure` where the ring is closed.
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

    /// Receives until `total` bytes of the stream are received, and checks each.
    ///
    /// - Parameters:
    ///   - hold: the user holds the buffers; otherwise they are returned through the refill ring at once.
    ///   - seconds: the longest wait for more bytes.
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

    /// Cancels the receive request, so that what arrives from now on stays in the socket.
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

    /// Receives exactly so many bytes, which the user holds. No other request may be pending.
    func hold(_ bytes: UInt32, from socket: CInt, within seconds: Double) throws {
        try request(bytes, from: socket)
        try holdRequested(within: seconds)
    }

    /// Submits a receive of so many bytes before there is anything to receive.
    func arm(_ bytes: UInt32, from socket: CInt) throws {
        try request(bytes, from: socket)
        if let completion = try wait(milliseconds: 0) { throw ScenarioFailure("a completion was posted before anything was sent: \(completion)") }
    }

    private func request(_ bytes: UInt32, from socket: CInt) throws {
        guard !receiving else { throw ScenarioFailure("a receive request is pending") }
        try submit(socket, limit: bytes)
    }

    /// Holds what the pending request delivers, until its end.
    func holdRequested(within seconds: Double) throws {
        let bytes = received
        let deadline = Deadline(seconds: seconds)
        while receiving {
            guard !deadline.hasPassed, let completion = try wait(milliseconds: deadline.remaining) else {
                throw ScenarioFailure("a receive did not end within \(seconds) s, and delivered \(received - bytes) bytes")
            }
            try take(completion, hold: true)
        }
    }

    private func submit(_ socket: CInt, limit: UInt32 = 0) throws {
        guard !receiving else { return }
        try with { try $0.ring.receive(socket: socket, queue: $0.queue.id, length: limit, pollFirst: pollsFirst, userData: Self.receiveTag) }
        receiving = true
        requested = RequestedBytes(limit: Int(limit))
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
            if completion.result == 0, !completion.more, !requested.isComplete { throw ScenarioFailure("the stream ended after \(received) bytes") }
            return
        }
        receiving = completion.more
        let length = UInt32(completion.result)
        try requested.deliver(Int(length))
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

    /// Checks every held buffer again: it must be unchanged while the user holds it.
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

    /// Records an event.
    ///
    /// - Returns: whether the completion reports one.
    private func note(_ completion: ZeroCopyReceive.Completion) -> Bool {
        guard completion.userData == Self.eventTag, completion.result >= 0,
            let event = ZeroCopyReceive.Event(rawValue: UInt32(completion.result))
        else { return false }
        events.append(event)
        return true
    }

    /// Waits until `count` events were reported, or the time is over. What a receive delivers meanwhile is held.
    func awaitEvents(_ count: Int, within seconds: Double) throws {
        let deadline = Deadline(seconds: seconds)
        while events.count < count {
            guard !deadline.hasPassed, let completion = try wait(milliseconds: deadline.remaining) else { return }
            try take(completion, hold: true)
        }
    }

    /// Removes what is held from the record: it was returned in another way, or may have been.
    func dropHeld() { held = [] }

    /// Returns every held buffer through the refill ring.
    func returnAll() throws {
        while let buffer = held.popLast() { try returnBuffers(buffer.offset, buffer.length) }
    }

    /// Returns the buffer that was delivered first.
    func returnOldest() throws {
        guard !held.isEmpty else { return }
        let buffer = held.removeFirst()
        try returnBuffers(buffer.offset, buffer.length)
    }

    /// Makes the kernel empty the refill ring (`ZCRX_CTRL_FLUSH_RQ`).
    func flush() throws { try with { try $0.ring.flush(queue: $0.queue.id) } }

    /// Entries that the kernel has not taken from the refill ring.
    func refillEntriesLeft() throws -> Int { try with { $0.queue.capacity - $0.queue.freeSlots } }

    /// Bytes that the kernel copied by its own count; nil where it does not count.
    func copiedBytes() throws -> UInt64? { try with { $0.queue.statistics()?.copiedBytes } }

    /// What was received, compared with what was sent. Called before the ring is closed, because the counts are in its memory.
    func payload(sent: UInt64, complete: Bool) throws -> PayloadRecord {
        let copied = try copiedBytes() ?? 0
        return PayloadRecord(
            sent: sent, received: received, zeroCopy: received >= copied ? received - copied : 0, copied: copied,
            firstMismatch: firstMismatch, complete: complete)
    }

    /// Closes the ring, which ends the registration, and unmaps the area. A second call does nothing.
    func close() {
        registered.take()?.close()
    }

    deinit { close() }
}
