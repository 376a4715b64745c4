// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// A net_iov with several references: of fragments of it that the user holds, or of clones of its skb. It is released with the last.
enum FragmentScenarios {
    static let all: [Scenario] = Provider.ofNetIovs.flatMap { provider in
        [
            shared(provider),
            fragments(provider, "fragments-together", "net_iovs delivered in fragments, all fragments returned at once", held: false),
            fragments(provider, "fragments-held", "net_iovs delivered in fragments, the provider ended while the user holds all", held: true),
            tapped(provider),
            packetInfo(provider),
            truncated(provider),
        ]
    }

    /// A stream of which each net_iov was delivered in several fragments. The user holds all fragments.
    private struct FragmentedStream {
        let bytes: UInt64 = 65_536
        let stream: ProviderStream
        /// Different net_iovs that the user holds.
        let netIovs: Int

        init(_ run: ScenarioRun, _ provider: Provider, seed: UInt64) throws {
            let (bytes, made) = (bytes, try ProviderStream(run, provider, seed: seed))
            let (bed, streams, _, stream, pattern) = made.parts
            self.stream = made
            try run.step("\(bytes) bytes received in fragments of at most 600, all held") {
                try bed.peer.write(0, pattern, bytes: bytes, sizes: [4096])
                try streams.receive([stream: bytes], hold: true, limit: 600, within: run.timeout(20))
            }
            _ = try bed.peer.written(0, within: run.timeout(10))
            let held = streams.heldNetIovs
            netIovs = held
            try run.expect(
                streams.held.count > 2 * held, "net_iovs were delivered in several fragments",
                "\(streams.held.count) fragments of \(held) net_iovs")
            try run.userHolds(held)
        }
    }

    /// The user has several references to a net_iov: it returns them together, or the kernel takes them when the provider ends.
    private static func fragments(_ provider: Provider, _ name: String, _ summary: String, held: Bool) -> Scenario {
        TrafficFamily.scenario(provider, name, summary) { run in
            let fragmented = try FragmentedStream(run, provider, seed: 510)
            let bytes = fragmented.bytes
            let (bed, streams, socket, stream, pattern) = fragmented.stream.parts
            var total = bytes
            if !held {
                try run.userHolds(0)
                try run.step("all \(streams.held.count) fragments returned at once") {
                    try streams.recheckHeld()
                    try streams.returnBuffers()
                    try streams.settle()
                }
                total = try receiveMore(run, bed, streams, stream, pattern, from: bytes)
            }
            run.payload = try streams.payload(sent: total)
            try run.pools.observe()
            if held { try run.userEnds() }
            socket.close()
            try run.step("provider ended") { streams.end() }
        }
    }

    /// A packet socket clones every skb and, as the payload is unreadable, trims the clone to its headers: each net_iov gets a reference for
    /// the clone and loses it again (`pskb_expand_head()`, `packet_rcv()`).
    private static func tapped(_ provider: Provider) -> Scenario {
        TrafficFamily.scenario(provider, "tapped", "skbs cloned for a packet socket, which receives their headers only") { run in
            let bytes: UInt64 = 60_000
            let bed = try run.makeTestBed()
            let streams = try provider.makeStreams(run, bed: bed)
            var tap: PacketSocket? = try run.step("packet socket on the interface") { try PacketSocket(ifindex: bed.ifindex) }
            let socket = try bed.connect(run, 0)
            try socket.setReceiveBuffer(1 << 20)
            let pattern = PayloadPattern(seed: 550)
            let stream = streams.add(socket, pattern)
            try run.step("\(bytes) bytes unread") { try bed.sendSegments(run, socket, pattern, 0..<bytes, of: 1000) }
            try run.step("all received and returned") { try streams.receive([stream: bytes], within: run.timeout(10)) }
            try run.step("the packet socket received headers without payload") {
                var frames = 0
                var trimmed = 0
                while let frame = try tap?.receive(timeoutMilliseconds: 0) {
                    frames += 1
                    // The Ethernet header, and the longest IP and TCP headers.
                    guard frame.count <= 14 + 60 + 60 else { throw ScenarioFailure("frame \(frames) has \(frame.count) bytes") }
                    // The IP header has the length of the whole packet.
                    if frame.count >= 18, frame[12] == 8, frame[13] == 0, 14 + Int(frame[16]) << 8 + Int(frame[17]) > frame.count { trimmed += 1 }
                }
                guard trimmed > 0 else { throw ScenarioFailure("none of \(frames) frames was trimmed to its headers") }
            }
            tap = nil
            try streams.finish(run, socket, sent: bytes)
        }
    }

    /// Receives and returns more of the stream: enough for every free buffer to be reused.
    ///
    /// - Returns: the bytes of the stream received so far.
    private static func receiveMore(
        _ run: ScenarioRun, _ bed: any TestBed, _ streams: MultiStreamReceiver, _ stream: Int, _ pattern: PayloadPattern, from start: UInt64
    ) throws -> UInt64 {
        let end = start + Netdevsim.ringTurnover
        try run.step("\(Netdevsim.ringTurnover) bytes more received and returned") {
            try bed.peer.write(0, pattern, from: start, bytes: end - start, sizes: [4096])
            try streams.receive([stream: end], within: run.timeout(20))
            _ = try bed.peer.written(0, within: run.timeout(10))
        }
        return end
    }

    /// A socket filter that truncates a packet makes the kernel release the net_iovs behind the remaining bytes (`___pskb_trim()`); the sender
    /// sends those bytes again.
    private static func truncated(_ provider: Provider) -> Scenario {
        TrafficFamily.scenario(provider, "truncated", "packets of several net_iovs truncated by a socket filter, and sent again") { run in
            // More than the longest packet, so that others follow the truncated one.
            let portion: UInt64 = 200_000
            let bed = try run.makeTestBed()
            let streams = try provider.makeStreams(run, bed: bed)
            let socket = try bed.connect(run, 0)
            try socket.setReceiveBuffer(1 << 20)
            let pattern = PayloadPattern(seed: 580)
            let stream = streams.add(socket, pattern)
            try run.step("filter attached that truncates packets to 5000 bytes") { try PacketTruncation.begin(socket.rawValue, bytes: 5000) }
            // The first packets of a connection are shorter than that.
            var before: UInt64 = 0
            try run.step("writes of \(portion) bytes received and returned until a packet was truncated, and bytes are out of order") {
                let deadline = Deadline(seconds: run.timeout(20))
                while true {
                    try bed.peer.write(0, pattern, from: before, bytes: portion, sizes: [Int(portion)])
                    while try SocketReading.outOfOrderSegments(socket.rawValue) == 0, (try? socket.waitUnread(Int(portion), within: 0.02)) == nil {
                        guard !deadline.hasPassed else { throw ScenarioFailure("no byte is out of order, and not all bytes were received") }
                    }
                    if try SocketReading.outOfOrderSegments(socket.rawValue) > 0 { return }
                    before += portion
                    try streams.receive([stream: before], within: run.timeout(20))
                    _ = try bed.peer.written(0, within: run.timeout(10))
                    guard !deadline.hasPassed else { throw ScenarioFailure("no packet was truncated in \(before) bytes") }
                }
            }
            let bytes = before + portion
            try run.step("filter detached") { try PacketTruncation.end(socket.rawValue) }
            try run.step("all received and returned") { try streams.receive([stream: bytes], within: run.timeout(20)) }
            let total = try receiveMore(run, bed, streams, stream, pattern, from: bytes)
            try streams.finish(run, socket, sent: total)
        }
    }

    /// For a socket with IPV6_RECVPKTINFO the kernel clones each skb before it queues it, and merges the clone's net_iovs into the last skb of
    /// the queue: two skbs have the same net_iovs then, and each needs a reference (`tcp_v6_do_rcv()`, `skb_try_coalesce()`).
    private static func packetInfo(_ provider: Provider) -> Scenario {
        TrafficFamily.scenario(
            provider, "packet-info", "over IPv6 with IPV6_RECVPKTINFO: cloned skbs are merged in the receive queue", needs: [.removableInterface]
        ) { run in
            let bytes: UInt64 = 60_000
            let bed = try run.makeTestBed()
            let address = try bed.addIPv6(run)
            let streams = try provider.makeStreams(run, bed: bed)
            let socket = try bed.connect(run, 0, at: address)
            try socket.setReceiveBuffer(1 << 20)
            try socket.requestPacketInfo()
            let pattern = PayloadPattern(seed: 570)
            let stream = streams.add(socket, pattern)
            try run.step("\(bytes) bytes unread, each segment sent separately") { try bed.sendSegments(run, socket, pattern, 0..<bytes, of: 1000) }
            try run.step("all received and held") { try streams.receive([stream: bytes], hold: true, within: run.timeout(10)) }
            try run.userHolds(streams.heldNetIovs)
            try run.pools.observe()
            let total = try receiveMore(run, bed, streams, stream, pattern, from: bytes)
            run.payload = try streams.payload(sent: total)
            try streams.returnHeld(run)
            socket.close()
            try run.step("provider ended") { streams.end() }
        }
    }

    /// Receives with a limit deliver one net_iov in fragments, each with a reference of its own. A restart detaches the pool, so that its
    /// inflight count is exact.
    private static func shared(_ provider: Provider) -> Scenario {
        TrafficFamily.scenario(
            provider, "shared-buffers", "net_iovs delivered in fragments are released with the last fragment", detached: true,
            pools: ExpectedPools(count: 2, traffic: true), needs: [.queueReset]
        ) { run in
            let fragmented = try FragmentedStream(run, provider, seed: 500)
            let bytes = fragmented.bytes
            let (bed, streams, socket, stream, pattern) = fragmented.stream.parts
            let held = fragmented.netIovs
            var last: [UInt64: UInt64] = [:]
            for fragment in streams.held { last[fragment.netIov] = fragment.start }
            let lastStarts = last
            try run.step("all fragments of each net_iov returned, except the last one") {
                try streams.returnBuffers { lastStarts[$0.netIov] != $0.start }
                try streams.settle()
            }
            let total = try receiveMore(run, bed, streams, stream, pattern, from: bytes)
            try run.step("\(streams.held.count) last fragments are unchanged") { try streams.recheckHeld() }
            run.payload = try streams.payload(sent: total)
            try run.step("queue restarted") { try bed.resetQueue(mode: 1) }
            try run.expectDetachedInflight(
                held, of: provider, "the detached pool has \(held) net_iovs in flight: those whose last fragment the user holds")
            try run.userHolds(0)
            try run.step("last fragments returned") {
                try streams.returnBuffers()
                try streams.settle()
            }
            try run.expectDetachedInflight(0, of: provider, "no net_iov is in flight")
            socket.close()
            try run.step("provider ended") { streams.end() }
        }
    }
}
