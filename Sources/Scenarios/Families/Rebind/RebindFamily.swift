// SPDX-License-Identifier: GPL-2.0

/// Bindings made after the end of another binding.
enum RebindFamily {
    static let family = ScenarioFamily(
        "rebind", "bound again at once after each kind of end",
        RebindScenarios.all,
        reaches: ["__netif_mp_open_rxq()", "__netif_mp_close_rxq()", "io_close_queue()", "net_devmem_unbind_dmabuf()"])
}
