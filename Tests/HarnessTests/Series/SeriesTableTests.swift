// SPDX-License-Identifier: GPL-2.0

import Results
import TestSupport
import Testing

@testable import Harness

@Suite struct SeriesTableTests {
    private func result(
        _ verdict: ScenarioResult.Verdict, _ scenario: String = "zcrx.held", _ message: String = "I7 x: pool", pools: [PoolAccount] = []
    ) -> ScenarioResult {
        ScenarioResult(
            scenario: scenario, tier: .netdevsim, provider: .zcrx, verdict: verdict,
            findings: verdict == .fail ? [Finding(oracle: .trace, message: message)] : [], accounts: pools)
    }

    private func patch(_ number: Int, _ verdict: PatchResult.Verdict, _ results: [ScenarioResult] = [], warnings: [String] = []) -> PatchResult {
        var patch = PatchResult(number: number, subject: "p\(number)", verdict: verdict)
        patch.failures = results.compactMap(FirstFailure.init)
        patch.warnings = warnings
        return patch
    }

    @Test func theFirstToBreakIsThePatchThatIntroducesAFailure() {
        let table = SeriesTable(
            source: "s",
            [
                patch(0, .passed), patch(1, .passed), patch(2, .failed, [result(.fail)]),
                patch(3, .failed, [result(.fail), result(.fail, "zcrx.idle")]),
            ])
        #expect(table.firstToBreak?.number == 2)
        #expect(table.firstToBreak?.what.contains("zcrx.held  trace: I7 x") == true)
        #expect(table.exitCode == .failed)
    }

    @Test func aFailureFromBeforeCountsOnlyWhereItChanged() {
        let same = SeriesTable(source: "s", [patch(0, .failed, [result(.fail)]), patch(1, .failed, [result(.fail)])])
        #expect(same.firstToBreak == nil)
        #expect(same.exitCode == .failed)
        let other = SeriesTable(source: "s", [patch(0, .failed, [result(.fail)]), patch(1, .failed, [result(.fail, "zcrx.held", "I2 y: pool")])])
        #expect(other.firstToBreak?.number == 1)
    }

    @Test func aKnownBugCountsWhereTheTreeBeforeDidNotHaveIt() {
        func known(_ number: Int, _ scenarios: [String], _ verdict: PatchResult.Verdict = .passed) -> PatchResult {
            var result = patch(number, verdict)
            result.xfailed = scenarios
            return result
        }
        let back = SeriesTable(source: "s", [known(0, []), known(1, []), known(2, ["a"])])
        #expect(back.firstToBreak?.number == 2 && back.firstToBreak?.what.hasPrefix("a ") == true && back.exitCode == .failed)
        let there = SeriesTable(source: "s", [known(0, ["a"]), known(1, ["a"]), known(2, [])])
        #expect(there.firstToBreak == nil && there.exitCode == .passed)
        #expect(SeriesTable(source: "s", [known(0, [], .skipped), known(1, ["a"])]).firstToBreak == nil)
    }

    @Test func aFailedBuildAFailedBootAndAWarningCountToo() {
        #expect(SeriesTable(source: "s", [patch(0, .passed), patch(1, .doesNotBuild), patch(2, .passed)]).firstToBreak?.what == "does not build")
        #expect(SeriesTable(source: "s", [patch(0, .passed), patch(1, .doesNotBoot)]).firstToBreak?.what == "does not boot")
        let warned = SeriesTable(source: "s", [patch(0, .passed), patch(1, .passed, warnings: ["x.c: unused"])])
        #expect(warned.firstToBreak?.what == "a new warning: x.c: unused")
        #expect(warned.exitCode == .failed)
        #expect(SeriesTable(source: "s", [patch(0, .passed), patch(1, .passed)]).exitCode == .passed)
        #expect(SeriesTable(source: "s", [patch(0, .skipped), patch(1, .skipped)]).exitCode == .nothingRan)
    }

    @Test func aScenarioThatIsSkippedSinceAPatchCounts() {
        func skipping(_ number: Int, _ names: [String]) -> PatchResult {
            var result = patch(number, .passed)
            result.skipped = Dictionary(uniqueKeysWithValues: names.map { ($0, "no reason") })
            return result
        }
        let lost = SeriesTable(source: "s", [skipping(0, ["a"]), skipping(1, ["a"]), skipping(2, ["a", "b"])])
        #expect(lost.firstToBreak?.number == 2 && lost.firstToBreak?.what == "b  is skipped now: no reason" && lost.exitCode == .failed)
        #expect(SeriesTable(source: "s", [skipping(0, ["a", "b"]), skipping(1, ["a"])]).exitCode == .passed)
        let compared = SeriesComparison(source: "s", before: [result(.pass, "a")], after: [result(.skip, "a")])
        #expect(compared.exitCode == .failed)
    }

    @Test func warningsAreComparedWithoutTheirLines() {
        let log =
            "  CC x.o\n/s/net/x.c:12:3: warning: unused variable 'a' [-Wunused]\n/s/net/x.c:14:3: warning: unused variable 'a' [-Wunused]\nld: warning: odd\nerror: no\nmake[2]: warning: Clock skew detected.\n"
        #expect(CompilerWarnings.of(log) == ["/s/net/x.c: unused variable 'a' [-Wunused]", "ld: odd"])
    }

    @Test func warningsOfObjectsThatAreNotCompiledAgainAreKept() throws {
        let scratch = try TemporaryFolder()
        let objects = scratch.path + "/o"
        var warnings = BuildWarnings(of: objects)
        for name in ["net/a.o", "net/b.o", "net/c.o"] { try scratch.write("o/" + name, "") }
        // The compiler prints the source line; the lines after it are of the same step.
        warnings.add(
            "  CC      net/a.o\n/s/net/a.c:1:2: warning: one\n   22 | int a;\n      |     ^\n/s/net/a.c:3:2: warning: one and a half\n  CC      net/b.o\n"
                + "/s/net/h.h:1:2: warning: two\n  CC      net/c.o\n  LD      vmlinux.o\nld: warning: three\n  CALL    scripts/check.sh\n<stdin>:1: warning: loud\n",
            source: "/s")
        // vmlinux.o does not exist; a script makes no object.
        let first = ["<stdin>: loud", "net/a.c: one", "net/a.c: one and a half", "net/h.h: two"]
        #expect(warnings.all(in: objects) == first)
        // Nothing is compiled: the record is unchanged.
        warnings.add("make: nothing to be done\n  CALL    scripts/check.sh\n", source: "/s")
        #expect(warnings.all(in: objects) == Array(first.dropFirst()))
        // One object is compiled without warnings, another with one; a third is no longer linked.
        warnings.add("  CC      net/a.o\n  CC [M]  net/c.o\n/s/net/c.c:9:9: warning: four\n", source: "/s")
        #expect(warnings.all(in: objects, linked: ["net/a.o", "net/c.o"]) == ["net/c.c: four"])
        try scratch.remove("o/net/b.o")
        #expect(warnings.all(in: objects) == ["net/c.c: four"])
        try warnings.save(objects)
        #expect(BuildWarnings(of: objects) == warnings)
        // The warnings of a folder without a record are not known.
        try scratch.remove("o.warnings")
        #expect(BuildWarnings(of: objects).all(in: objects) == nil)
    }

    @Test func aComparisonShowsWhatChanged() {
        func account(_ peak: UInt64, _ drain: UInt64) -> PoolAccount {
            PoolAccount(
                pool: 1, provider: .zcrx, holds: peak, releases: peak, netIovHolds: peak, netIovReleases: peak, peakInflight: peak, freed: true,
                drainTime: drain)
        }
        let before = [result(.pass, "a", pools: [account(100, 1000)]), result(.fail, "b"), result(.pass, "c"), result(.skip, "d")]
        let after = [result(.pass, "a", pools: [account(300, 9000)]), result(.fail, "b"), result(.fail, "c"), result(.skip, "d")]
        let comparison = SeriesComparison(source: "s", before: before, after: after)
        #expect(comparison.changes.map(\.scenario) == ["c"])
        #expect(comparison.changes[0].isWorse)
        #expect(comparison.pools.first?.after.longestDrain == 9000)
        #expect(comparison.peaks.map(\.after) == [300])
        #expect(comparison.exitCode == .failed)
        #expect(SeriesComparison(source: "s", before: after, after: before).exitCode == .passed)
        // A known failure of the version counts as worse only where the scenario passed before.
        for (was, isWorse) in [(ScenarioResult.Verdict.pass, true), (.fail, false), (.skip, false)] {
            #expect(SeriesComparison(source: "s", before: [result(was, "a")], after: [result(.xfail, "a")]).changes.map(\.isWorse) == [isWorse])
        }
        #expect(SeriesComparison(source: "s", before: [], after: []).exitCode == .nothingRan)
    }
}
