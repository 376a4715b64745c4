// SPDX-License-Identifier: GPL-2.0

internal import Results

/// Every scenario, in the order in which they run.
public enum Catalogue {
    public static let families: [ScenarioFamily] = [
        LifeCycleFamily.family, TeardownFamily.family, RefusalFamily.family, ContractFamily.family, TransmitFamily.family, FaultFamily.family,
        TrafficFamily.family, IngressFamily.family, RestartFamily.family, RebindFamily.family, ResourceFamily.family, HostileFamily.family,
        ZcrxAreaFamily.family,
        LargeBufferFamily.family, ZcrxRefusalFamily.family, ZcrxEventFamily.family, ZcrxExportFamily.family, HarnessCheckFamily.family,
    ]

    public static let all: [Scenario] = families.flatMap { $0.scenarios }

    /// The scenarios of a run.
    ///
    /// - Parameters:
    ///   - pattern: a shell glob over the whole id (`*`, `?`, `[...]`, as fnmatch(3)); nil for every id. Hidden scenarios only where
    ///     it begins with "harness.".
    ///   - thorough: those of `--all` too. A scenario whose whole id is given runs in any case.
    public static func select(_ pattern: String?, all thorough: Bool = false) -> [Scenario] {
        if let pattern, let drawn = MoveSequenceScenario.named(pattern) { return [drawn] }
        return all.filter { scenario in
            if scenario.id == pattern { return true }
            if scenario.hidden && pattern?.hasPrefix("harness.") != true { return false }
            return (thorough || !scenario.thorough) && pattern.map { Glob.matches($0, scenario.id) } != false
        }
    }

    /// The scenarios that any of several patterns matches, each once, in the catalogue's order; all where there is no pattern.
    ///
    /// - Throws: `NoScenario` for the first pattern that matches none: a misspelt pattern among others must be reported.
    public static func select(any patterns: [String], all thorough: Bool = false) throws(NoScenario) -> [Scenario] {
        guard !patterns.isEmpty else { return select(nil, all: thorough) }
        var taken: [String: Scenario] = [:]
        var drawn: [Scenario] = []
        for pattern in patterns {
            var found = select(pattern, all: thorough)
            if found.isEmpty {
                found = renamed(pattern, all: thorough).compactMap { named($0.new) }
            }
            guard !found.isEmpty else {
                throw NoScenario(pattern: pattern, thorough: thorough ? 0 : select(pattern, all: true).count + renamed(pattern, all: true).count)
            }
            for scenario in found where taken.updateValue(scenario, forKey: scenario.id) == nil && byName[scenario.id] == nil {
                drawn.append(scenario)
            }
        }
        return all.filter { taken[$0.id] != nil } + drawn
    }

    /// The old ids that `select(any:all:)` takes for a pattern: none where it matches a present id.
    public static func renamed(_ pattern: String, all thorough: Bool = false) -> [RenamedScenario] {
        if all.contains(where: { Glob.matches(pattern, $0.id) }) { return [] }
        return RenamedScenario.matching(pattern).filter { renamed in
            renamed.old == pattern || thorough || named(renamed.new)?.thorough == false
        }
    }

    /// The scenario of that id; one of "soak." is made from its moves.
    public static func named(_ id: String) -> Scenario? { byName[id] ?? MoveSequenceScenario.named(id) }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0) })
}

/// A pattern that matches no scenario.
public struct NoScenario: Error, CustomStringConvertible {
    public let pattern: String
    /// How many it would match with `--all`.
    public let thorough: Int

    public var description: String {
        "no scenario matches \"\(pattern)\"" + (thorough == 0 ? "" : ", but with --all \(thorough) do\(thorough == 1 ? "es" : "")")
    }
}
