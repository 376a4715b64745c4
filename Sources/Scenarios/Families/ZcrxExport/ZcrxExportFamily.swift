// SPDX-License-Identifier: GPL-2.0

/// zcrx queues that several rings share.
enum ZcrxExportFamily {
    static let family = ScenarioFamily(
        "zcrx-export", "zcrx queues exported and imported between rings and processes",
        ZcrxExportScenarios.all,
        reaches: ["zcrx_export()", "import_zcrx()", "zcrx_unregister_user()"])
}
