// SPDX-License-Identifier: GPL-2.0

/// Receive buffers larger than a page, of both providers.
enum LargeBufferFamily {
    static let family = ScenarioFamily(
        "large-buffers", "receive buffers larger than a page",
        LargeBufferScenarios.all,
        reaches: ["io_import_area()", "netdev_rx_queue_restart()"])
}
