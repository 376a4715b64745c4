// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// A provider, a connection, and payload that the provider receives over it.
struct RestartedStream {
    let bed: any TestBed
    let streams: MultiStreamReceiver
    let socket: Connection
    let stream: Int
    let pattern: PayloadPattern

    init(_ run: ScenarioRun, _ provider: Provider, queues: Int = 1, pages: Int = 512) throws {
        bed = try run.makeTestBed(queues: queues)
        streams = try provider.makeStreams(run, bed: bed, pages: pages)
        socket = try bed.connect(run, 0)
        pattern = PayloadPattern(seed: 800)
        stream = streams.add(socket, pattern)
    }

    /// Sends and receives the next `bytes` of the stream.
    func receive(_ run: ScenarioRun, _ bytes: UInt64, hold: Bool = false) throws {
        let start = streams.received(stream)
        try bed.peer.write(0, pattern, from: start, bytes: bytes, sizes: [4096])
        try streams.receive([stream: start + bytes], hold: hold, within: run.timeout(20))
        _ = try bed.peer.written(0, within: run.timeout(10))
    }

    func end(_ run: ScenarioRun) throws {
        run.payload = try streams.payload(sent: streams.received(stream))
        try run.pools.observe()
        socket.close()
        try run.step("provider ended") { streams.end() }
    }
}
