// SPDX-License-Identifier: GPL-2.0

/// The basic life cycle of a buffer: of each provider, of ordinary pages, and of zcrx without a device.
enum LifeCycleFamily {
    static let family = ScenarioFamily(
        "life-cycle", "bind, receive, return, end: the basic life cycle of a buffer",
        PageScenarios.all + ZeroCopyScenarios.all
            + [NetlinkReportScenarios.zcrx, NetlinkReportScenarios.zcrxInDumps, NetlinkReportScenarios.removed, SecondQueueScenarios.zcrx]
            + DevmemScenarios.all + [NetlinkReportScenarios.devmem, NetlinkReportScenarios.devmemInDumps, SecondQueueScenarios.devmem]
            + NoDeviceScenarios.all,
        reaches: [
            "page_pool_init()",
            "page_pool_alloc_netmems()",
            "page_pool_put_unrefed_netmem()",
            "page_pool_return_netmem()",
            "page_pool_release()",
            "io_pp_zc_alloc_netmems()",
            "io_zcrx_ring_refill()",
            "io_zcrx_scrub_area()",
            "mp_dmabuf_devmem_alloc_netmems()",
            "tcp_recvmsg_dmabuf()",
            "sock_devmem_dontneed()",
            "netdev_nl_page_pool_event()",
            "page_pool_nl_fill()",
            "netdev_nl_queue_fill_one()",
        ])
}
