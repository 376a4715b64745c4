// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// Actions of tc at the ingress hook, which see the packets after GRO and before IP.
enum TrafficControlScenarios {
    static let all: [Scenario] = Provider.ofNetIovs.flatMap { [edit($0), mirror($0), redirect($0)] }

    private static let bytes: UInt64 = 100_000

    private static func edit(_ provider: Provider) -> Scenario {
        IngressFamily.scenario(
            provider, "edit", "tc edits the IP header of every packet, and the socket accepts only those that were edited",
            needs: [.trafficControl]
        ) { run in
            let stream = try ProviderStream(run, provider, seed: 811)
            try IngressFamily.act(run, on: stream.bed, "tc sets the TTL to 255", IngressFamily.setTTL)
            try IngressFamily.receiveEdited(run, stream, bytes)
            try stream.end(run)
        }
    }

    /// The copy is a clone, whose net_iovs the device reads by DMA.
    private static func mirror(_ provider: Provider) -> Scenario {
        IngressFamily.scenario(
            provider, "mirror", "tc sends a copy of every packet out of the interface, which reads the net_iovs by DMA",
            needs: [.trafficControl, .removableInterface]
        ) { run in
            let stream = try ProviderStream(run, provider, seed: 812)
            try IngressFamily.act(run, on: stream.bed, "tc mirrors to the egress of the interface", [.mirrorToEgress(of: stream.bed.ifindex)])
            let before = try transmitted(stream.bed)
            try run.step("\(bytes) bytes received and returned") { try stream.receive(run, bytes) }
            let after = try transmitted(stream.bed)
            try run.expect(after - before >= Int(bytes), "the interface has sent as many bytes", "it has sent \(after - before)")
            try stream.end(run)
        }
    }

    private static func redirect(_ provider: Provider) -> Scenario {
        IngressFamily.scenario(
            provider, "redirect", "tc moves every packet to the ingress of another interface, from which the socket receives it",
            needs: [.trafficControl, .removableInterface]
        ) { run in
            let stream = try ProviderStream(run, provider, seed: 813)
            let id: UInt32 = 3
            let other = try run.step("netdevsim\(id) made and up") {
                let link = try Netdevsim.create(id: id, queues: 1)
                run.cleanUp("netdevsim\(id) removed") { try Netdevsim.remove(id: id) }
                try Links().set(link.ifindex, up: true)
                return link
            }
            let reader = try PacketReader.start(run, on: other.ifindex)
            try IngressFamily.act(
                run, on: stream.bed, "tc redirects to the ingress of netdevsim\(id)", [.redirectToIngress(of: other.ifindex)])
            try run.step("\(bytes) bytes received and returned") { try stream.receive(run, bytes) }
            try reader.expectHeaders(run)
            try stream.end(run)
        }
    }

    /// Bytes that the interface has sent.
    private static func transmitted(_ bed: any TestBed) throws -> Int {
        try IngressFamily.statistic(bed, "tx_bytes")
    }
}
