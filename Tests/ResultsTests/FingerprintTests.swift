// SPDX-License-Identifier: GPL-2.0

import Results
import Testing

@Suite struct FingerprintTests {
    private func result(_ verdict: ScenarioResult.Verdict, _ findings: [(Oracle, String)], reason: String? = nil) -> ScenarioResult {
        ScenarioResult(
            scenario: "a.b", tier: .netdevsim, provider: .zcrx, verdict: verdict, reason: reason,
            findings: findings.map { Finding(oracle: $0.0, message: $0.1) })
    }

    @Test func noFailureNoFingerprint() {
        #expect(Fingerprint.of(result(.pass, [])) == nil)
        #expect(Fingerprint.of(result(.skip, [], reason: "x")) == nil)
        #expect(Fingerprint.of(result(.xfail, [(.scenario, "step \"7\" failed")], reason: "x")) == nil)
    }

    @Test func numbersAndAddressesDoNotCount() {
        let one = result(.fail, [(.trace, "I7 all-released: pool 0xffff888002457800 (zcrx): held 448, released 272: 176 in flight")])
        let two = result(.fail, [(.trace, "I7 all-released: pool 0xffff8880024aa000 (zcrx): held 300, released 299: 1 in flight")])
        #expect(Fingerprint.of(one) == Fingerprint.of(two))
        #expect(Fingerprint.of(one) == "trace I7 all-released")
    }

    @Test func theMostSpecificFindingCounts() {
        let both = result(.fail, [(.scenario, "step \"7\" failed"), (.kernelLog, "warning: WARNING: a.c:3 at f [f:g]")])
        #expect(Fingerprint.of(both) == "kernel-log warning [f:g]")
        let other = result(.fail, [(.trace, "I2 hold-then-release: pool 0x1")])
        #expect(Fingerprint.of(both) != Fingerprint.of(other))
    }

    @Test func aCrashWithoutFindingsUsesTheReason() {
        #expect(Fingerprint.of(result(.crashed, [], reason: "hung: no report within 90.0 s")) == "crashed hung: no report within # s")
    }
}
