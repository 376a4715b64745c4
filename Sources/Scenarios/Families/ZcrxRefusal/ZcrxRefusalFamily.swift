// SPDX-License-Identifier: GPL-2.0

/// Registrations of zcrx that the kernel must refuse.
enum ZcrxRefusalFamily {
    static let family = ScenarioFamily(
        "zcrx-refusal", "zcrx registrations that the kernel must refuse, and that the queue is unchanged",
        ZcrxRefusalScenarios.all,
        reaches: ["io_register_zcrx()", "io_zcrx_create_area()"])
}
