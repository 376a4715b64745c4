// SPDX-License-Identifier: GPL-2.0

/// Pinned memory, locked memory, descriptors, and leaked kernel memory.
enum ResourceFamily {
    static let family = ScenarioFamily(
        "resources", "accounted memory, descriptors and kernel memory: over many rounds, under a limit, and by kmemleak",
        ResourceScenarios.all,
        reaches: ["io_account_mem()", "io_unaccount_mem()", "io_zcrx_ifq_free()", "io_zcrx_free_area()"])
}
