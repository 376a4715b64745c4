// SPDX-License-Identifier: GPL-2.0

/// Devmem TCP transmit.
enum TransmitFamily {
    static let family = ScenarioFamily(
        "transmit", "payload sent from a dma-buf is received by the peer, and the dma-buf is freed",
        TransmitScenarios.all,
        reaches: [
            "net_devmem_get_binding()",
            "zerocopy_fill_skb_from_devmem()",
            "validate_xmit_unreadable_skb()",
            "__net_devmem_dmabuf_binding_free()",
        ])
}
