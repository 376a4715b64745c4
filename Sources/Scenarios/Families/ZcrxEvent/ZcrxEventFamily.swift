// SPDX-License-Identifier: GPL-2.0

/// Events of an interface queue, and its count of copied bytes.
enum ZcrxEventFamily {
    static let family = ScenarioFamily(
        "zcrx-event", "zcrx events, and counts of copied bytes",
        ZcrxEventScenarios.all,
        reaches: ["zcrx_send_notif()", "zcrx_notif_tw()", "zcrx_arm_notif()"])
}
