// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// A packet socket on the interface, as tcpdump has one: it gets the headers of what is in net_iovs, and no byte of the payload (`packet_rcv()`).
enum PacketReaderScenarios {
    static let all: [Scenario] = Provider.ofNetIovs.flatMap { [reader($0), editor($0)] }

    private static let bytes: UInt64 = 100_000

    private static func reader(_ provider: Provider) -> Scenario {
        IngressFamily.scenario(provider, "reader", "a packet socket reads every frame, and gets only headers") { run in
            let stream = try ProviderStream(run, provider, seed: 821)
            let reader = try PacketReader.start(run, on: stream.bed.ifindex)
            try run.step("\(bytes) bytes received and returned") { try stream.receive(run, bytes) }
            try reader.expectHeaders(run)
            try stream.end(run)
        }
    }

    /// The reader's clone is made first: it must not share the header that tc then edits.
    private static func editor(_ provider: Provider) -> Scenario {
        IngressFamily.scenario(
            provider, "reader-edit", "a packet socket reads every frame, and tc edits its IP header afterwards", needs: [.trafficControl]
        ) { run in
            let stream = try ProviderStream(run, provider, seed: 822)
            let reader = try PacketReader.start(run, on: stream.bed.ifindex)
            try IngressFamily.act(run, on: stream.bed, "tc sets the TTL to 255", IngressFamily.setTTL)
            try IngressFamily.receiveEdited(run, stream, bytes)
            try reader.expectHeaders(run)
            try stream.end(run)
        }
    }
}
