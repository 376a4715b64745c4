// SPDX-License-Identifier: GPL-2.0

import Results

/// Payload in writes and segments of many sizes and orders, received in the buffers of a provider.
enum TrafficFamily {
    static let family = ScenarioFamily(
        "traffic", "payload of many sizes and orders, received in the buffers of a provider",
        TrafficScenarios.all + FragmentScenarios.all + GROScenarios.all + CopyFallbackScenarios.all + LoopbackCopyScenarios.all + ReturnScenarios.all
            + CapacityScenarios.all
            + UnreadableReaderScenarios.all,
        reaches: [
            "io_zcrx_recv_skb()",
            "io_zcrx_recv_frag()",
            "io_zcrx_copy_chunk()",
            "tcp_recvmsg_dmabuf()",
            "skb_try_coalesce()",
            "napi_pp_put_page()",
        ])

    /// A scenario of this family. Every byte of the payload is compared.
    static func scenario(
        _ provider: Provider, _ name: String, _ summary: String, minimumHolds: Int = 256, zeroCopy: Bool = true, detached: Bool = false,
        pools: ExpectedPools = ExpectedPools(traffic: true), needs: Set<Need> = [], thorough: Bool = false,
        _ body: @escaping @Sendable (ScenarioRun) throws -> Void
    ) -> Scenario {
        Scenario(
            "traffic.\(provider.rawValue).\(name)", "\(provider.rawValue): \(summary)", tier: .netdevsim, needs: provider.needs.union(needs),
            expects: Expectation(
                provider: provider, minimumHolds: minimumHolds, zeroCopy: zeroCopy, detachedPool: detached, payload: true, pools: pools),
            thorough: thorough, body)
    }

    /// The user holds every net_iov of an area of 512 pages that the driver has not posted, and returns all.
    static func returnAllNotPosted(_ run: ScenarioRun, _ streams: MultiStreamReceiver) throws {
        try run.expect(
            streams.heldNetIovs == 512 - Netdevsim.ringSize, "the user holds every net_iov that is not posted",
            "it holds \(streams.heldNetIovs) of \(512 - Netdevsim.ringSize)")
        try run.step("all returned and flushed") {
            try streams.returnBuffers()
            try streams.settle()
        }
    }
}
