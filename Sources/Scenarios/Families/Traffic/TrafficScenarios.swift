// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// Payload in writes of many sizes, segments of any order, resets and exhaustion. Every byte is compared.
enum TrafficScenarios {
    static let all: [Scenario] =
        Provider.ofNetIovs.flatMap { provider in
            [
                plain(provider, "small", "writes of 1 to 100 bytes", bytes: 20_000, sizes: Array(1...100)),
                plain(provider, "pages", "writes of a page", bytes: 400_000, sizes: [4096]),
                plain(provider, "gso", "writes of 64 KiB", bytes: 1_500_000, sizes: [65_536]),
                plain(
                    provider, "odd", "writes whose sizes are no multiples of a page or a segment", bytes: 300_000,
                    sizes: [4097, 1447, 1, 8191, 12_289, 2]),
                plain(provider, "ipv6", "over IPv6", bytes: 200_000, sizes: [1000, 4096, 20_000], ipv6: true),
                plain(provider, "long", "8 MB of mixed writes", bytes: 8_000_000, sizes: [1, 65_536, 100, 4097, 16_384], thorough: true),
                plain(
                    provider, "long-ipv6", "8 MB of mixed writes over IPv6", bytes: 8_000_000, sizes: [1, 65_536, 100, 4097, 16_384], ipv6: true,
                    thorough: true),
                connections(provider, "connections", 16, bytes: 40_000),
                connections(provider, "many-connections", 64, bytes: 40_000, thorough: true),
                segments(provider, "out-of-order", "segments out of order", rounds: RawTCPPlan.outOfOrder),
                segments(
                    provider, "duplicates", "segments sent two and three times, and again after they were acknowledged",
                    rounds: RawTCPPlan.duplicates),
                segments(provider, "overlaps", "segments that overlap, and holes that are filled later", rounds: RawTCPPlan.overlaps),
                segments(provider, "shuffled", "40 rounds of shuffled and duplicated segments", rounds: RawTCPPlan.shuffled(40), thorough: true),
                reset(provider, "reset", "the peer resets the connection; the reader reads up to the error", readOn: true),
                reset(provider, "reset-unread", "the peer resets the connection; the unread payload is discarded", readOn: false),
                ended(provider),
                urgent(provider),
                exhausted(provider, "exhaustion", rounds: 2),
                exhausted(provider, "exhaustion-again", rounds: 5, thorough: true),
            ]
        }

    private static func plain(
        _ provider: Provider, _ name: String, _ summary: String, bytes: UInt64, sizes: [Int], ipv6: Bool = false, thorough: Bool = false
    ) -> Scenario {
        TrafficFamily.scenario(provider, name, summary, needs: ipv6 ? [.removableInterface] : [], thorough: thorough) { run in
            let bed = try run.makeTestBed()
            let address = ipv6 ? try bed.addIPv6(run) : nil
            let streams = try provider.makeStreams(run, bed: bed)
            let socket = try bed.connect(run, 0, at: address)
            let pattern = PayloadPattern(seed: 100)
            let stream = streams.add(socket, pattern)
            try run.step("\(bytes) bytes received and returned") {
                try bed.peer.write(0, pattern, bytes: bytes, sizes: sizes)
                try streams.receive([stream: bytes], within: run.timeout(20))
            }
            try streams.finish(run, socket, sent: try bed.peer.written(0, within: run.timeout(10)))
        }
    }

    /// Many connections on one queue at the same time.
    private static func connections(_ provider: Provider, _ name: String, _ count: Int, bytes: UInt64, thorough: Bool = false) -> Scenario {
        let pages = 1024
        return TrafficFamily.scenario(
            provider, name, "\(count) connections at the same time", pools: ExpectedPools(buffers: UInt64(pages), traffic: true), thorough: thorough
        ) { run in
            let bed = try run.makeTestBed()
            let streams = try provider.makeStreams(run, bed: bed, pages: pages)
            let sockets = try run.step("\(count) connections") {
                try (0..<count).map { number in
                    let socket = try bed.connect(run, number)
                    // Together the sockets must not take all buffers.
                    try socket.limitReceiveBuffer(16_384)
                    return socket
                }
            }
            let patterns = (0..<count).map { PayloadPattern(seed: 200 + UInt64($0)) }
            let numbers = zip(sockets, patterns).map { streams.add($0, $1) }
            try run.step("\(bytes) bytes over each received and returned") {
                for number in 0..<count { try bed.peer.write(number, patterns[number], bytes: bytes, sizes: [1000 + 97 * number, 4096]) }
                try streams.receive(Dictionary(uniqueKeysWithValues: numbers.map { ($0, bytes) }), within: run.timeout(40))
            }
            let sent = try (0..<count).reduce(0) { $0 + (try bed.peer.written($1, within: run.timeout(10))) }
            run.payload = try streams.payload(sent: sent)
            try run.pools.observe()
            sockets.forEach { $0.close() }
            try run.step("provider ended") { streams.end() }
        }
    }

    /// Segments that the peer builds itself, so that their order and their duplicates are certain.
    private static func segments(
        _ provider: Provider, _ name: String, _ summary: String, rounds: @escaping @Sendable (Int) -> [PeerSegment]?,
        thorough: Bool = false
    ) -> Scenario {
        TrafficFamily.scenario(provider, name, summary, needs: [.removableInterface], thorough: thorough) { run in
            let bed = try run.makeTestBed()
            let streams = try provider.makeStreams(run, bed: bed)
            let socket = try bed.connectRawTCP(run)
            let pattern = PayloadPattern(seed: 300)
            let stream = streams.add(socket, pattern)
            var total: UInt64 = 0
            var round = 0
            while let segments = rounds(round) {
                try run.step("round \(round + 1): \(segments.count) segments sent and received") {
                    try bed.peer.sendSegments(pattern, segments, within: run.timeout(20))
                    total = max(total, segments.map { $0.offset + UInt64($0.length) }.max() ?? 0)
                    try streams.receive([stream: total], within: run.timeout(10))
                }
                round += 1
            }
            try streams.finish(run, socket, sent: total)
        }
    }

    private static func reset(_ provider: Provider, _ name: String, _ summary: String, readOn: Bool) -> Scenario {
        TrafficFamily.scenario(provider, name, summary) { run in
            let bytes: UInt64 = 1_000_000
            let held: UInt64 = 50_000
            let (bed, streams, socket, stream, pattern) = try ProviderStream(run, provider, seed: 400).parts
            try run.step("\(held) bytes received and held, more unread in the socket") {
                try bed.peer.write(0, pattern, bytes: bytes, sizes: [3000])
                try streams.receive([stream: held], hold: true, within: run.timeout(20))
                try socket.waitUnread(16_384, within: run.timeout(10))
            }
            try run.userHolds(streams.heldNetIovs)
            try run.pools.observe()
            try run.step("connection reset by the peer") {
                try bed.peer.reset(0)
                try socket.waitError(within: run.timeout(10))
            }
            if readOn {
                let before = streams.received()
                do {
                    // One byte more than was sent: all may have been received before the reset.
                    try streams.receive([stream: bytes + 1], within: run.timeout(10))
                } catch {
                    guard streams.failure()?.code == ECONNRESET else { throw error }
                }
                try run.expect(streams.failure()?.code == ECONNRESET, "the receive failed with ECONNRESET", "it received to the end of the stream")
                try run.expect(
                    streams.received() >= before + 16_384, "it received the unread bytes before",
                    "it received only \(streams.received() - before) bytes of them")
            }
            run.payload = try streams.payload(sent: bytes, complete: false)
            try streams.returnHeld(run)
            socket.close()
            try run.step("provider ended") { streams.end() }
        }
    }

    /// TCP reads the urgent byte itself (`tcp_urg()`, net/ipv4/tcp_input.c), here in memory that the CPU cannot read. It cannot deliver the
    /// byte out of band, so the byte stays in the stream, and the bytes after it are received.
    private static func urgent(_ provider: Provider) -> Scenario {
        let length = 1200
        return TrafficFamily.scenario(provider, "urgent", "the peer marks a byte as urgent", needs: [.removableInterface], thorough: true) { run in
            let bed = try run.makeTestBed()
            let streams = try provider.makeStreams(run, bed: bed)
            let socket = try bed.connectRawTCP(run)
            let pattern = PayloadPattern(seed: 570)
            let stream = streams.add(socket, pattern)
            try run.step("\(length) bytes received and returned") {
                try bed.peer.sendSegments(pattern, from: 0, count: 1, length: length, within: run.timeout(20))
                try streams.receive([stream: UInt64(length)], within: run.timeout(10))
            }
            try run.step("\(length) more sent, the last byte urgent, then another \(length)") {
                try bed.peer.perform(
                    .sendUrgent(seed: pattern.seed, PeerSegment(offset: UInt64(length), length: length)), within: run.timeout(20))
                try bed.peer.sendSegments(pattern, from: 2 * length, count: 1, length: length, within: run.timeout(20))
            }
            try run.step("all received and returned, the urgent byte in the stream") {
                try streams.receive([stream: UInt64(3 * length)], within: run.timeout(10))
            }
            try streams.finish(run, socket, sent: UInt64(3 * length))
        }
    }

    /// Payload and FIN are received before the reader reads: it receives every byte, then the end of the stream.
    private static func ended(_ provider: Provider) -> Scenario {
        TrafficFamily.scenario(provider, "end", "the peer closes before the reader reads: it receives every byte, then the end") { run in
            let bytes: UInt64 = 20_000
            let (bed, streams, socket, stream, pattern) = try ProviderStream(run, provider, seed: 560).parts
            // Submitted before, so that only the payload and the FIN wake it.
            try run.step("receive submitted") { try streams.arm(stream) }
            try run.step("\(bytes) bytes unread, and closed by the peer") {
                try bed.peer.write(0, pattern, bytes: bytes, sizes: [4096])
                _ = try bed.peer.written(0, within: run.timeout(10))
                try bed.peer.shut(0)
                try socket.waitPeerClosed(within: run.timeout(10))
            }
            try run.step("all received and returned") { try streams.receive([stream: bytes], within: run.timeout(10)) }
            try run.step("the end of the stream is reported") { try streams.awaitEnd(stream, within: run.timeout(10)) }
            try streams.finish(run, socket, sent: bytes)
        }
    }

    /// While the user holds every buffer, no payload is received. When the buffers are returned, the stream continues to its last byte.
    private static func exhausted(_ provider: Provider, _ name: String, rounds: Int, thorough: Bool = false) -> Scenario {
        let pages = Netdevsim.certainPages
        return TrafficFamily.scenario(
            provider, name, "the user holds all \(pages) buffers and returns them\(rounds > 1 ? ", \(rounds) times" : "")",
            minimumHolds: pages, pools: ExpectedPools(buffers: UInt64(pages), traffic: true), thorough: thorough
        ) { run in
            // Bytes sent while no buffer is left.
            let surplus: UInt64 = 300_000
            let (bed, streams, socket, stream, pattern) = try ProviderStream(run, provider, pages: pages, seed: 600).parts
            /// Receives the next bytes before more are sent: no segment is lost, so none is in the out-of-order queue with a buffer of its own.
            func hold(_ bytes: UInt64) throws {
                let start = streams.received()
                try bed.peer.write(0, pattern, from: start, bytes: bytes, sizes: [4096])
                try streams.receive([stream: start + bytes], hold: true, within: run.timeout(10))
                _ = try bed.peer.written(0, within: run.timeout(10))
            }
            for round in 1...rounds {
                try run.step("round \(round): received and held until no buffer is left") {
                    while streams.heldNetIovs < pages - 32 { try hold(16_384) }
                    while streams.heldNetIovs < pages { try hold(500) }
                }
                try run.userHolds(pages)
                let before = streams.received()
                let goal = before + surplus
                try bed.peer.write(0, pattern, from: before, bytes: surplus, sizes: [4096])
                try? streams.receive([stream: goal], hold: true, within: 0.1)
                try run.expect(
                    streams.received() == before, "no more payload is received", "\(streams.received() - before) bytes were, with no buffer left")
                try run.step("\(streams.held.count) held deliveries are unchanged") { try streams.recheckHeld() }
                try run.userHolds(0)
                try run.step("all returned, and the surplus received") {
                    try streams.returnBuffers()
                    // zcrx takes returned buffers in two ways: the pool takes them in batches when the queue is polled, and a flush takes all.
                    if round % 2 == 0 { try streams.settle() }
                    bed.pokeNAPI()
                    try streams.receive([stream: goal], within: run.timeout(30))
                    _ = try bed.peer.written(0, within: run.timeout(10))
                }
            }
            try streams.finish(run, socket, sent: streams.received())
        }
    }
}
