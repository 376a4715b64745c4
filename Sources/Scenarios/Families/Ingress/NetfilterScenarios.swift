// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// Rules of nf_tables for packets on the way to the socket (hook `NF_INET_LOCAL_IN`).
enum NetfilterScenarios {
    static let all: [Scenario] = Provider.ofNetIovs.flatMap { [queue($0), queueOfSegments($0), queueOfMerged($0), log($0), edit($0), drop($0)] }

    private static let bytes: UInt64 = 100_000
    private static let number: UInt16 = 7

    /// Packets as GRO or the peer's TCP made them, which the reader takes whole (`NFQA_CFG_F_GSO`).
    private static func queue(_ provider: Provider) -> Scenario {
        IngressFamily.scenario(
            provider, "queue", "a reader in user space lets every packet continue, and gets only headers", needs: [.netfilter]
        ) { run in
            let stream = try ProviderStream(run, provider, seed: 831)
            let reader = try PacketReader.start(run, queue: number, segments: true)
            let filter = try IngressFamily.filter(run, on: stream.bed, "every packet goes to queue \(number)", .queue(number))
            try run.step("\(bytes) bytes received and returned") { try stream.receive(run, bytes) }
            filter.close()
            try reader.expectHeaders(run)
            try stream.end(run)
        }
    }

    /// Single segments whose sum the device has reported: there is nothing to segment and nothing to sum.
    private static func queueOfSegments(_ provider: Provider) -> Scenario {
        IngressFamily.scenario(
            provider, "queue-segments", "a reader that takes no packets to be segmented lets single segments continue, and gets only headers",
            needs: [.netfilter, .removableInterface]
        ) { run in
            let (count, length) = (60, 1200)
            let sent = UInt64(count * length)
            let bed = try run.makeTestBed()
            let streams = try provider.makeStreams(run, bed: bed)
            let socket = try bed.connectRawTCP(run)
            let pattern = PayloadPattern(seed: 832)
            let stream = streams.add(socket, pattern)
            let reader = try PacketReader.start(run, queue: number, segments: false)
            let filter = try IngressFamily.filter(run, on: bed, "every packet goes to queue \(number)", .queue(number))
            try run.step("\(count) segments of \(length) bytes received and returned") {
                for index in 0..<count {
                    try bed.peer.sendSegments(pattern, from: index * length, count: 1, length: length, within: run.timeout(20))
                    try streams.receive([stream: UInt64((index + 1) * length)], within: run.timeout(10))
                }
            }
            filter.close()
            try reader.expectHeaders(run)
            try streams.finish(run, socket, sent: sent)
        }
    }

    /// A packet that is to be segmented, for a reader that does not take such packets: the kernel segments it before (`nfqnl_enqueue_packet()`),
    /// with no device's help, so that `skb_segment()` copies the payload. Where that is refused the peer sends single segments.
    private static func queueOfMerged(_ provider: Provider) -> Scenario {
        IngressFamily.scenario(
            provider, "queue-merged", "a reader that takes no packets to be segmented, and a packet that is: no wrong byte is received",
            needs: [.netfilter, .removableInterface]
        ) { run in
            let length = 20_000
            let bed = try run.makeTestBed()
            let streams = try provider.makeStreams(run, bed: bed)
            let socket = try bed.connectRawTCP(run)
            let pattern = PayloadPattern(seed: 836)
            let stream = streams.add(socket, pattern)
            try run.pools.observe()
            _ = try PacketReader.start(run, queue: number, segments: false)
            let filter = try IngressFamily.filter(run, on: bed, "every packet goes to queue \(number)", .queue(number))
            try run.step("\(length) bytes received and returned") {
                try bed.peer.perform(
                    .sendLarge(seed: pattern.seed, PeerSegment(offset: 0, length: length), linear: 0), within: run.timeout(20))
                try streams.receive([stream: UInt64(length)], within: run.timeout(10))
            }
            filter.close()
            try streams.finish(run, socket, sent: UInt64(length))
        }
    }

    private static func log(_ provider: Provider) -> Scenario {
        IngressFamily.scenario(provider, "log", "a reader in user space gets a copy of every packet, only headers", needs: [.netfilter]) { run in
            let stream = try ProviderStream(run, provider, seed: 833)
            let reader = try PacketReader.start(run, log: number)
            let filter = try IngressFamily.filter(run, on: stream.bed, "every packet is logged to group \(number)", .log(group: number))
            try run.step("\(bytes) bytes received and returned") { try stream.receive(run, bytes) }
            filter.close()
            try reader.expectHeaders(run)
            try stream.end(run)
        }
    }

    private static func edit(_ provider: Provider) -> Scenario {
        IngressFamily.scenario(
            provider, "filter-edit", "nf_tables edits the IP header of every packet, and the socket accepts only those that were edited",
            needs: [.netfilter]
        ) { run in
            let stream = try ProviderStream(run, provider, seed: 834)
            // The TTL, and the protocol behind it: TCP.
            let filter = try IngressFamily.filter(run, on: stream.bed, "nf_tables sets the TTL to 255", .write(offset: 8, 255, 6))
            try IngressFamily.receiveEdited(run, stream, bytes)
            filter.close()
            try stream.end(run)
        }
    }

    /// The net_iovs of a dropped packet are released, and the peer sends its payload again.
    private static func drop(_ provider: Provider) -> Scenario {
        IngressFamily.scenario(provider, "drop", "nf_tables drops what is received, and the peer sends it again", needs: [.netfilter]) { run in
            let stream = try ProviderStream(run, provider, seed: 835)
            let filter = try IngressFamily.filter(run, on: stream.bed, "every packet is dropped", .drop)
            let (before, segments) = (try IngressFamily.statistic(stream.bed, "rx_bytes"), try TCPCounters.segmentsIn())
            try run.step("\(bytes) bytes sent, and some received by the interface") {
                try stream.bed.peer.write(0, stream.pattern, bytes: bytes, sizes: [4096])
                try run.wait(orFail: "the interface has received nothing", timeout: 10) {
                    try IngressFamily.statistic(stream.bed, "rx_bytes") - before > 4096
                }
            }
            let passed = try TCPCounters.segmentsIn() - segments
            try run.expect(passed == 0, "TCP has received nothing", "it has received \(passed) segments")
            filter.close()
            try run.step("all received and returned") {
                try stream.streams.receive([stream.stream: bytes], within: run.timeout(20))
                _ = try stream.bed.peer.written(0, within: run.timeout(10))
            }
            try stream.end(run)
        }
    }
}
