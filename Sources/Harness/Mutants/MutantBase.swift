// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
import Scenarios

/// What the unmodified kernel is known to pass, by all that decides it: a failure under a mutant counts only where the same
/// scenario passes without.
struct MutantBase: Sendable {
    private let file: String
    private(set) var proven: Set<String>

    init(_ bench: Bench, cache: Cache) throws {
        let judge = try ContentHash.ofFile("/proc/self/exe")
        file = try cache.folder("mutants", "proven") + "/" + Cache.key([bench.kernel.key, bench.image.key, bench.qemuVersion, judge])
        proven = Set((Disk.text(file) ?? "").split(separator: "\n").map(String.init))
    }

    /// Those of the scenarios that it is not known of yet.
    func unknown(_ scenarios: [Scenario]) -> [Scenario] { scenarios.filter { !proven.contains($0.id) } }

    /// Writes down what passed, and what was skipped: a skip under a mutant catches nothing.
    ///
    /// - Throws: `HarnessError` of kind `.harness` where a scenario failed or crashed.
    mutating func note(_ results: [ScenarioResult], folder: String) throws {
        let red = results.compactMap(MutantResult.Catch.init)
        proven.formUnion(results.filter { $0.verdict == .pass || $0.verdict == .skip }.map(\.scenario))
        try Disk.write(proven.sorted().joined(separator: "\n"), to: file)
        guard !red.isEmpty else { return }
        throw HarnessError(
            .harness, "the unmodified kernel fails \(red.count) of the scenarios that the mutants are judged by: a table over that says nothing",
            hint: "mend the kernel or the scenario first; \(folder) has the evidence", evidence: red.map { "\($0.scenario)  \($0.oracle): \($0.message)" })
    }
}
