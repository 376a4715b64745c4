// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// Consumers on the way from the driver to the socket: they trim, edit, copy, queue or drop packets whose payload is in net_iovs.
enum IngressFamily {
    static let family = ScenarioFamily(
        "ingress", "consumers between the driver and the socket: trimming, tc, packet sockets, netfilter",
        TrimScenarios.all + TrafficControlScenarios.all + PacketReaderScenarios.all + NetfilterScenarios.all,
        reaches: [
            "pskb_trim_rcsum_slow()",
            "___pskb_trim()",
            "skb_ensure_writable()",
            "pskb_expand_head()",
            "packet_rcv()",
            "nfqnl_build_packet_message()",
            "nfulnl_log_packet()",
            "validate_xmit_unreadable_skb()",
        ])

    /// Sets the TTL, in the third word of the IPv4 header.
    static let setTTL: [IngressAction] = [.write(offset: 8, keep: 0x00ff_ffff, value: 0xff00_0000), .sumIPv4Header]

    /// A scenario of this family. Every byte of the payload is compared.
    static func scenario(
        _ provider: Provider, _ name: String, _ summary: String, zeroCopy: Bool = true, needs: Set<Need> = [],
        _ body: @escaping @Sendable (ScenarioRun) throws -> Void
    ) -> Scenario {
        Scenario(
            "ingress.\(provider.rawValue).\(name)", "\(provider.rawValue): \(summary)", tier: .netdevsim, needs: provider.needs.union(needs),
            expects: Expectation(
                provider: provider, minimumHolds: 256, zeroCopy: zeroCopy, payload: true, pools: ExpectedPools(traffic: true)), body)
    }

    /// Makes tc do `actions` with what the bed's interface receives, until the run is over.
    ///
    /// - Parameter what: for the name of the step.
    static func act(_ run: ScenarioRun, on bed: any TestBed, _ what: String, _ actions: [IngressAction]) throws {
        let ifindex = bed.ifindex
        try run.step(what) {
            let control = try TrafficControl()
            try control.addClsact(to: ifindex)
            run.cleanUp("clsact removed") { try TrafficControl().removeClsact(from: ifindex) }
            try control.addFilter(to: ifindex, actions)
        }
    }

    /// Adds a rule of nf_tables for what the bed's interface receives; it is deleted when the run is over at the latest.
    static func filter(_ run: ScenarioRun, on bed: any TestBed, _ what: String, _ rule: FilterRule) throws -> PacketFilter {
        let filter = try run.step(what) { try PacketFilter("ppiov", received: bed.ifindex, rule) }
        run.cleanUp("table deleted") { filter.close() }
        return filter
    }

    /// Sends and receives the next `bytes` of a stream while the socket accepts only packets whose TTL was edited: the peer sends with 64.
    static func receiveEdited(_ run: ScenarioRun, _ stream: ProviderStream, _ bytes: UInt64) throws {
        let minimum: CInt = 200
        try run.step("the socket requires a TTL of \(minimum)") { try stream.socket.requireTTL(atLeast: minimum) }
        try run.step("\(bytes) bytes received and returned") { try stream.receive(run, bytes) }
        // The end of the connection is not edited where the edit ends first.
        try stream.socket.requireTTL(atLeast: 0)
    }

    /// A counter of the bed's interface, such as "rx_bytes".
    static func statistic(_ bed: any TestBed, _ name: String) throws -> Int {
        let text = try KernelFile.read("/sys/class/net/\(bed.interface)/statistics/\(name)")
        guard let value = Int(text.prefix { $0.isNumber }) else { throw ScenarioFailure("\(name) of \(bed.interface) reads \"\(text)\"") }
        return value
    }
}
