// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// Payload that is not in the provider's buffers when it is read, beside payload that is; and what only one of the providers has.
enum CopyScenarios {
    static let all: [Scenario] = [
        mixedZeroCopy, mixedDevmem, pruned(.zcrx), pruned(.devmem), linear, copies, copyExhaustion, removed, refillFlushed, refillTaken,
        refillRounded, tokens,
    ]

    private static let early = 20_000
    private static let late: UInt64 = 200_000

    /// A connection with unread data that came when the queue had no provider.
    private static func unreadBefore(_ run: ScenarioRun, _ bed: TestBed, _ pattern: PayloadPattern) throws -> Connection {
        let socket = try bed.connect(run, 0)
        try run.step("\(early) bytes unread in the socket, in ordinary pages") {
            try bed.peer.write(0, pattern, bytes: UInt64(early), sizes: [5000])
            try socket.waitUnread(early, within: run.patience(10))
            _ = try bed.peer.written(0, within: run.patience(10))
        }
        return socket
    }

    /// zcrx copies what came in pages, exactly that.
    private static let mixedZeroCopy = TrafficScenarios.scenario(
        .zcrx, "mixed", "a stream begun before the queue was bound", zeroCopy: false
    ) { run in
        let bed = try TestBed.make(run)
        let pattern = PayloadPattern(seed: 700)
        let socket = try unreadBefore(run, bed, pattern)
        let streams = try Provider.zcrx.makeStreams(run, bed: bed)
        let stream = streams.add(socket, pattern)
        let total = UInt64(early) + late
        try run.step("\(late) bytes more sent, everything received and returned") {
            try bed.peer.write(0, pattern, from: UInt64(early), bytes: late, sizes: [3000, 4096])
            try streams.receive([stream: total], within: run.patience(20))
        }
        _ = try bed.peer.written(0, within: run.patience(10))
        let payload = try streams.payload(sent: total)
        run.payload = payload
        try run.expect(payload.copied == UInt64(early), "the kernel copied those \(early) bytes and no more", "it says \(payload.copied)")
        try run.pools.observe()
        socket.close()
        try run.step("ring closed") { streams.end() }
    }

    /// Devmem hands pages out as an ordinary socket does, and refuses to read what is not the host's.
    private static let mixedDevmem = TrafficScenarios.scenario(
        .devmem, "mixed", "a stream begun before the queue was bound", zeroCopy: false
    ) { run in
        let bed = try TestBed.make(run)
        let pattern = PayloadPattern(seed: 701)
        let socket = try unreadBefore(run, bed, pattern)
        try socket.makeRoom(1 << 20)
        let streams = try Provider.devmem.makeStreams(run, bed: bed)
        let total = UInt64(early) + late
        let some = 50_000
        try run.step("more of it unread, in the provider's buffers") {
            try bed.peer.write(0, pattern, from: UInt64(early), bytes: late, sizes: [3000, 4096])
            try socket.waitUnread(early + some, within: run.patience(10))
        }
        try run.step("what lies in pages read: some as from any socket, the rest by a devmem receive, which stops there") {
            try readEarly(pattern) { $0 == 0 ? try ordinary(socket, room: 7000, within: run.patience(10)).get() : try inPages(socket) }
        }
        let refused = try ordinary(socket, within: run.patience(10))
        try run.expect(
            { if case .failure(let error) = refused { error.code == EFAULT } else { false } }(), "the next read is refused with EFAULT",
            "the answer was \(refused)")
        let stream = streams.add(socket, pattern, received: UInt64(early))
        try run.step("\(late) bytes more received and returned") { try streams.receive([stream: total], within: run.patience(20)) }
        _ = try bed.peer.written(0, within: run.patience(10))
        run.payload = PayloadRecord(
            sent: total, received: streams.received(), zeroCopy: streams.received() - UInt64(early), copied: UInt64(early), firstMismatch: nil,
            complete: true)
        try run.pools.observe()
        socket.close()
        try run.step("unbound") { streams.end() }
    }

    /// A segment that came whole, headers and payload in one piece of memory, as of a device that splits nothing; and one whose first bytes
    /// lie there and the others in pages, as of a device that puts as much as fits beside the headers. zcrx copies both, here from the
    /// middle on.
    private static let linear = TrafficScenarios.scenario(
        .zcrx, "linear", "segments unread since before the queue was bound, whose payload lies beside their headers, all of it or the first bytes",
        zeroCopy: false, needs: [.removableInterface]
    ) { run in
        let bed = try TestBed.make(run)
        let pattern = PayloadPattern(seed: 708)
        let socket = try bed.connectForged(run)
        let pieces = (0..<8).map { "\($0 * 1200):1200" }
        let before: UInt64 = 8 * 1200 + 3 * 7000
        try run.step("\(before) bytes unread in the socket") {
            _ = try bed.peer.ask("segments \(pattern.seed) \(pieces.joined(separator: ","))", within: run.patience(20))
            for (offset, beside) in [(9600, 200), (16_600, 1), (23_600, 1111)] {
                let again = try bed.peer.ask("large \(pattern.seed) \(offset):7000 \(beside)", within: run.patience(20))
                guard again == "0" else { throw ScenarioFailure("the packet of 7000 bytes was lost: sent again in \(again) segments") }
            }
            try socket.waitUnread(Int(before), within: run.patience(10))
        }
        let streams = try Provider.zcrx.makeStreams(run, bed: bed)
        let stream = streams.add(socket, pattern)
        try run.step("received 500 bytes at a time, and returned") {
            try streams.receive([stream: before], limit: 500, within: run.patience(20))
        }
        try run.step("9600 bytes more received by the provider's buffers") {
            let more = (0..<8).map { "\(Int(before) + $0 * 1200):1200" }
            _ = try bed.peer.ask("segments \(pattern.seed) \(more.joined(separator: ","))", within: run.patience(20))
            try streams.receive([stream: before + 9600], within: run.patience(20))
        }
        // The kernel's statistics leave these copies out: io_zcrx_copy_frag() counts, io_zcrx_copy_chunk() does not.
        run.payload = try streams.payload(sent: before + 9600)
        try run.pools.observe()
        socket.close()
        try run.step("ring closed") { streams.end() }
    }

    /// Reads what lies in pages, by calls that are given where they begin.
    private static func readEarly(_ pattern: PayloadPattern, by call: (UInt64) throws -> [UInt8]) throws {
        var start: UInt64 = 0
        while start < UInt64(early) {
            let bytes = try call(start)
            guard !bytes.isEmpty else { throw ScenarioFailure("the stream ended after \(start) bytes") }
            if let wrong = bytes.withUnsafeBytes({ pattern.mismatch($0, at: start) }) { throw ScenarioFailure("byte \(wrong) is not the one sent") }
            start += UInt64(bytes.count)
        }
        guard start == UInt64(early) else { throw ScenarioFailure("\(start) bytes could be read") }
    }

    /// A socket that holds more than it may squeezes its queue (`tcp_collapse()`): small skbs of pages are put together, up to those that
    /// cannot be read.
    private static func pruned(_ provider: Provider) -> Scenario {
        TrafficScenarios.scenario(
            provider, "pruned", "small segments in pages and in net_iovs, in a socket that is short of memory", zeroCopy: false,
            pools: ExpectedPools(buffers: 1024, traffic: true)
        ) { run in
            let (size, total) = (200, UInt64(2 * early))
            let bed = try TestBed.make(run)
            let pattern = PayloadPattern(seed: 711)
            let socket = try bed.connect(run, 0)
            try socket.makeRoom(4 << 20)
            // Those that are small beside what came first are worth putting together (the scaling ratio of tcp_measure_rcv_mss()).
            let large: UInt64 = 8000
            try run.step("\(early) bytes unread in pages, the last of them in segments of \(size)") {
                try PieceScenarios.segments(run, bed, socket, pattern, 0..<large, of: Int(large))
                try PieceScenarios.segments(run, bed, socket, pattern, large..<UInt64(early), of: size)
            }
            let streams = try provider.makeStreams(run, bed: bed, pages: 1024)
            try run.step("as many again, in net_iovs") { try PieceScenarios.segments(run, bed, socket, pattern, UInt64(early)..<total, of: size) }
            try run.step("the socket's memory cut down, and one segment more: it prunes its queue") {
                let before = try TCPCounters.value(of: "PruneCalled")
                try socket.limitUnread(4096)
                try bed.peer.write(0, pattern, from: total, bytes: UInt64(size), sizes: [size])
                let end = MonotonicClock.now + UInt64(run.patience(10) * 1e9)
                while try TCPCounters.value(of: "PruneCalled") == before {
                    guard MonotonicClock.now < end else { throw ScenarioFailure("it has not") }
                    // A counter is all that tells of it.
                    _ = poll(nil, 0, 5)
                }
                try socket.makeRoom(4 << 20)
            }
            var start: UInt64 = 0
            if provider == .devmem {
                try run.step("the first \(early) bytes read as from any socket") {
                    try readEarly(pattern) { _ in try ordinary(socket, room: early, within: run.patience(10)).get() }
                }
                start = UInt64(early)
            }
            let stream = streams.add(socket, pattern, received: start)
            try run.step("the rest received and returned") { try streams.receive([stream: total + UInt64(size)], within: run.patience(20)) }
            _ = try bed.peer.written(0, within: run.patience(10))
            // Which of the first half was counted as copied depends on how it was put together.
            run.payload = PayloadRecord(
                sent: total + UInt64(size), received: streams.received(), zeroCopy: streams.received() - UInt64(early), copied: UInt64(early),
                firstMismatch: nil, complete: true)
            try run.pools.observe()
            socket.close()
            try run.step("provider ended") { streams.end() }
        }
    }

    /// What a devmem receive brings of payload in pages: bytes, and no fragment to give back.
    private static func inPages(_ socket: Connection) throws -> [UInt8] {
        let batch = try DeviceMemory.receive(socket: socket.rawValue)
        guard batch.fragments.isEmpty, !batch.isTruncated, batch.count > 0 else { throw ScenarioFailure("the devmem receive brought \(batch)") }
        return batch.linear
    }

    /// One recv(2) without MSG_SOCK_DEVMEM, when there is something.
    private static func ordinary(_ socket: Connection, room bytes: Int = 65_536, within seconds: Double) throws -> Result<[UInt8], KernelError> {
        try socket.waitUnread(1, within: seconds)
        var room = [UInt8](repeating: 0, count: bytes)
        let count = recv(socket.rawValue, &room, room.count, 0)
        return count < 0 ? .failure(KernelError("recv", errno: .init(rawValue: errno))) : .success(Array(room.prefix(count)))
    }

    /// A socket over loopback beside one over the queue: copies and zero copy out of one area.
    private static let copies = TrafficScenarios.scenario(
        .zcrx, "copies", "loopback payload copied into the area that the queue receives into", zeroCopy: false,
        pools: ExpectedPools(buffers: 1024, traffic: true)
    ) { run in
        let round = 16_384
        let bed = try TestBed.make(run)
        let streams = try Provider.zcrx.makeStreams(run, bed: bed, pages: 1024)
        let socket = try bed.connect(run, 0)
        let patterns = [PayloadPattern(seed: 702), PayloadPattern(seed: 703)]
        let wire = try Loopback(run, pattern: patterns[1])
        let numbers = [streams.add(socket, patterns[0]), streams.add(wire.receiver, patterns[1])]
        try bed.peer.write(0, patterns[0], bytes: late, sizes: [4096])
        for turn in 1...4 {
            try run.step("round \(turn): both received, in turn, and returned") {
                try wire.send(round, within: run.patience(10))
                try streams.receive([numbers[0]: late / 4 * UInt64(turn), numbers[1]: wire.sent], within: run.patience(20))
            }
        }
        let payload = try streams.payload(sent: late + wire.sent)
        run.payload = payload
        try run.expect(payload.copied == wire.sent, "the kernel copied what came over loopback and no more", "it says \(payload.copied)")
        try run.pools.observe()
        wire.receiver.close()
        socket.close()
        try run.step("ring closed") { streams.end() }
    }

    /// Copies until no net_iov is left: the receive is refused, and goes on where it stopped once buffers are back.
    private static let copyExhaustion = TrafficScenarios.scenario(
        .zcrx, "copy-exhaustion", "copies until the area is empty: ENOMEM, and on when buffers are back", zeroCopy: false
    ) { run in
        let bed = try TestBed.make(run)
        let streams = try Provider.zcrx.makeStreams(run, bed: bed)
        let pattern = PayloadPattern(seed: 704)
        let wire = try Loopback(run, pattern: pattern)
        let stream = streams.add(wire.receiver, pattern)
        // Whole pages fill the last net_iov with the last byte; the others leave a fragment of which a part was copied.
        for size in [65_536, 50_000] {
            try run.step("\(size) bytes at a time received and kept until it fails") {
                while streams.failure() == nil {
                    guard wire.sent < 8_000_000 else { throw ScenarioFailure("\(wire.sent) bytes found room in 512 pages") }
                    try wire.send(size, within: run.patience(10))
                    try? streams.receive([stream: wire.sent], keep: true, within: run.patience(10))
                    if streams.failure() == nil, streams.received() < wire.sent { throw ScenarioFailure("the receive neither fails nor ends") }
                }
            }
            try run.expect(streams.failure()?.code == ENOMEM, "it failed with ENOMEM", "with \(streams.failure().map { "\($0)" } ?? "nothing")")
            try run.expect(
                streams.heldNetIovs == 512 - Netdevsim.ringSize, "every net_iov that is not posted is with the user",
                "\(streams.heldNetIovs) of \(512 - Netdevsim.ringSize) are")
            try run.step("\(streams.held.count) held deliveries are as they came") { try streams.recheckHeld() }
            try run.step("all given back and flushed") {
                try streams.giveBack()
                try streams.settle()
            }
            streams.forgive(stream)
            try run.step("the rest received, returned and flushed") {
                try streams.receive([stream: wire.sent], within: run.patience(10))
                try streams.settle()
            }
        }
        let socket = try bed.connect(run, 0)
        let other = PayloadPattern(seed: 705)
        let second = streams.add(socket, other)
        try run.step("\(late) bytes over the queue received and returned") {
            try bed.peer.write(0, other, bytes: late, sizes: [4096])
            try streams.receive([second: late], within: run.patience(20))
        }
        let payload = try streams.payload(sent: wire.sent + late)
        run.payload = payload
        try run.expect(payload.copied == wire.sent, "the kernel copied what came over loopback and no more", "it says \(payload.copied)")
        try run.pools.observe()
        wire.receiver.close()
        socket.close()
        try run.step("ring closed") { streams.end() }
    }

    /// The device is gone, and its buffers are home but for those of the user: copies may take those that are, no other.
    private static let removed = TrafficScenarios.scenario(
        .zcrx, "removed", "the interface removed with buffers held, and all others filled with copies", zeroCopy: false, needs: [.removableInterface]
    ) { run in
        let bytes: UInt64 = 60_000
        let bed = try TestBed.make(run)
        let streams = try Provider.zcrx.makeStreams(run, bed: bed)
        let patterns = [PayloadPattern(seed: 709), PayloadPattern(seed: 710)]
        let socket = try bed.connect(run, 0)
        let first = streams.add(socket, patterns[0])
        try run.step("\(bytes) bytes received and kept") {
            try bed.peer.write(0, patterns[0], bytes: bytes, sizes: [4096])
            try streams.receive([first: bytes], keep: true, within: run.patience(20))
            _ = try bed.peer.written(0, within: run.patience(10))
        }
        let out = streams.heldNetIovs
        try run.userHolds(out)
        try run.pools.observe()
        try run.step("interface removed") { try bed.remove() }
        // A pool looks every second for what has come home (DEFER_TIME): nothing may have that the user holds.
        let gone = try run.pools.wait(within: 1.2, nudging: true) { records in
            !records.contains { $0.provider == .zcrx && $0.inflight >= UInt64(out) }
        }
        try run.expect(!gone, "the pool waits for the \(out) net_iovs that the user holds", "it has less in flight, or is gone")
        let wire = try Loopback(run, pattern: patterns[1])
        let second = streams.add(wire.receiver, patterns[1])
        try run.step("copies received and kept until no net_iov is left") {
            while streams.failure(second) == nil {
                guard wire.sent < 8_000_000 else { throw ScenarioFailure("\(wire.sent) bytes found room in 512 pages") }
                try wire.send(40_000, within: run.patience(10))
                try? streams.receive([second: wire.sent], keep: true, within: run.patience(10))
                if streams.failure(second) == nil, streams.received(second) < wire.sent {
                    throw ScenarioFailure("the receive neither fails nor ends")
                }
            }
        }
        try run.expect(
            streams.failure(second)?.code == ENOMEM, "it failed with ENOMEM", "with \(streams.failure(second).map { "\($0)" } ?? "nothing")")
        try run.step("\(streams.held.count) held deliveries are as they came") { try streams.recheckHeld() }
        try run.expect(streams.heldNetIovs == 512, "every net_iov is with the user", "\(streams.heldNetIovs) of 512 are")
        try run.userHolds(0)
        try run.step("all given back and flushed") {
            try streams.giveBack()
            try streams.settle()
        }
        streams.forgive(second)
        try run.step("the rest received") { try streams.receive([second: wire.sent], within: run.patience(10)) }
        run.payload = try streams.payload(sent: bytes + wire.sent)
        wire.receiver.close()
        socket.close()
        try run.step("ring closed") { streams.end() }
    }

    private static let refillFlushed = refill(entries: 8, flush: true)
    private static let refillTaken = refill(entries: 64, flush: false)
    /// The kernel makes 64 of them, and says so.
    private static let refillRounded = refill(entries: 50, flush: false)

    /// A refill ring with fewer entries than are returned wraps: by the flush, or by pools that take what they need.
    private static func refill(entries: Int, flush: Bool) -> Scenario {
        TrafficScenarios.scenario(
            .zcrx, "refill-\(entries)", "a refill ring of \(entries) entries comes round, \(flush ? "flushed when full" : "taken from by the pool")",
            minimumHolds: Netdevsim.certainPages, pools: ExpectedPools(buffers: UInt64(Netdevsim.certainPages), traffic: true)
        ) { run in
            let rounds = 40
            // More pages than there are buffers: one that is not taken from the ring is missed.
            let portion = UInt64(max(8, entries / 4) * MappedMemory.pageSize)
            let bed = try TestBed.make(run)
            let streams = try Provider.zcrx.makeStreams(run, bed: bed, pages: Netdevsim.certainPages, refillEntries: UInt32(entries))
            let socket = try bed.connect(run, 0)
            try socket.limitUnread(32_768)
            let pattern = PayloadPattern(seed: 706)
            let stream = streams.add(socket, pattern)
            try bed.peer.write(0, pattern, bytes: portion * UInt64(rounds), sizes: [1000])
            var returned = 0
            try run.step("\(rounds) times \(portion) bytes received, and as many returned as there is room for") {
                for round in 1...rounds {
                    try streams.receive([stream: portion * UInt64(round)], keep: true, within: run.patience(20)) { streams.held.count >= 128 }
                    repeat {
                        returned += try streams.giveBackWhatFits()
                        if flush { try streams.settle() }
                    } while flush && !streams.held.isEmpty
                    // Cut short by what is held: the pool takes entries when it is asked for buffers.
                    if streams.held.count >= 128 { bed.nudge() }
                }
            }
            try run.step("the rest received and returned") {
                let end = MonotonicClock.now + UInt64(run.patience(20) * 1e9)
                while !streams.held.isEmpty || streams.received() < portion * UInt64(rounds) {
                    guard MonotonicClock.now < end else { throw ScenarioFailure("\(streams.held.count) deliveries could not be returned") }
                    returned += try streams.giveBackWhatFits()
                    try streams.settle()
                    try streams.receive([stream: min(portion * UInt64(rounds), streams.received() + 4096)], keep: true, within: run.patience(20))
                }
            }
            try run.expect(returned >= 4 * entries, "the ring came round", "\(returned) returns are not four times \(entries)")
            run.payload = try streams.payload(sent: try bed.peer.written(0, within: run.patience(10)))
            try run.pools.observe()
            socket.close()
            try run.step("ring closed") { streams.end() }
        }
    }

    /// Tokens beyond what one call takes: 128 ranges, 1024 fragments.
    private static let tokens = TrafficScenarios.scenario(
        .devmem, "tokens", "more tokens than a call takes, returned one by one and in ranges"
    ) { run in
        let bytes: UInt64 = 150_000
        let bed = try TestBed.make(run)
        let streams = try Provider.devmem.makeStreams(run, bed: bed)
        let socket = try bed.connect(run, 0)
        let pattern = PayloadPattern(seed: 707)
        let stream = streams.add(socket, pattern)
        try run.step("\(bytes) bytes received in pieces of at most 100, all kept") {
            try bed.peer.write(0, pattern, bytes: bytes, sizes: [4096])
            try streams.receive([stream: bytes], keep: true, limit: 100, within: run.patience(20))
        }
        run.payload = try streams.payload(sent: try bed.peer.written(0, within: run.patience(10)))
        try run.expect(streams.held.count > 1024, "more than 1024 tokens are out", "\(streams.held.count) are")
        try run.userHolds(streams.heldNetIovs)
        try run.pools.observe()
        try run.step("\(streams.held.count) held pieces are as they came") { try streams.recheckHeld() }
        try run.userHolds(0)
        try run.step("every third returned, one by one") { try streams.giveBack { $0.handle % 3 == 0 } }
        try run.step("the rest returned, in ranges") { try streams.giveBack() }
        socket.close()
        try run.step("unbound") { streams.end() }
    }
}
