// SPDX-License-Identifier: GPL-2.0

/// Areas of zcrx that are not one piece of ordinary memory.
enum ZcrxAreaFamily {
    static let family = ScenarioFamily(
        "zcrx-area", "zcrx areas: dma-bufs, added areas, more than 4 GiB, two queues of one ring",
        ZcrxAreaScenarios.all + ConcurrentAreaScenarios.all,
        reaches: [
            "io_import_dmabuf()",
            "zcrx_ctrl_add_area()",
            "io_zcrx_append_area()",
        ])
}
