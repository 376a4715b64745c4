// SPDX-License-Identifier: GPL-2.0

/// Bindings that the kernel must refuse.
enum RefusalFamily {
    static let family = ScenarioFamily(
        "refusal", "bindings that the kernel must refuse, and that a refusal changes and leaks nothing",
        RefusalScenarios.all + DriverRefusalScenarios.all,
        reaches: ["netif_mp_open_rxq()", "netdev_nl_bind_rx_doit()", "io_register_zcrx()"])
}
