// SPDX-License-Identifier: GPL-2.0

public import Results

/// One test of a buffer's life cycle: what it does, what it needs and what it expects.
public struct Scenario: Sendable {
    /// Stable dotted name; the part before the first dot is its group.
    public var id: String
    /// One line for `ppiov list`.
    public var summary: String
    public var tier: Tier
    public var needs: Set<Need>
    public var expectation: Expectation
    /// Seconds without a step that it may take before it counts as hung, before scaling; for all its steps together ten times as much.
    public var deadline: Double
    /// A check of the harness itself: it runs only where a pattern names it.
    public var hidden: Bool
    /// Run only with `--all`, or when named in full.
    public var thorough: Bool
    let body: @Sendable (ScenarioRun) throws -> Void

    init(
        _ id: String, _ summary: String, tier: Tier, needs: Set<Need>, expects expectation: Expectation, deadline: Double = 75,
        hidden: Bool = false, thorough: Bool = false, _ body: @escaping @Sendable (ScenarioRun) throws -> Void
    ) {
        self.id = id
        self.summary = summary
        self.tier = tier
        self.needs = needs
        self.expectation = expectation
        self.deadline = deadline
        self.hidden = hidden
        self.thorough = thorough
        self.body = body
    }

    /// The part of the name before the first dot.
    public var group: String { String(id.prefix { $0 != "." }) }

    /// Runs the scenario. The evidence is collected in `run`; an error is the step that failed.
    public func perform(_ run: ScenarioRun) throws { try body(run) }
}
