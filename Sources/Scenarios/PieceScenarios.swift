// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// A net_iov that several hold at once: pieces of it with the user, clones of the skb that it came in. It goes home with the last.
enum PieceScenarios {
    static let all: [Scenario] = Provider.ofNetIovs.flatMap { provider in
        [
            shared(provider),
            pieces(provider, "pieces-together", "net_iovs delivered in pieces, all pieces given back at once", held: false),
            pieces(provider, "pieces-held", "net_iovs delivered in pieces, the user gone with all of them", held: true),
            tapped(provider),
            packetInfo(provider),
            cut(provider),
        ]
    }

    /// A stream received in pieces, each net_iov in several, all of them with the user.
    private struct InPieces {
        let bytes: UInt64 = 65_536
        let bed: TestBed
        let streams: Streams
        let socket: Connection
        let pattern: PayloadPattern
        let stream: Int
        /// Different net_iovs that the user has.
        let netIovs: Int

        init(_ run: ScenarioRun, _ provider: Provider, seed: UInt64) throws {
            bed = try TestBed.make(run)
            streams = try provider.makeStreams(run, bed: bed)
            socket = try bed.connect(run, 0)
            pattern = PayloadPattern(seed: seed)
            stream = streams.add(socket, pattern)
            let (bytes, bed, streams, pattern, stream) = (bytes, bed, streams, pattern, stream)
            try run.step("\(bytes) bytes received in pieces of at most 600, all kept") {
                try bed.peer.write(0, pattern, bytes: bytes, sizes: [4096])
                try streams.receive([stream: bytes], keep: true, limit: 600, within: run.patience(20))
            }
            _ = try bed.peer.written(0, within: run.patience(10))
            let out = streams.heldNetIovs
            netIovs = out
            try run.expect(
                streams.held.count > 2 * out, "net_iovs were delivered in several pieces", "\(streams.held.count) pieces of \(out) net_iovs")
            try run.userHolds(out)
        }
    }

    /// One net_iov with several references of the user: they are given back together, or lost together with the user.
    private static func pieces(_ provider: Provider, _ name: String, _ summary: String, held: Bool) -> Scenario {
        TrafficScenarios.scenario(provider, name, summary) { run in
            let parts = try InPieces(run, provider, seed: 510)
            let (bytes, bed, streams, socket, pattern, stream) = (parts.bytes, parts.bed, parts.streams, parts.socket, parts.pattern, parts.stream)
            var total = bytes
            if !held {
                try run.userHolds(0)
                try run.step("all \(streams.held.count) pieces given back at once") {
                    try streams.recheckHeld()
                    try streams.giveBack()
                    try streams.settle()
                }
                total = try goOn(run, bed, streams, stream, pattern, from: bytes)
            }
            run.payload = try streams.payload(sent: total)
            try run.pools.observe()
            if held { try run.userEnds() }
            socket.close()
            try run.step("provider ended") { streams.end() }
        }
    }

    /// A packet socket takes a clone of every skb and, since it cannot be read, cuts it down to its headers: for that each net_iov gains a
    /// reference and loses it again (`pskb_expand_head()`, `packet_rcv()`).
    private static func tapped(_ provider: Provider) -> Scenario {
        TrafficScenarios.scenario(provider, "tapped", "skbs cloned for a packet socket, which keeps their headers") { run in
            let bytes: UInt64 = 60_000
            let bed = try TestBed.make(run)
            let streams = try provider.makeStreams(run, bed: bed)
            var tap: PacketSocket? = try run.step("packet socket on the interface") { try PacketSocket(ifindex: bed.ifindex) }
            let socket = try bed.connect(run, 0)
            try socket.makeRoom(1 << 20)
            let pattern = PayloadPattern(seed: 550)
            let stream = streams.add(socket, pattern)
            try run.step("\(bytes) bytes unread") { try segments(run, bed, socket, pattern, 0..<bytes, of: 1000) }
            try run.step("all received and returned") { try streams.receive([stream: bytes], within: run.patience(10)) }
            try run.step("the packet socket has headers, and no payload") {
                var frames = 0
                var cut = 0
                while let frame = try tap?.receive(timeoutMilliseconds: 0) {
                    frames += 1
                    // Ethernet's, and the longest of IP and TCP.
                    guard frame.count <= 14 + 60 + 60 else { throw ScenarioFailure("frame \(frames) has \(frame.count) bytes") }
                    // IP says how long it was.
                    if frame.count >= 18, frame[12] == 8, frame[13] == 0, 14 + Int(frame[16]) << 8 + Int(frame[17]) > frame.count { cut += 1 }
                }
                guard cut > 0 else { throw ScenarioFailure("none of \(frames) frames was cut down") }
            }
            tap = nil
            try TrafficScenarios.end(run, streams, socket, sent: bytes)
        }
    }

    /// Receives and returns more of the stream: enough for every buffer that is home to be received into again.
    ///
    /// - Returns: where the stream is then.
    private static func goOn(
        _ run: ScenarioRun, _ bed: TestBed, _ streams: Streams, _ stream: Int, _ pattern: PayloadPattern, from start: UInt64
    ) throws -> UInt64 {
        let end = start + ZeroCopyScenarios.afterwards
        try run.step("\(ZeroCopyScenarios.afterwards) bytes more received and returned") {
            try bed.peer.write(0, pattern, from: start, bytes: end - start, sizes: [4096])
            try streams.receive([stream: end], within: run.patience(20))
            _ = try bed.peer.written(0, within: run.patience(10))
        }
        return end
    }

    /// Has a connection with those bytes, from the stream's begin on, unread.
    static func unread(_ run: ScenarioRun, _ bed: TestBed, _ pattern: PayloadPattern, _ bytes: UInt64) throws -> Connection {
        let socket = try bed.connect(run, 0)
        try socket.makeRoom(1 << 20)
        try run.step("\(bytes) bytes unread") {
            try bed.peer.write(0, pattern, bytes: bytes, sizes: [4096])
            try socket.waitUnread(Int(bytes), within: run.patience(10))
            _ = try bed.peer.written(0, within: run.patience(10))
        }
        return socket
    }

    /// Has those bytes of the stream sent and lie unread, a segment at a time: neither the sender nor GRO has two to merge.
    static func segments(
        _ run: ScenarioRun, _ bed: TestBed, _ socket: Connection, _ pattern: PayloadPattern, _ bytes: Range<UInt64>, of size: Int
    ) throws {
        for start in stride(from: bytes.lowerBound, to: bytes.upperBound, by: size) {
            try bed.peer.write(0, pattern, from: start, bytes: UInt64(size), sizes: [size])
            try socket.waitUnread(Int(start) + size, within: run.patience(10))
            _ = try bed.peer.written(0, within: run.patience(10))
        }
    }

    /// A socket filter that keeps a packet's begin has the net_iovs behind it dropped (`___pskb_trim()`); the sender sends them again.
    private static func cut(_ provider: Provider) -> Scenario {
        TrafficScenarios.scenario(provider, "cut", "packets of several net_iovs cut short by a socket filter, and sent again") { run in
            // More than a packet at the most, so that others follow the one that is cut.
            let portion: UInt64 = 200_000
            let bed = try TestBed.make(run)
            let streams = try provider.makeStreams(run, bed: bed)
            let socket = try bed.connect(run, 0)
            try socket.makeRoom(1 << 20)
            let pattern = PayloadPattern(seed: 580)
            let stream = streams.add(socket, pattern)
            try run.step("a filter that keeps the first 5000 bytes of a packet") { try PacketTruncation.begin(socket.rawValue, bytes: 5000) }
            // TCP begins with packets that are too small to be cut.
            var before: UInt64 = 0
            try run.step("writes of \(portion) bytes received and returned until one has a packet cut, and leaves a hole") {
                let end = MonotonicClock.now + UInt64(run.patience(20) * 1e9)
                while true {
                    try bed.peer.write(0, pattern, from: before, bytes: portion, sizes: [Int(portion)])
                    while try SocketReading.outOfOrderSegments(socket.rawValue) == 0, (try? socket.waitUnread(Int(portion), within: 0.02)) == nil {
                        guard MonotonicClock.now < end else { throw ScenarioFailure("nothing came out of order, and not everything came") }
                    }
                    if try SocketReading.outOfOrderSegments(socket.rawValue) > 0 { return }
                    before += portion
                    try streams.receive([stream: before], within: run.patience(20))
                    _ = try bed.peer.written(0, within: run.patience(10))
                    guard MonotonicClock.now < end else { throw ScenarioFailure("no packet was cut in \(before) bytes") }
                }
            }
            let bytes = before + portion
            try run.step("the filter taken away") { try PacketTruncation.end(socket.rawValue) }
            try run.step("all received and returned") { try streams.receive([stream: bytes], within: run.patience(20)) }
            let total = try goOn(run, bed, streams, stream, pattern, from: bytes)
            try TrafficScenarios.end(run, streams, socket, sent: total)
        }
    }

    /// A socket that asks for a packet's address has each skb cloned before it is queued, and the queue's last takes the clone's net_iovs in:
    /// each has two owners then and needs a reference for both (`tcp_v6_do_rcv()`, `skb_try_coalesce()`).
    private static func packetInfo(_ provider: Provider) -> Scenario {
        TrafficScenarios.scenario(
            provider, "packet-info", "over IPv6 with IPV6_RECVPKTINFO: cloned skbs are merged in the socket's queue", needs: [.removableInterface]
        ) { run in
            let bytes: UInt64 = 60_000
            let bed = try TestBed.make(run)
            let address = try bed.addIPv6(run)
            let streams = try provider.makeStreams(run, bed: bed)
            let socket = try bed.connect(run, 0, at: address)
            try socket.makeRoom(1 << 20)
            try socket.askForPacketInfo()
            let pattern = PayloadPattern(seed: 570)
            let stream = streams.add(socket, pattern)
            try run.step("\(bytes) bytes unread, in segments of their own") { try segments(run, bed, socket, pattern, 0..<bytes, of: 1000) }
            try run.step("all received and kept") { try streams.receive([stream: bytes], keep: true, within: run.patience(10)) }
            try run.userHolds(streams.heldNetIovs)
            try run.pools.observe()
            let total = try goOn(run, bed, streams, stream, pattern, from: bytes)
            run.payload = try streams.payload(sent: total)
            try TrafficScenarios.giveBackHeld(run, streams)
            socket.close()
            try run.step("provider ended") { streams.end() }
        }
    }

    /// Receives with a limit hand one net_iov out in pieces, each with a reference of its own. A restart detaches the pool, so that
    /// its count shows which net_iovs are out.
    private static func shared(_ provider: Provider) -> Scenario {
        TrafficScenarios.scenario(
            provider, "shared-buffers", "net_iovs delivered in pieces go home with the last piece", detached: true,
            pools: ExpectedPools(count: 2, traffic: true), needs: [.queueReset]
        ) { run in
            let parts = try InPieces(run, provider, seed: 500)
            let (bytes, bed, streams, socket, pattern, stream) = (parts.bytes, parts.bed, parts.streams, parts.socket, parts.pattern, parts.stream)
            let out = parts.netIovs
            var last: [UInt64: UInt64] = [:]
            for piece in streams.held { last[piece.netIov] = piece.start }
            let lasts = last
            try run.step("every piece but the last of each net_iov given back") {
                try streams.giveBack { lasts[$0.netIov] != $0.start }
                try streams.settle()
            }
            let total = try goOn(run, bed, streams, stream, pattern, from: bytes)
            try run.step("\(streams.held.count) last pieces are as they came") { try streams.recheckHeld() }
            run.payload = try streams.payload(sent: total)
            try run.step("queue restarted") { try bed.resetQueue(mode: 1) }
            try TrafficScenarios.count(run, provider, out, "the detached pool has \(out) net_iovs out: those whose last piece the user holds")
            try run.userHolds(0)
            try run.step("the last pieces given back") {
                try streams.giveBack()
                try streams.settle()
            }
            try TrafficScenarios.count(run, provider, 0, "none is out")
            socket.close()
            try run.step("provider ended") { streams.end() }
        }
    }
}
