// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
import Scenarios

/// The scenarios that the unmodified kernel has passed, stored under the key of kernel, image, QEMU and ppiov: a failure of a mutant
/// counts only where the same scenario passes without the mutant.
struct MutantBaseline: Sendable {
    private let key: String
    private let file: String

    init(_ machine: PreparedMachine, cache: Cache) throws {
        let judge = try ContentHash.ofFile("/proc/self/exe")
        try self.init(key: Cache.key([machine.kernel.key, machine.image.key, machine.qemuVersion, judge]), cache: cache)
    }

    init(key: String, cache: Cache) throws {
        self.key = key
        file = try cache.folder("mutants", "proven") + "/" + key
    }

    /// Scenarios that passed, were skipped, or had a known failure of this kernel version.
    var proven: Set<String> { Set((Files.text(file) ?? "").filledLines.map(String.init)) }

    /// Runs `body` as the only one that extends this baseline.
    func locked(_ cache: Cache, _ body: () async throws -> Void) async throws { try await cache.locked("proven-" + key, body: body) }

    /// Stores the scenarios that did not fail. A skip or a known bug does not catch a mutant. The caller holds the lock.
    ///
    /// - Throws: `HarnessError` of kind `.harness` where a scenario failed or crashed.
    func note(_ results: [ScenarioResult], folder: String) throws {
        let failed = results.compactMap(FirstFailure.init)
        let passed = results.filter { FirstFailure($0) == nil }.map(\.scenario)
        try Files.write(proven.union(passed).sorted().joined(separator: "\n"), to: file)
        guard !failed.isEmpty else { return }
        throw HarnessError(
            .harness,
            "\(failed.count) of the scenarios that judge the mutants fail on the unmodified kernel: their failures would prove nothing about a mutant",
            hint: "fix the kernel or the scenario first; \(folder) has the evidence",
            evidence: failed.map(\.line))
    }
}
