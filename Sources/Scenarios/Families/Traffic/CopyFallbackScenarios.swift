// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import SystemPackage

/// Payload that was received in ordinary pages, in one stream with payload in the provider's buffers: zcrx copies it, and devmem TCP delivers it
/// as linear data.
enum CopyFallbackScenarios {
    static let all: [Scenario] = [
        mixedZeroCopy, mixedDevmem, pruned(.zcrx), pruned(.devmem), linear,
    ]

    private static let early = 20_000
    private static let late: UInt64 = 200_000

    /// A connection with unread payload that was received when the queue had no provider.
    private static func unreadBefore(_ run: ScenarioRun, _ bed: any TestBed, _ pattern: PayloadPattern) throws -> Connection {
        let socket = try bed.connect(run, 0)
        try run.step("\(early) bytes unread in the socket, in ordinary pages") {
            try bed.peer.write(0, pattern, bytes: UInt64(early), sizes: [5000])
            try socket.waitUnread(early, within: run.timeout(10))
            _ = try bed.peer.written(0, within: run.timeout(10))
        }
        return socket
    }

    /// zcrx copies the payload in pages, and no other.
    private static let mixedZeroCopy = TrafficFamily.scenario(
        .zcrx, "mixed", "a stream whose first bytes were received before the queue was bound", zeroCopy: false
    ) { run in
        let bed = try run.makeTestBed()
        let pattern = PayloadPattern(seed: 700)
        let socket = try unreadBefore(run, bed, pattern)
        let streams = try Provider.zcrx.makeStreams(run, bed: bed)
        let stream = streams.add(socket, pattern)
        let total = UInt64(early) + late
        try run.step("\(late) bytes more sent, everything received and returned") {
            try bed.peer.write(0, pattern, from: UInt64(early), bytes: late, sizes: [3000, 4096])
            try streams.receive([stream: total], within: run.timeout(20))
        }
        _ = try bed.peer.written(0, within: run.timeout(10))
        let payload = try streams.payload(sent: total)
        run.payload = payload
        try run.expect(payload.copied == UInt64(early), "the kernel copied exactly those \(early) bytes", "it copied \(payload.copied)")
        try run.pools.observe()
        socket.close()
        try run.step("ring closed") { streams.end() }
    }

    /// recv(2) without MSG_SOCK_DEVMEM reads payload in pages, and is refused for payload in net_iovs.
    private static let mixedDevmem = TrafficFamily.scenario(
        .devmem, "mixed", "a stream whose first bytes were received before the queue was bound", zeroCopy: false
    ) { run in
        let bed = try run.makeTestBed()
        let pattern = PayloadPattern(seed: 701)
        let socket = try unreadBefore(run, bed, pattern)
        try socket.setReceiveBuffer(1 << 20)
        let streams = try Provider.devmem.makeStreams(run, bed: bed)
        let total = UInt64(early) + late
        let some = 50_000
        try run.step("more unread, in the provider's buffers") {
            try bed.peer.write(0, pattern, from: UInt64(early), bytes: late, sizes: [3000, 4096])
            try socket.waitUnread(early + some, within: run.timeout(10))
        }
        try run.step("payload in pages read: the first bytes by recv(2), the rest by a devmem receive, which ends there") {
            try readEarly(pattern) { $0 == 0 ? try ordinary(socket, capacity: 7000, within: run.timeout(10)).get() : try inPages(socket) }
        }
        let refused = try ordinary(socket, within: run.timeout(10))
        try run.expect(
            { if case .failure(let error) = refused { error.code == EFAULT } else { false } }(), "the next recv(2) is refused with EFAULT",
            "the result was \(refused)")
        let stream = streams.add(socket, pattern, received: UInt64(early))
        try run.step("\(late) bytes more received and returned") { try streams.receive([stream: total], within: run.timeout(20)) }
        _ = try bed.peer.written(0, within: run.timeout(10))
        run.payload = PayloadRecord(
            sent: total, received: streams.received(), zeroCopy: streams.received() - UInt64(early), copied: UInt64(early), firstMismatch: nil,
            complete: true)
        try run.pools.observe()
        socket.close()
        try run.step("unbound") { streams.end() }
    }

    /// Segments with all payload in the linear part, as from a device without header-data split; and segments with the first bytes in the linear
    /// part and the others in pages, as from a device that fills the linear part first. zcrx copies both, here from an offset in the middle.
    private static let linear = TrafficFamily.scenario(
        .zcrx, "linear", "segments received before the queue was bound, with all payload or its first bytes in the linear part", zeroCopy: false,
        needs: [.removableInterface]
    ) { run in
        let bed = try run.makeTestBed()
        let pattern = PayloadPattern(seed: 708)
        let socket = try bed.connectRawTCP(run)
        let before: UInt64 = 8 * 1200 + 3 * 7000
        try run.step("\(before) bytes unread in the socket") {
            try bed.peer.sendSegments(pattern, from: 0, count: 8, length: 1200, within: run.timeout(20))
            for (offset, linear) in [(9600, 200), (16_600, 1), (23_600, 1111)] {
                let packet = PeerSegment(offset: UInt64(offset), length: 7000)
                try bed.peer.sendLarge(pattern, packet, linear: linear, within: run.timeout(20))
            }
            try socket.waitUnread(Int(before), within: run.timeout(10))
        }
        let streams = try Provider.zcrx.makeStreams(run, bed: bed)
        let stream = streams.add(socket, pattern)
        try run.step("received 500 bytes at a time, and returned") {
            try streams.receive([stream: before], limit: 500, within: run.timeout(20))
        }
        try run.step("9600 bytes more received in the provider's buffers") {
            try bed.peer.sendSegments(pattern, from: Int(before), count: 8, length: 1200, within: run.timeout(20))
            try streams.receive([stream: before + 9600], within: run.timeout(20))
        }
        // The kernel's statistics omit these copies: io_zcrx_copy_frag() counts, io_zcrx_copy_chunk() does not.
        run.payload = try streams.payload(sent: before + 9600)
        try run.pools.observe()
        socket.close()
        try run.step("ring closed") { streams.end() }
    }

    /// Reads the payload in pages, by calls with the stream offset at which each begins.
    private static func readEarly(_ pattern: PayloadPattern, by call: (UInt64) throws -> [UInt8]) throws {
        var start: UInt64 = 0
        while start < UInt64(early) {
            let bytes = try call(start)
            guard !bytes.isEmpty else { throw ScenarioFailure("the stream ended after \(start) bytes") }
            if let wrong = bytes.withUnsafeBytes({ pattern.mismatch($0, at: start) }) { throw ScenarioFailure("byte \(wrong) is not the one sent") }
            start += UInt64(bytes.count)
        }
        guard start == UInt64(early) else { throw ScenarioFailure("\(start) bytes were read instead of \(early)") }
    }

    /// A socket that exceeds its receive buffer collapses its queue (`tcp_collapse()`): it merges small skbs of pages, up to the first unreadable
    /// skb.
    private static func pruned(_ provider: Provider) -> Scenario {
        TrafficFamily.scenario(
            provider, "pruned", "small segments in pages and in net_iovs, in a socket that exceeds its receive buffer", zeroCopy: false,
            pools: ExpectedPools(buffers: 1024, traffic: true)
        ) { run in
            let (size, total) = (200, UInt64(2 * early))
            let bed = try run.makeTestBed()
            let pattern = PayloadPattern(seed: 711)
            let socket = try bed.connect(run, 0)
            try socket.setReceiveBuffer(4 << 20)
            // The kernel merges segments that are small in comparison with the first ones (the scaling ratio of tcp_measure_rcv_mss()).
            let large: UInt64 = 8000
            try run.step("\(early) bytes unread in pages, the last of them in segments of \(size)") {
                try bed.sendSegments(run, socket, pattern, 0..<large, of: Int(large))
                try bed.sendSegments(run, socket, pattern, large..<UInt64(early), of: size)
            }
            let streams = try provider.makeStreams(run, bed: bed, pages: 1024)
            try run.step("\(early) more bytes unread, in net_iovs") { try bed.sendSegments(run, socket, pattern, UInt64(early)..<total, of: size) }
            try run.step("receive buffer reduced, and one more segment received: the socket prunes its queue") {
                let before = try TCPCounters.value(of: "PruneCalled")
                try socket.limitReceiveBuffer(4096)
                try bed.peer.write(0, pattern, from: total, bytes: UInt64(size), sizes: [size])
                try Polling.wait(within: run.timeout(10), orFail: "the socket has not pruned its queue") {
                    try TCPCounters.value(of: "PruneCalled") != before
                }
                try socket.setReceiveBuffer(4 << 20)
            }
            var start: UInt64 = 0
            if provider == .devmem {
                try run.step("the first \(early) bytes read by recv(2)") {
                    try readEarly(pattern) { _ in try ordinary(socket, capacity: early, within: run.timeout(10)).get() }
                }
                start = UInt64(early)
            }
            let stream = streams.add(socket, pattern, received: start)
            try run.step("the rest received and returned") { try streams.receive([stream: total + UInt64(size)], within: run.timeout(20)) }
            _ = try bed.peer.written(0, within: run.timeout(10))
            // How many bytes of the first half the kernel counts as copied depends on how it merged them.
            run.payload = PayloadRecord(
                sent: total + UInt64(size), received: streams.received(), zeroCopy: streams.received() - UInt64(early), copied: UInt64(early),
                firstMismatch: nil, complete: true)
            try run.pools.observe()
            socket.close()
            try run.step("provider ended") { streams.end() }
        }
    }

    /// One devmem receive of payload in pages: it delivers bytes, and no fragment with a token.
    private static func inPages(_ socket: Connection) throws -> [UInt8] {
        let batch = try DeviceMemory.receive(socket: socket.rawValue)
        guard batch.fragments.isEmpty, !batch.isTruncated, batch.count > 0 else { throw ScenarioFailure("the devmem receive delivered \(batch)") }
        return batch.linear
    }

    /// One recv(2) without MSG_SOCK_DEVMEM, when the socket is readable.
    private static func ordinary(_ socket: Connection, capacity: Int = 65_536, within seconds: Double) throws -> Result<[UInt8], KernelError> {
        try socket.waitUnread(1, within: seconds)
        var buffer = [UInt8](repeating: 0, count: capacity)
        let count = recv(socket.rawValue, &buffer, buffer.count, 0)
        return count < 0 ? .failure(KernelError("recv", code: errno)) : .success(Array(buffer.prefix(count)))
    }
}
