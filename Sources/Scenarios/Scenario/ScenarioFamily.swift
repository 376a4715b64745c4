// SPDX-License-Identifier: GPL-2.0

/// Scenarios that ask the same question.
public struct ScenarioFamily: Sendable {
    /// One word, for `ppiov list`.
    public var name: String
    /// What they ask.
    public var summary: String
    public var scenarios: [Scenario]
    /// Functions of the kernel whose behaviour they are about.
    public var reaches: [String]

    init(_ name: String, _ summary: String, _ scenarios: [Scenario], reaches: [String] = []) {
        self.name = name
        self.summary = summary
        self.scenarios = scenarios
        self.reaches = reaches
    }
}
