// SPDX-License-Identifier: GPL-2.0

/// Scenarios whose identifiers share the first dotted component: "zcrx.basic" and "zcrx.area" are of group "zcrx".
struct ResultGroup {
    var name: String
    var results: [ScenarioResult]

    /// In the order of each group's first result.
    static func groups(of results: [ScenarioResult]) -> [ResultGroup] {
        var groups: [ResultGroup] = []
        var places: [String: Int] = [:]
        for result in results {
            let name = String(result.scenario.prefix { $0 != "." })
            if let place = places[name] {
                groups[place].results.append(result)
            } else {
                places[name] = groups.count
                groups.append(ResultGroup(name: name, results: [result]))
            }
        }
        return groups
    }
}
