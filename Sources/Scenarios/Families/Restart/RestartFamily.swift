// SPDX-License-Identifier: GPL-2.0

/// Restarts and reconfigurations of a bound queue.
enum RestartFamily {
    static let family = ScenarioFamily(
        "restart", "bound queues that are restarted, reconfigured and set down",
        RestartScenarios.all + DriverRestartScenarios.all,
        reaches: [
            "netdev_rx_queue_restart()",
            "netdev_rx_queue_reconfig()",
            "ethtool_check_max_channel()",
            "page_pool_disable_direct_recycling()",
        ])
}
