// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
import Scenarios

/// What the unmodified kernel is known to pass, by all that decides it: a failure under a mutant counts only where the same
/// scenario passes without.
struct MutantBase: Sendable {
    private let key: String
    private let file: String

    init(_ bench: Bench, cache: Cache) throws {
        let judge = try ContentHash.ofFile("/proc/self/exe")
        try self.init(key: Cache.key([bench.kernel.key, bench.image.key, bench.qemuVersion, judge]), cache: cache)
    }

    init(key: String, cache: Cache) throws {
        self.key = key
        file = try cache.folder("mutants", "proven") + "/" + key
    }

    /// The scenarios that it is known to pass, to skip, or to fail as its version is known to.
    var proven: Set<String> { Set((Files.text(file) ?? "").split(separator: "\n").map(String.init)) }

    /// Does what nobody else should do meanwhile: to prove, and to write down what was proven.
    func locked(_ cache: Cache, _ body: () async throws -> Void) async throws { try await cache.locked("proven-" + key, body: body) }

    /// Writes down what did not fail. A skip under a mutant catches nothing, nor does a known bug. The caller holds the lock.
    ///
    /// - Throws: `HarnessError` of kind `.harness` where a scenario failed or crashed.
    func note(_ results: [ScenarioResult], folder: String) throws {
        let red = results.compactMap(MutantResult.Catch.init)
        let green = results.filter { MutantResult.Catch($0) == nil }.map(\.scenario)
        try Files.write(proven.union(green).sorted().joined(separator: "\n"), to: file)
        guard !red.isEmpty else { return }
        throw HarnessError(
            .harness, "the unmodified kernel fails \(red.count) of the scenarios that the mutants are judged by: a table over that says nothing",
            hint: "mend the kernel or the scenario first; \(folder) has the evidence",
            evidence: red.map { "\($0.scenario)  \($0.oracle): \($0.message)" })
    }
}
