// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// A provider on the queue of a new bed, and one connection over which it receives a pattern.
struct ProviderStream {
    let bed: any TestBed
    let streams: MultiStreamReceiver
    let socket: Connection
    let stream: Int
    let pattern: PayloadPattern

    /// - Parameter seed: of the pattern.
    init(_ run: ScenarioRun, _ provider: Provider, queues: Int = 1, pages: Int = 512, seed: UInt64) throws {
        bed = try run.makeTestBed(queues: queues)
        streams = try provider.makeStreams(run, bed: bed, pages: pages)
        socket = try bed.connect(run, 0)
        pattern = PayloadPattern(seed: seed)
        stream = streams.add(socket, pattern)
    }

    /// Everything by name, for scenarios that use each directly.
    var parts: (bed: any TestBed, streams: MultiStreamReceiver, socket: Connection, stream: Int, pattern: PayloadPattern) {
        (bed, streams, socket, stream, pattern)
    }

    /// Sends and receives the next `bytes` of the stream.
    func receive(_ run: ScenarioRun, _ bytes: UInt64, hold: Bool = false) throws {
        let start = streams.received(stream)
        try bed.peer.write(0, pattern, from: start, bytes: bytes, sizes: [4096])
        try streams.receive([stream: start + bytes], hold: hold, within: run.timeout(20))
        _ = try bed.peer.written(0, within: run.timeout(10))
    }

    /// Receives the next `bytes`, which the user holds.
    ///
    /// - Returns: how many net_iovs the user holds then.
    func receiveHeld(_ run: ScenarioRun, _ bytes: UInt64) throws -> Int {
        try run.step("\(bytes) bytes received and held") { try receive(run, bytes, hold: true) }
        let held = streams.heldNetIovs
        try run.userHolds(held)
        return held
    }

    /// Records the payload, closes the socket, and ends the provider.
    func end(_ run: ScenarioRun) throws { try streams.finish(run, socket, sent: streams.received(stream)) }
}
