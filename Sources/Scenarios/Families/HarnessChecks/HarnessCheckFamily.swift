// SPDX-License-Identifier: GPL-2.0

/// Hidden scenarios that end in ways that the harness must report.
enum HarnessCheckFamily {
    static let family = ScenarioFamily(
        "harness", "hidden scenarios that check the harness",
        HarnessCheckScenarios.all)
}
