// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// Receives several streams through one provider's queue, each with its own pattern. The user can hold deliveries and return each separately.
final class MultiStreamReceiver {
    /// A connected socket and what was received from it.
    struct Stream {
        let socket: CInt
        let pattern: PayloadPattern
        var received: UInt64 = 0
        /// A receive request for it is pending in the kernel.
        var receiving = false
        /// The limit of that request.
        var requested = RequestedBytes()
        var failure: KernelError?
        var ended = false
    }

    /// Payload in one buffer.
    struct Delivery {
        let stream: Int
        let start: UInt64
        let place: UInt64
        let length: Int
        let handle: UInt64
        var netIov: UInt64 { place / UInt64(MappedMemory.pageSize) }
    }

    private let source: any StreamSource
    private var streams: [Stream] = []
    private(set) var held: [Delivery] = []
    /// Number of deliveries so far.
    private(set) var deliveries = 0

    init(_ source: any StreamSource) { self.source = source }

    /// Adds a socket.
    ///
    /// - Returns: the number of its stream.
    func add(_ connection: Connection, _ pattern: PayloadPattern, received: UInt64 = 0) -> Int {
        streams.append(Stream(socket: connection.rawValue, pattern: pattern, received: received))
        return streams.count - 1
    }

    func received(_ stream: Int = 0) -> UInt64 { streams[stream].received }

    /// Different net_iovs among the held deliveries.
    var heldNetIovs: Int { Set(held.map { $0.netIov }).count }

    /// The error of a stream; nil where it has none.
    func failure(_ stream: Int = 0) -> KernelError? { streams[stream].failure }

    /// Removes the error of a stream, so that a receive can be tried again.
    func clearFailure(_ stream: Int) { streams[stream].failure = nil }

    /// Submits the receive request of a stream before there is anything to receive. Devmem has no such request.
    func arm(_ stream: Int = 0) throws {
        for event in try source.events(&streams, numbers: [stream], limit: 0, milliseconds: 0) {
            throw ScenarioFailure("a stream that has not begun delivered \(event)")
        }
    }

    /// Receives until each stream in `goals` has so many bytes or `enough` returns true, and checks every byte.
    ///
    /// - Parameters:
    ///   - hold: the user holds the deliveries; otherwise they are returned at once.
    ///   - limit: bytes that a single receive may deliver; 0 for no limit.
    ///   - seconds: the longest wait for more bytes. The total time has no limit, because debug kernels and busy machines are slow.
    func receive(
        _ goals: [Int: UInt64], hold: Bool = false, limit: Int = 0, within seconds: Double, enough: () -> Bool = { false }
    ) throws {
        while !enough() {
            let numbers = goals.keys.filter { streams[$0].received < goals[$0] ?? 0 }.sorted()
            if numbers.isEmpty { return }
            for stream in numbers {
                if let failure = streams[stream].failure { throw failure }
                if streams[stream].ended { throw ScenarioFailure("stream \(stream) ended after \(streams[stream].received) bytes") }
            }
            let events = try source.events(&streams, numbers: numbers, limit: limit, milliseconds: CInt(seconds * 1000) + 1)
            guard !events.isEmpty else {
                let state = numbers.map { "\(streams[$0].received) of \(goals[$0] ?? 0) bytes of stream \($0)" }
                throw ScenarioFailure("only \(state.joined(separator: ", ")) received, and nothing more within \(seconds) s")
            }
            for event in events { try take(event, hold: hold) }
        }
    }

    /// Waits for the end of a stream whose every byte was received.
    func awaitEnd(_ stream: Int = 0, within seconds: Double) throws {
        let deadline = Deadline(seconds: seconds)
        while !streams[stream].ended {
            if let failure = streams[stream].failure { throw failure }
            guard !deadline.hasPassed else { throw ScenarioFailure("the stream's end was not reported within \(seconds) s") }
            for event in try source.events(&streams, numbers: [stream], limit: 0, milliseconds: deadline.remaining) {
                if case .delivered(_, _, let length, _) = event { throw ScenarioFailure("\(length) bytes were received that were not sent") }
                try take(event, hold: false)
            }
        }
    }

    private func take(_ event: StreamEvent, hold: Bool) throws {
        switch event {
        case .ended(let stream): streams[stream].ended = true
        case .failed(let stream, let error): streams[stream].failure = error
        case .delivered(let stream, let place, let length, let handle):
            let delivery = Delivery(stream: stream, start: streams[stream].received, place: place, length: length, handle: handle)
            if let wrong = try mismatch(delivery) { throw ScenarioFailure("byte \(wrong) of stream \(stream) is not the one sent") }
            streams[stream].received += UInt64(length)
            deliveries += 1
            if hold { held.append(delivery) } else { try returnBuffers([delivery]) }
        }
    }

    private func mismatch(_ delivery: Delivery) throws -> UInt64? {
        guard let bytes = try source.payloadBytes(at: delivery.place, count: delivery.length) else {
            throw ScenarioFailure("the kernel delivered \(delivery.length) bytes at \(delivery.place), outside the memory of the provider")
        }
        return bytes.withUnsafeBytes { streams[delivery.stream].pattern.mismatch($0, at: delivery.start) }
    }

    /// Checks every held delivery again: it must be unchanged while the user holds it.
    func recheckHeld() throws {
        for delivery in held {
            if let wrong = try mismatch(delivery) {
                throw ScenarioFailure("byte \(wrong) of stream \(delivery.stream) was overwritten while the user held it")
            }
        }
    }

    /// Returns the held deliveries for which `condition` holds.
    func returnBuffers(where condition: (Delivery) -> Bool = { _ in true }) throws {
        let chosen = held.filter(condition)
        held.removeAll(where: condition)
        try returnBuffers(chosen)
    }

    /// Returns as many held deliveries as the refill ring has free entries, in order.
    ///
    /// - Returns: how many those were.
    func returnWhatFits() throws -> Int {
        guard let first = held.first else { return 0 }
        let same = held.prefix { $0.stream == first.stream }
        let taken = try source.returnBuffers(same, over: streams[first.stream].socket)
        held.removeFirst(taken)
        return taken
    }

    private func returnBuffers(_ deliveries: [Delivery]) throws {
        // A token belongs to its socket.
        for (stream, own) in Dictionary(grouping: deliveries, by: { $0.stream }).sorted(by: { $0.key < $1.key }) {
            let taken = try source.returnBuffers(own[...], over: streams[stream].socket)
            guard taken == own.count else { throw ScenarioFailure("\(taken) of \(own.count) deliveries could be returned") }
        }
    }

    /// What was received by all streams, compared with what was sent.
    func payload(sent: UInt64, complete: Bool = true) throws -> PayloadRecord {
        let received = streams.reduce(0) { $0 + $1.received }
        let copied = try source.copied()
        return PayloadRecord(
            sent: sent, received: received, zeroCopy: received >= copied ? received - copied : 0, copied: copied, firstMismatch: nil,
            complete: complete)
    }

    /// Makes the kernel take returned buffers: otherwise their entries stay in zcrx's refill ring until a pool needs buffers.
    func settle() throws { try source.settle() }

    func end() { source.end() }

    /// Ends the provider and closes its memory.
    func close() { source.close() }
}

extension Provider {
    /// Binds the provider to the bed's queue once, without a step of its own and without a mark in the trace; it is closed when the run is over.
    ///
    /// - Throws: `KernelError`, the kernel's answer, where it refuses.
    func bindOnce(_ run: ScenarioRun, bed: any TestBed) throws -> MultiStreamReceiver {
        let unused = PayloadPattern(seed: 0)
        if self == .zcrx {
            let receiver = try ZeroCopyReceiver(
                at: .init(ifindex: bed.ifindex, queue: bed.queue), pages: 512, statistics: run.environment.lacks(.zcrxStatistics) == nil,
                pattern: unused)
            run.cleanUp("zcrx closed") { receiver.close() }
            return MultiStreamReceiver(receiver)
        }
        let receiver = try DevmemReceiver(ifindex: bed.ifindex, queue: bed.queue, pages: 512, pattern: unused)
        run.cleanUp("unbound, dma-buf closed") { receiver.close() }
        return MultiStreamReceiver(receiver)
    }

    /// Makes the provider's receiver on the bed's queue for several streams; it is closed when the run is over.
    ///
    /// - Parameter refillEntries: of zcrx's refill ring.
    func makeStreams(_ run: ScenarioRun, bed: any TestBed, pages: Int = 512, refillEntries: UInt32 = 4096) throws -> MultiStreamReceiver {
        let unused = PayloadPattern(seed: 0)
        switch self {
        case .zcrx: return MultiStreamReceiver(try ZeroCopyReceiver.make(run, bed: bed, pages: pages, refillEntries: refillEntries, pattern: unused))
        case .devmem: return MultiStreamReceiver(try DevmemReceiver.make(run, bed: bed, pages: pages, pattern: unused))
        case .pages: throw ScenarioFailure("ordinary pages have no receiver")
        }
    }
}
