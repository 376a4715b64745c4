// SPDX-License-Identifier: GPL-2.0

import Results

/// User space that writes invalid entries to the refill ring, and returns invalid tokens.
enum HostileFamily {
    static let family = ScenarioFamily(
        "hostile", "invalid refill ring entries and tokens from user space, which the kernel must handle",
        HostileRefillScenarios.all + HostileUserScenarios.all + HostileTokenScenarios.all,
        reaches: ["io_parse_rqe()", "io_zcrx_ring_refill()", "zcrx_flush_rq()", "sock_devmem_dontneed()", "tcp_release_user_frags()"])

    /// What a scenario with a hostile refill ring needs.
    static let needs = Provider.zcrx.needs.union([.removableInterface, .zcrxFlush])
    static let expectation = Expectation(
        provider: .zcrx, minimumHolds: AreaMemory.smallPages, zeroCopy: true, payload: true, pools: pools)
    /// Of a small area on a netdevsim: each net_iov is held once, by one pool.
    static let pools = ExpectedPools(buffers: UInt64(AreaMemory.smallPages), traffic: true)
    static let needsWithoutDevice: Set<Need> = [.zcrx, .zcrxNoDevice, .zcrxStatistics, .zcrxFlush]
}
