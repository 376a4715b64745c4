// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// What came of a stream, as its provider gave it.
enum StreamEvent {
    /// `length` bytes at `place` of the area or dma-buf; `handle` gives them back.
    case piece(stream: Int, place: UInt64, length: Int, handle: UInt64)
    case ended(stream: Int)
    case failed(stream: Int, KernelError)
}

/// A provider's receiver as `Streams` drives it.
protocol StreamSource: AnyObject {
    /// Waits for something of the streams that are `wanted`; empty where nothing came in time.
    ///
    /// - Parameter limit: bytes a receive may bring at the most; 0 for no limit.
    func events(_ streams: inout [Streams.Stream], wanted: [Int], limit: Int, milliseconds: CInt) throws -> [StreamEvent]
    /// Bytes of the area or dma-buf; nil where they do not lie inside.
    func payloadBytes(at place: UInt64, count: Int) throws -> [UInt8]?
    /// Gives deliveries back in one go; how many of them there was room for, in order.
    func giveBack(_ deliveries: ArraySlice<Streams.Delivery>, over socket: CInt) throws -> Int
    /// Bytes that were copied, as far as the provider says.
    func copied() throws -> UInt64
    /// Has the kernel look at what was given back, where it would not of itself.
    func settle() throws
    func end()
    /// Ends the provider and lets go of its memory. Once; then it does nothing.
    func close()
}

/// Several streams through one provider's queue, each with its own pattern, and the deliveries that the user keeps, each of which
/// can be given back by itself.
final class Streams {
    /// A connected socket and what came through it.
    struct Stream {
        let socket: CInt
        let pattern: PayloadPattern
        var received: UInt64 = 0
        /// A receive of it is under way in the kernel.
        var receiving = false
        /// What that receive was asked for.
        var asked = AskedBytes()
        var failure: KernelError?
        var ended = false
    }

    /// A piece of payload that user space has.
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
    /// Deliveries so far, and the different net_iovs among them.
    private(set) var deliveries = 0

    init(_ source: any StreamSource) { self.source = source }

    /// Takes a socket in; gives its number.
    func add(_ connection: Connection, _ pattern: PayloadPattern, received: UInt64 = 0) -> Int {
        streams.append(Stream(socket: connection.rawValue, pattern: pattern, received: received))
        return streams.count - 1
    }

    func received(_ stream: Int = 0) -> UInt64 { streams[stream].received }

    /// Different net_iovs among what is held.
    var heldNetIovs: Int { Set(held.map { $0.netIov }).count }

    /// How a stream failed; nil where it did not.
    func failure(_ stream: Int = 0) -> KernelError? { streams[stream].failure }

    /// Forgets how a stream failed, for a receive that may be tried again.
    func forgive(_ stream: Int) { streams[stream].failure = nil }

    /// Has the receive of a stream under way before there is anything to receive. Nothing to do for who reads by a system call.
    func arm(_ stream: Int = 0) throws {
        for event in try source.events(&streams, wanted: [stream], limit: 0, milliseconds: 0) {
            throw ScenarioFailure("of a stream that has not begun came \(event)")
        }
    }

    /// Receives until each stream in `goals` has so many bytes, or `enough` says so, checking every byte.
    ///
    /// - Parameters:
    ///   - keep: deliveries stay with the user; otherwise they go back at once.
    ///   - limit: bytes that a single receive may bring; 0 for no limit.
    ///   - seconds: the longest wait for more. All of it may take as long as it takes: a debug kernel is slow, a busy machine too.
    func receive(
        _ goals: [Int: UInt64], keep: Bool = false, limit: Int = 0, within seconds: Double, enough: () -> Bool = { false }
    ) throws {
        while !enough() {
            let wanted = goals.keys.filter { streams[$0].received < goals[$0] ?? 0 }.sorted()
            if wanted.isEmpty { return }
            for stream in wanted {
                if let failure = streams[stream].failure { throw failure }
                if streams[stream].ended { throw ScenarioFailure("stream \(stream) ended after \(streams[stream].received) bytes") }
            }
            let events = try source.events(&streams, wanted: wanted, limit: limit, milliseconds: CInt(seconds * 1000) + 1)
            guard !events.isEmpty else {
                let state = wanted.map { "\(streams[$0].received) of \(goals[$0] ?? 0) bytes of stream \($0)" }
                throw ScenarioFailure("only \(state.joined(separator: ", ")) received, and nothing more within \(seconds) s")
            }
            for event in events { try take(event, keep: keep) }
        }
    }

    /// Waits for the end of a stream of which every byte is here.
    func awaitEnd(_ stream: Int = 0, within seconds: Double) throws {
        let end = MonotonicClock.now + UInt64(seconds * 1e9)
        while !streams[stream].ended {
            if let failure = streams[stream].failure { throw failure }
            let now = MonotonicClock.now
            guard now < end else { throw ScenarioFailure("the stream's end was not told within \(seconds) s") }
            for event in try source.events(&streams, wanted: [stream], limit: 0, milliseconds: CInt((end - now) / 1_000_000) + 1) {
                if case .piece(_, _, let length, _) = event { throw ScenarioFailure("\(length) bytes more than were sent") }
                try take(event, keep: false)
            }
        }
    }

    private func take(_ event: StreamEvent, keep: Bool) throws {
        switch event {
        case .ended(let stream): streams[stream].ended = true
        case .failed(let stream, let error): streams[stream].failure = error
        case .piece(let stream, let place, let length, let handle):
            let delivery = Delivery(stream: stream, start: streams[stream].received, place: place, length: length, handle: handle)
            if let wrong = try mismatch(delivery) { throw ScenarioFailure("byte \(wrong) of stream \(stream) is not the one sent") }
            streams[stream].received += UInt64(length)
            deliveries += 1
            if keep { held.append(delivery) } else { try giveBack([delivery]) }
        }
    }

    private func mismatch(_ delivery: Delivery) throws -> UInt64? {
        guard let bytes = try source.payloadBytes(at: delivery.place, count: delivery.length) else {
            throw ScenarioFailure("the kernel delivered \(delivery.length) bytes at \(delivery.place), outside the memory")
        }
        return bytes.withUnsafeBytes { streams[delivery.stream].pattern.mismatch($0, at: delivery.start) }
    }

    /// Reads what is held again: nobody may have written to what the user still owns.
    func recheckHeld() throws {
        for delivery in held {
            if let wrong = try mismatch(delivery) {
                throw ScenarioFailure("byte \(wrong) of stream \(delivery.stream) was overwritten while the user held it")
            }
        }
    }

    /// Gives back those held deliveries that `condition` picks.
    func giveBack(where condition: (Delivery) -> Bool = { _ in true }) throws {
        let chosen = held.filter(condition)
        held.removeAll(where: condition)
        try giveBack(chosen)
    }

    /// Gives back as many held deliveries as there is room for at once, in order; how many those were.
    func giveBackWhatFits() throws -> Int {
        guard let first = held.first else { return 0 }
        let same = held.prefix { $0.stream == first.stream }
        let taken = try source.giveBack(same, over: streams[first.stream].socket)
        held.removeFirst(taken)
        return taken
    }

    private func giveBack(_ deliveries: [Delivery]) throws {
        // A token belongs to its socket.
        for (stream, own) in Dictionary(grouping: deliveries, by: { $0.stream }).sorted(by: { $0.key < $1.key }) {
            let taken = try source.giveBack(own[...], over: streams[stream].socket)
            guard taken == own.count else { throw ScenarioFailure("\(taken) of \(own.count) deliveries could be given back") }
        }
    }

    /// What came through all streams, against what was sent.
    func payload(sent: UInt64, complete: Bool = true) throws -> PayloadRecord {
        let received = streams.reduce(0) { $0 + $1.received }
        let copied = try source.copied()
        return PayloadRecord(
            sent: sent, received: received, zeroCopy: received >= copied ? received - copied : 0, copied: copied, firstMismatch: nil,
            complete: complete)
    }

    /// Has the kernel take what was given back (zcrx's refill ring waits until a pool needs buffers).
    func settle() throws { try source.settle() }

    func end() { source.end() }

    /// Ends the provider and lets go of its memory.
    func close() { source.close() }
}

extension ZeroCopyReceiver: StreamSource {
    /// Apart from `receive(from:)`'s own tag.
    private static let firstTag: UInt64 = 1 << 16

    func events(_ streams: inout [Streams.Stream], wanted: [Int], limit: Int, milliseconds: CInt) throws -> [StreamEvent] {
        for stream in wanted where !streams[stream].receiving {
            try with {
                try $0.ring.receive(
                    socket: streams[stream].socket, queue: $0.queue.id, length: UInt32(limit), userData: Self.firstTag + UInt64(stream))
            }
            streams[stream].receiving = true
            streams[stream].asked = AskedBytes(limit: limit)
        }
        let deadline = MonotonicClock.now + UInt64(max(milliseconds, 0)) * 1_000_000
        while true {
            let now = MonotonicClock.now
            let left = now < deadline ? CInt((deadline - now) / 1_000_000) + 1 : 0
            guard let completion = try with({ try $0.ring.wait(timeoutMilliseconds: left) }) else { return [] }
            guard completion.userData >= Self.firstTag, case let stream = Int(completion.userData - Self.firstTag), stream < streams.count
            else { throw ScenarioFailure("a completion came that nobody asked for: \(completion)") }
            streams[stream].receiving = completion.more
            if let error = completion.error { return [.failed(stream: stream, error)] }
            if completion.isData, let handle = completion.offset, let place = completion.areaOffset {
                try streams[stream].asked.bring(Int(completion.result))
                return [.piece(stream: stream, place: place, length: Int(completion.result), handle: handle)]
            }
            // The end of a receive with a limit is not that of its stream.
            if !completion.more && !streams[stream].asked.areAllThere { return [.ended(stream: stream)] }
            if !completion.more { return try events(&streams, wanted: wanted, limit: limit, milliseconds: left) }
        }
    }

    func payloadBytes(at place: UInt64, count: Int) throws -> [UInt8]? {
        try with { parts in parts.areas.first?.bytes(at: place, count: count).map { [UInt8]($0) } }
    }

    func giveBack(_ deliveries: ArraySlice<Streams.Delivery>, over socket: CInt) throws -> Int {
        try with { parts in
            var taken = 0
            for delivery in deliveries {
                guard parts.queue.returnBuffer(offset: delivery.handle, length: UInt32(delivery.length)) else { break }
                taken += 1
            }
            return taken
        }
    }

    func copied() throws -> UInt64 { try copiedBytes() ?? 0 }

    func settle() throws { try flush() }
}

extension DevmemReceiver: StreamSource {
    func events(_ streams: inout [Streams.Stream], wanted: [Int], limit: Int, milliseconds: CInt) throws -> [StreamEvent] {
        let deadline = MonotonicClock.now + UInt64(max(milliseconds, 0)) * 1_000_000
        let limits = DeviceMemory.Limits(bytes: limit > 0 ? limit : 1 << 18, fragments: limit > 0 ? 32 : 256)
        while true {
            var events: [StreamEvent] = []
            for stream in wanted {
                do throws(KernelError) {
                    guard let batch = try next(streams[stream].socket, limits: limits) else { continue }
                    if batch.count == 0 { events.append(.ended(stream: stream)) }
                    let whole = batch.fragments.reduce(0) { $0 + Int($1.size) } == batch.count
                    guard !batch.isTruncated, whole, batch.fragments.allSatisfy({ !$0.isLinear && $0.dmabufID == binding }) else {
                        // Cut off control messages, bytes without a fragment, or fragments of another binding.
                        throw KernelError("taking \(batch.count) bytes of stream \(stream): \(batch.fragments)", errno: .init(rawValue: EBADMSG))
                    }
                    for fragment in batch.fragments {
                        events.append(
                            .piece(stream: stream, place: fragment.offset, length: Int(fragment.size), handle: UInt64(fragment.token)))
                    }
                } catch {
                    events.append(.failed(stream: stream, error))
                }
            }
            if !events.isEmpty { return events }
            let now = MonotonicClock.now
            guard now < deadline else { return [] }
            var entries = wanted.map { pollfd(fd: streams[$0].socket, events: Int16(POLLIN), revents: 0) }
            if poll(&entries, nfds_t(entries.count), CInt((deadline - now) / 1_000_000) + 1) < 0 && errno != EINTR {
                throw ScenarioFailure("poll failed with errno \(errno)")
            }
        }
    }

    func payloadBytes(at place: UInt64, count: Int) throws -> [UInt8]? { try bytes(at: place, count: count) }

    func giveBack(_ deliveries: ArraySlice<Streams.Delivery>, over socket: CInt) throws -> Int {
        // Neighbouring tokens make one range.
        var ranges: [DeviceMemory.TokenRange] = []
        for delivery in deliveries {
            let token = UInt32(truncatingIfNeeded: delivery.handle)
            if let last = ranges.last, last.start &+ last.count == token, last.count < 512 {
                ranges[ranges.count - 1].count += 1
            } else {
                ranges.append(DeviceMemory.TokenRange(start: token))
            }
        }
        var taken = 0
        var rest = ranges[...]
        while !rest.isEmpty {
            // A call takes so many ranges, and stops after 1024 fragments.
            var some: [DeviceMemory.TokenRange] = []
            var fragments = 0
            while let range = rest.first, some.count < DeviceMemory.maximumRanges, fragments + Int(range.count) <= 1024 {
                some.append(range)
                fragments += Int(range.count)
                rest.removeFirst()
            }
            taken += try DeviceMemory.dontNeed(some, of: socket)
        }
        return taken
    }

    /// What is copied comes without a fragment, which `events` refuses.
    func copied() throws -> UInt64 { 0 }

    /// A token that was returned is home.
    func settle() throws {}
}

extension Provider {
    /// Makes the provider's receiver on the bed's queue for several streams; taken down when the run is over.
    ///
    /// - Parameter refillEntries: of zcrx's refill ring.
    func makeStreams(_ run: ScenarioRun, bed: TestBed, pages: Int = 512, refillEntries: UInt32 = 4096) throws -> Streams {
        let unused = PayloadPattern(seed: 0)
        switch self {
        case .zcrx: return Streams(try ZeroCopyReceiver.make(run, bed: bed, pages: pages, refillEntries: refillEntries, pattern: unused))
        case .devmem: return Streams(try DevmemReceiver.make(run, bed: bed, pages: pages, pattern: unused))
        case .pages: throw ScenarioFailure("ordinary pages have no receiver")
        }
    }
}

/// The bytes that a receive may bring (`sqe->len` of `IORING_OP_RECV_ZC`).
struct AskedBytes {
    /// 0 for as many as there are.
    private let limit: Int
    private var brought = 0

    init(limit: Int = 0) { self.limit = limit }

    /// - Throws: `ScenarioFailure` where they are more than it was asked for.
    mutating func bring(_ bytes: Int) throws {
        brought += bytes
        guard limit == 0 || brought <= limit else { throw ScenarioFailure("a receive of \(limit) bytes brought \(brought)") }
    }

    /// Whether that is why it ended; else its stream did.
    var areAllThere: Bool { limit > 0 && brought == limit }
}
