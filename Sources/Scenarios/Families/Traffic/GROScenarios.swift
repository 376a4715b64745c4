// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// Segments that GRO merges into one skb, more than the fragments of the skb can take: the other skbs are in its frag_list
/// (`skb_gro_receive()`, net/core/gro.c), and each of them has net_iovs of its own.
enum GROScenarios {
    static let all: [Scenario] = Provider.ofNetIovs.flatMap { provider in
        [
            TrafficFamily.scenario(
                provider, "gro", "\(count) segments merged into one skb, received whole, in fragments, and held", needs: [.removableInterface]
            ) { run in
                let wire = try Wire(run, provider)
                let (streams, socket, stream) = (wire.streams, wire.socket, wire.stream)
                for (turn, what) in ["whole", "500 bytes at a time", "held"].enumerated() {
                    try wire.burst(run, turn)
                    try run.step("received, \(what)") {
                        try streams.receive([stream: bytes * UInt64(turn + 1)], hold: turn == 2, limit: turn == 1 ? 500 : 0, within: run.timeout(20))
                    }
                }
                try run.userHolds(streams.heldNetIovs)
                try streams.returnHeld(run)
                try streams.finish(run, socket, sent: 3 * bytes)
            },
            TrafficFamily.scenario(
                provider, "gro-unread", "\(count) segments merged into one skb, half of which is unread when the socket is closed",
                needs: [.removableInterface]
            ) { run in
                let wire = try Wire(run, provider)
                let (streams, socket, stream) = (wire.streams, wire.socket, wire.stream)
                try wire.burst(run, 0)
                try run.step("\(bytes / 2) bytes received and held") {
                    try streams.receive([stream: bytes / 2], hold: true, limit: 500, within: run.timeout(20))
                }
                try run.userHolds(streams.heldNetIovs)
                run.payload = try streams.payload(sent: bytes, complete: false)
                try run.pools.observe()
                try run.userEnds()
                try run.step("socket closed") { socket.close() }
                try run.step("provider ended") { streams.end() }
            },
        ]
    }

    /// An skb has at most 17 fragments (`MAX_SKB_FRAGS`); one NAPI poll takes at most 64 segments.
    private static let count = 40
    private static let length = 1200
    private static var bytes: UInt64 { UInt64(count * length) }

    /// A raw TCP connection on an interface that a thread polls, on the CPU that bursts are sent from. The thread runs after a burst was sent,
    /// so that GRO gets all of it in one poll.
    private struct Wire {
        let streams: MultiStreamReceiver
        let socket: Connection
        let stream: Int
        private let bed: any TestBed
        private let pattern = PayloadPattern(seed: 590)

        init(_ run: ScenarioRun, _ provider: Provider) throws {
            let bed = try run.makeTestBed()
            streams = try provider.makeStreams(run, bed: bed)
            socket = try bed.connectRawTCP(run)
            try socket.setReceiveBuffer(1 << 20)
            try run.step("interface polled by a thread on CPU 0") {
                try KernelFile.write("/sys/class/net/\(bed.interface)/threaded", "1")
                let pollers = KernelFile.list("/proc").compactMap { CInt($0) }.filter { id in
                    (try? KernelFile.read("/proc/\(id)/comm"))?.hasPrefix("napi/\(bed.interface)-") == true
                }
                guard !pollers.isEmpty else { throw ScenarioFailure("there is no thread napi/\(bed.interface)-*") }
                for id in pollers { try ThreadPlacement.pin(thread: id, to: 0) }
            }
            stream = streams.add(socket, pattern)
            self.bed = bed
        }

        /// Sends the next segments of the stream, which GRO merges.
        func burst(_ run: ScenarioRun, _ turn: Int) throws {
            let segments = (turn * count..<(turn + 1) * count).map { PeerSegment(offset: UInt64($0 * length), length: length) }
            let before = try TCPCounters.segmentsIn()
            try run.step("\(count) segments sent in one burst") {
                try bed.peer.sendSegments(pattern, segments, inOneBurst: true, within: run.timeout(20))
            }
            // One segment may stay unmerged. Other packets that are received here are of other protocols.
            let skbs = try TCPCounters.segmentsIn() - before
            try run.expect((1...2).contains(skbs), "TCP received them in one or two skbs", "it received \(skbs) skbs")
        }
    }
}
