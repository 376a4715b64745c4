// SPDX-License-Identifier: GPL-2.0

/// Scenarios that check the same behaviour.
public struct ScenarioFamily: Sendable {
    /// One word, for `ppiov list`.
    public var name: String
    /// What they check, in one line.
    public var summary: String
    public var scenarios: [Scenario]
    /// Functions of the kernel that they test.
    public var reaches: [String]

    init(_ name: String, _ summary: String, _ scenarios: [Scenario], reaches: [String] = []) {
        self.name = name
        self.summary = summary
        self.scenarios = scenarios
        self.reaches = reaches
    }
}
