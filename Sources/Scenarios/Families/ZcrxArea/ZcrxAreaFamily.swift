// SPDX-License-Identifier: GPL-2.0

/// zcrx areas of other memory than one range of ordinary pages, and several areas of a queue.
enum ZcrxAreaFamily {
    static let family = ScenarioFamily(
        "zcrx-area", "zcrx areas: dma-bufs, added areas, more than 4 GiB, two queues of one ring",
        ZcrxAreaScenarios.all + ConcurrentAreaScenarios.all,
        reaches: ["io_import_dmabuf()", "zcrx_ctrl_add_area()", "io_zcrx_append_area()"])
}
