// SPDX-License-Identifier: GPL-2.0

/// Every scenario there is, in the order they run.
public enum Catalogue {
    public static let all: [Scenario] =
        PageScenarios.all + ZeroCopyScenarios.all + DevmemScenarios.all + RefusalScenarios.all + NoDeviceScenarios.all
        + SelfTestScenarios.all

    /// The scenarios whose id matches `pattern`; hidden ones only where it names them without a wildcard before "selftest".
    ///
    /// - Parameter pattern: a shell glob over the whole id (`*`, `?`, `[...]`, as fnmatch(3)); nil for all but the hidden ones.
    public static func select(_ pattern: String?) -> [Scenario] {
        guard let pattern else { return all.filter { !$0.hidden } }
        return all.filter { scenario in
            (!scenario.hidden || pattern.hasPrefix("selftest")) && Glob.matches(pattern, scenario.id)
        }
    }

    public static func named(_ id: String) -> Scenario? { all.first { $0.id == id } }
}
