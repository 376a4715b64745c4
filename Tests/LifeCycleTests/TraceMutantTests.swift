// SPDX-License-Identifier: GPL-2.0

import Testing
import TraceForms

/// A small share of what `trace-mutants` tries (CONTRIBUTING.md).
@Suite struct TraceMutantTests {
    @Test("a changed trace does not conform, and no bytes stop the checker", arguments: 0..<8 as Range<UInt64>)
    func mutants(_ share: UInt64) {
        for seed in share * 40..<(share + 1) * 40 {
            var mutant = TraceMutant(seed: seed)
            let fault = mutant.examine()
            #expect(fault == nil, "seed \(seed)")
        }
    }
}
