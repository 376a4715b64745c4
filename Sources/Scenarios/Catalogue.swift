// SPDX-License-Identifier: GPL-2.0

/// Scenarios that ask the same question.
public struct ScenarioFamily: Sendable {
    /// One word, for `ppiov list`.
    public var name: String
    /// What they ask.
    public var summary: String
    public var scenarios: [Scenario]

    init(_ name: String, _ summary: String, _ scenarios: [Scenario]) {
        self.name = name
        self.summary = summary
        self.scenarios = scenarios
    }
}

/// Every scenario there is, in the order they run.
public enum Catalogue {
    public static let families: [ScenarioFamily] = [
        ScenarioFamily(
            "life-cycle", "bind, receive, return, end: the plain life of a buffer",
            PageScenarios.all + ZeroCopyScenarios.all + DevmemScenarios.all + NoDeviceScenarios.all),
        ScenarioFamily("teardown", "every order of two endings, with the buffers in each place", MoveScenarios.teardown),
        ScenarioFamily("refusal", "what must be refused, and that the refusal leaves nothing behind", RefusalScenarios.all),
        ScenarioFamily("selftest", "the harness's test of itself", SelfTestScenarios.all),
    ]

    public static let all: [Scenario] = families.flatMap { $0.scenarios }

    /// The scenarios that a run takes.
    ///
    /// - Parameters:
    ///   - pattern: a shell glob over the whole id (`*`, `?`, `[...]`, as fnmatch(3)); nil for every id. Hidden scenarios only where
    ///     it names them without a wildcard before "selftest".
    ///   - thorough: those of `--all` too. One that is named in full is taken in any case.
    public static func select(_ pattern: String?, all thorough: Bool = false) -> [Scenario] {
        if let pattern, let drawn = MoveScenarios.soak(pattern) { return [drawn] }
        return all.filter { scenario in
            if scenario.id == pattern { return true }
            if scenario.hidden && pattern?.hasPrefix("selftest") != true { return false }
            return (thorough || !scenario.thorough) && pattern.map { Glob.matches($0, scenario.id) } != false
        }
    }

    /// The scenario of that id; one of "soak." is made from its moves.
    public static func named(_ id: String) -> Scenario? { byName[id] ?? MoveScenarios.soak(id) }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0) })
}
