// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// Payload of loopback, which zcrx copies into the area of its queue.
enum LoopbackCopyScenarios {
    static let all: [Scenario] = [copies, copyExhaustion, removed]

    /// Bytes received over the queue.
    private static let late: UInt64 = 200_000

    /// One connection over loopback and one over the queue: copies and zero copy from one area.
    private static let copies = TrafficFamily.scenario(
        .zcrx, "copies", "loopback payload copied into the area that the queue receives into", zeroCopy: false,
        pools: ExpectedPools(buffers: 1024, traffic: true)
    ) { run in
        let round = 16_384
        let bed = try run.makeTestBed()
        let streams = try Provider.zcrx.makeStreams(run, bed: bed, pages: 1024)
        let socket = try bed.connect(run, 0)
        let patterns = [PayloadPattern(seed: 702), PayloadPattern(seed: 703)]
        let wire = try Loopback(run, pattern: patterns[1])
        let numbers = [streams.add(socket, patterns[0]), streams.add(wire.receiver, patterns[1])]
        try bed.peer.write(0, patterns[0], bytes: late, sizes: [4096])
        for turn in 1...4 {
            try run.step("round \(turn): payload of both received and returned") {
                try wire.send(round, within: run.timeout(10))
                try streams.receive([numbers[0]: late / 4 * UInt64(turn), numbers[1]: wire.sent], within: run.timeout(20))
            }
        }
        try finish(run, streams, wire, socket)
    }

    /// Copies until no net_iov is left: the receive fails, and a later one continues at the same byte when buffers are free again.
    private static let copyExhaustion = TrafficFamily.scenario(
        .zcrx, "copy-exhaustion", "copies until no buffer is free: ENOMEM, and more copies after buffers were returned", zeroCopy: false
    ) { run in
        let bed = try run.makeTestBed()
        let streams = try Provider.zcrx.makeStreams(run, bed: bed)
        let pattern = PayloadPattern(seed: 704)
        let wire = try Loopback(run, pattern: pattern)
        let stream = streams.add(wire.receiver, pattern)
        // With whole pages the last net_iov is full when the receive fails; with the other size one fragment is copied in part.
        for size in [65_536, 50_000] {
            try exhaust(run, streams, stream, wire, size: size)
            try TrafficFamily.returnAllNotPosted(run, streams)
            streams.clearFailure(stream)
            try run.step("the rest received, returned and flushed") {
                try streams.receive([stream: wire.sent], within: run.timeout(10))
                try streams.settle()
            }
        }
        let socket = try bed.connect(run, 0)
        let other = PayloadPattern(seed: 705)
        let second = streams.add(socket, other)
        try run.step("\(late) bytes over the queue received and returned") {
            try bed.peer.write(0, other, bytes: late, sizes: [4096])
            try streams.receive([second: late], within: run.timeout(20))
        }
        try finish(run, streams, wire, socket)
    }

    /// Records the payload, of which the kernel copied exactly the bytes of loopback, and closes everything.
    private static func finish(_ run: ScenarioRun, _ streams: MultiStreamReceiver, _ wire: Loopback, _ socket: Connection) throws {
        let payload = try streams.payload(sent: wire.sent + late)
        run.payload = payload
        try run.expect(payload.copied == wire.sent, "the kernel copied exactly the \(wire.sent) bytes of loopback", "it copied \(payload.copied)")
        try run.pools.observe()
        wire.receiver.close()
        socket.close()
        try run.step("ring closed") { streams.end() }
    }

    /// Copies over loopback until no net_iov is left. Everything is held.
    private static func exhaust(_ run: ScenarioRun, _ streams: MultiStreamReceiver, _ stream: Int, _ wire: Loopback, size: Int) throws {
        try run.step("copied in writes of \(size) bytes and held until a receive fails") {
            while streams.failure(stream) == nil {
                guard wire.sent < 8_000_000 else { throw ScenarioFailure("\(wire.sent) bytes were copied into 512 pages") }
                try wire.send(size, within: run.timeout(10))
                try? streams.receive([stream: wire.sent], hold: true, within: run.timeout(10))
                if streams.failure(stream) == nil, streams.received(stream) < wire.sent {
                    throw ScenarioFailure("the receive neither failed nor delivered all bytes")
                }
            }
        }
        let failure = streams.failure(stream)
        try run.expect(failure?.code == ENOMEM, "it failed with ENOMEM", "it failed with \(failure.map { "\($0)" } ?? "no error")")
        try run.step("\(streams.held.count) held deliveries are unchanged") { try streams.recheckHeld() }
    }

    /// After the device was removed, the area has all net_iovs except those that the user holds: copies may use only those.
    private static let removed = TrafficFamily.scenario(
        .zcrx, "removed", "the interface is removed with buffers held, and all others are filled with copies", zeroCopy: false,
        needs: [.removableInterface]
    ) { run in
        let bytes: UInt64 = 60_000
        let bed = try run.makeTestBed()
        let streams = try Provider.zcrx.makeStreams(run, bed: bed)
        let patterns = [PayloadPattern(seed: 709), PayloadPattern(seed: 710)]
        let socket = try bed.connect(run, 0)
        let first = streams.add(socket, patterns[0])
        try run.step("\(bytes) bytes received and held") {
            try bed.peer.write(0, patterns[0], bytes: bytes, sizes: [4096])
            try streams.receive([first: bytes], hold: true, within: run.timeout(20))
            _ = try bed.peer.written(0, within: run.timeout(10))
        }
        let held = streams.heldNetIovs
        try run.userHolds(held)
        try run.pools.observe()
        try run.step("interface removed") { try bed.remove() }
        // A detached pool is retried every second (DEFER_TIME): the net_iovs that the user holds must still be in flight.
        let released = try run.pools.wait(within: 1.2, runningSoftirqs: true) { records in
            !records.contains { $0.provider == .zcrx && $0.inflight >= UInt64(held) }
        }
        try run.expect(!released, "the pool has the \(held) net_iovs in flight that the user holds", "it has fewer in flight, or is freed")
        let wire = try Loopback(run, pattern: patterns[1])
        let second = streams.add(wire.receiver, patterns[1])
        try exhaust(run, streams, second, wire, size: 40_000)
        try run.expect(streams.heldNetIovs == 512, "the user holds every net_iov", "it holds \(streams.heldNetIovs) of 512")
        try run.userHolds(0)
        try run.step("all returned and flushed") {
            try streams.returnBuffers()
            try streams.settle()
        }
        streams.clearFailure(second)
        try run.step("the rest received") { try streams.receive([second: wire.sent], within: run.timeout(10)) }
        run.payload = try streams.payload(sent: bytes + wire.sent)
        wire.receiver.close()
        socket.close()
        try run.step("ring closed") { streams.end() }
    }
}
