// SPDX-License-Identifier: GPL-2.0

/// The teardown matrix.
enum TeardownFamily {
    static let family = ScenarioFamily(
        "teardown", "every order of two endings, with the buffers in each place",
        MoveSequenceScenario.matrix,
        reaches: [
            "page_pool_destroy()",
            "page_pool_scrub()",
            "dev_memory_provider_uninstall()",
            "netif_mp_close_rxq()",
            "netdev_rx_queue_reconfig()",
            "io_pp_uninstall()",
            "io_close_queue()",
            "io_terminate_zcrx()",
            "io_zcrx_scrub_area()",
            "mp_dmabuf_devmem_uninstall()",
            "net_devmem_unbind_dmabuf()",
            "tcp_release_user_frags()",
            "default_device_exit_net()",
        ])
}
