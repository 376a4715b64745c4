// SPDX-License-Identifier: GPL-2.0

/// Hidden scenarios that end in ways which the harness must report.
enum HarnessCheckFamily {
    static let family = ScenarioFamily(
        "harness", "hidden scenarios that test the harness itself",
        HarnessCheckScenarios.all)
}
