// SPDX-License-Identifier: GPL-2.0

import Results

/// Frames that are longer than the IP datagram in them, as devices pad short frames. IP trims them (`ip_rcv_core()`), and the bytes to trim are
/// in net_iovs.
enum TrimScenarios {
    static let all: [Scenario] = Provider.ofNetIovs.flatMap { [unsummed($0), summed($0), end($0)] }

    /// Bytes of payload, and of padding behind them. A net_iov has 4096 bytes: the end of the payload is inside one, or between two.
    private static let shapes = [(1, 1), (6, 40), (1200, 200), (4095, 1), (4096, 1), (4096, 4096), (5000, 3900), (100, 8800)]

    private struct Wire {
        let bed: any TestBed
        let streams: MultiStreamReceiver
        let socket: Connection
        let stream: Int
        let pattern: PayloadPattern
        var sent: UInt64 = 0

        init(_ run: ScenarioRun, _ provider: Provider, seed: UInt64) throws {
            bed = try run.makeTestBed()
            try bed.useJumboFrames(run)
            streams = try provider.makeStreams(run, bed: bed)
            socket = try bed.connectRawTCP(run)
            pattern = PayloadPattern(seed: seed)
            stream = streams.add(socket, pattern)
        }

        /// Sends the next `length` bytes in a padded frame, and receives them.
        ///
        /// - Returns: how many packets IP discarded meanwhile.
        mutating func receive(_ run: ScenarioRun, _ length: Int, padding: Int, summed: Bool) throws -> Int {
            let before = try TCPCounters.discarded()
            let segment = PeerSegment(offset: sent, length: length)
            sent += UInt64(length)
            _ = try bed.peer.sendPadded(pattern, segment, padding: padding, summed: summed, within: run.timeout(20))
            try streams.receive([stream: sent], within: run.timeout(10))
            return try TCPCounters.discarded() - before
        }
    }

    /// The checksum is left to the device (`CHECKSUM_PARTIAL`), as on any virtual device.
    private static func unsummed(_ provider: Provider) -> Scenario {
        IngressFamily.scenario(
            provider, "padded", "frames with padding in the net_iovs, their checksum left to the device: they are trimmed and received",
            needs: [.removableInterface]
        ) { run in
            var wire = try Wire(run, provider, seed: 801)
            for (length, padding) in shapes {
                try run.step("\(length) bytes with \(padding) bytes of padding received, no packet discarded") {
                    let discarded = try wire.receive(run, length, padding: padding, summed: false)
                    guard discarded == 0 else { throw ScenarioFailure("IP discarded \(discarded)") }
                }
            }
            try wire.streams.finish(run, wire.socket, sent: wire.sent)
        }
    }

    /// The device reports the sum of the whole frame (`CHECKSUM_COMPLETE`). That of the padding cannot be subtracted, as the CPU cannot read it:
    /// since 7.3 `pskb_trim_rcsum_complete()` fails, and the packet is discarded. The peer sends the segment again, without padding.
    private static func summed(_ provider: Provider) -> Scenario {
        IngressFamily.scenario(
            provider, "padded-summed", "frames with padding in the net_iovs, summed by the device: each is discarded, and received when sent again",
            needs: [.removableInterface]
        ) { run in
            var wire = try Wire(run, provider, seed: 802)
            for (length, padding) in shapes {
                try run.step("\(length) bytes with \(padding) bytes of padding received, one packet discarded") {
                    let discarded = try wire.receive(run, length, padding: padding, summed: true)
                    guard discarded == 1 else { throw ScenarioFailure("IP discarded \(discarded)") }
                }
            }
            try wire.streams.finish(run, wire.socket, sent: wire.sent)
        }
    }

    /// No payload, so that everything in the net_iovs is padding: the packet is trimmed to its headers, which TCP sums itself.
    private static func end(_ provider: Provider) -> Scenario {
        IngressFamily.scenario(
            provider, "padded-end", "the end of the stream in a frame with padding in the net_iovs, summed by the device: it is received",
            needs: [.removableInterface]
        ) { run in
            var wire = try Wire(run, provider, seed: 803)
            try run.step("1000 bytes received") {
                let discarded = try wire.receive(run, 1000, padding: 0, summed: true)
                guard discarded == 0 else { throw ScenarioFailure("IP discarded \(discarded)") }
            }
            try run.step("the end received with 5000 bytes of padding, no packet discarded") {
                let before = try TCPCounters.discarded()
                _ = try wire.bed.peer.sendPaddedEnd(at: wire.sent, padding: 5000, within: run.timeout(20))
                try wire.streams.awaitEnd(wire.stream, within: run.timeout(10))
                let discarded = try TCPCounters.discarded() - before
                guard discarded == 0 else { throw ScenarioFailure("IP discarded \(discarded)") }
            }
            try wire.streams.finish(run, wire.socket, sent: wire.sent)
        }
    }
}
