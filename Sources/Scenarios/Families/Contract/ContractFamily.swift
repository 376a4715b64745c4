// SPDX-License-Identifier: GPL-2.0

/// The results of refused requests, compared with the table of the kernel version.
enum ContractFamily {
    static let family = ScenarioFamily(
        "contract", "every refusal, its errno and extack, in the order of the checks",
        ContractScenarios.all,
        reaches: [
            "netdev_nl_bind_rx_doit()",
            "netdev_nl_bind_tx_doit()",
            "net_devmem_bind_dmabuf()",
            "io_register_zcrx()",
            "io_zcrx_ctrl()",
            "netif_mp_open_rxq()",
        ])
}
