// SPDX-License-Identifier: GPL-2.0

import LifeCycle
import TestSupport
import Testing

@testable import Harness

@Suite struct BisectionTests {
    private func state(_ count: Int, findFix: Bool = false) -> BisectState {
        func commit(_ number: Int) -> BisectCommit { BisectCommit(id: "\(number)", subject: "commit \(number)", author: "", date: "") }
        return BisectState(command: ["bisect"], old: commit(0), new: commit(count), findFix: findFix)
    }

    private func bisect(_ judge: FakeJudge, _ state: BisectState, folder: ResultsFolder? = nil) async throws -> BisectState {
        try await Bisection(state, history: Line(), folder: folder, judge: judge, progress: .discarded) { _ in }.run()
    }

    @Test(arguments: [1, 2, 3, 64, 100, 127, 199, 200])
    func everyCulpritOfALineIsFound(_ culprit: Int) async throws {
        let judge = FakeJudge(culprit: culprit)
        let end = try await bisect(judge, state(200))
        #expect(end.result?.culprit?.id == "\(culprit)")
        #expect((end.result?.confidence ?? 0) > 0.95)
        // The ends, and log2.
        #expect(await judge.judged.count <= 9)
        #expect(end.result?.reproduce == "ppiov run --kernel T@\(culprit) --filter zcrx.held")
        #expect(end.gitLog.contains("git bisect bad 200"))
        #expect(end.gitLog.hasSuffix("# first bad commit: [\(culprit)] commit \(culprit)\n"))
    }

    @Test(arguments: 0..<60)
    func aFailureThatShowsInHalfOfTheRunsIsFound(_ seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed &* 77)
        let culprit = Int.random(in: 1...200, using: &random)
        let judge = FakeJudge(culprit: culprit, rate: 0.5, seed: seed)
        let end = try await bisect(judge, state(200))
        let found = end.result?.culprit?.id == "\(culprit)"
        // The rule allows one or two wrong results of sixty; these seeds give none.
        #expect(found, "\(culprit) and not \(end.result?.culprit?.id ?? "none"), \(end.badEnd), \(end.result?.confidence ?? 0)")
        #expect((end.result?.confidence ?? 0) >= 0.9)
    }

    @Test func commitsWithTheSameKernelShareTheirRuns() async throws {
        // 156 has the kernel of 150: none between the two can be the culprit.
        let judge = FakeJudge(culprit: 157, rate: 0.5, sameKernel: ["156": "150"])
        let end = try await bisect(judge, state(200))
        #expect(end.result?.culprit?.id == "157")
        #expect((end.result?.confidence ?? 0) > 0.97)
        #expect(end.tested("156")?.sameAs == "150")
        #expect(await judge.judged.filter { $0 == "0" }.count == 1)
    }

    @Test func aCommitWithTheSameKernelAsABadOneIsBad() async throws {
        // 150 is bad and passes at first; 156 has its kernel, and so its verdict.
        let judge = FakeJudge(culprit: 150, rate: 0.5, sameKernel: ["156": "150"], passes: ["150": 13], seed: 3)
        let end = try await bisect(judge, state(200))
        #expect(end.result?.culprit?.id == "150")
        #expect(end.result?.doubt == nil)
        #expect(end.tested("156")?.verdict == .bad)
    }

    @Test(arguments: 0..<8)
    func aCommitThatPassedAboveOneThatFailsIsRunAgain(_ seed: UInt64) async throws {
        // 150 passed by chance, and so did 156, which contains it. In later runs 150 failed.
        var found = try await bisect(FakeJudge(culprit: 157, rate: 0.5, seed: seed), state(200))
        var test = try #require(found.tested("150"))
        (test.verdict, test.evidence.shown) = (.bad, 1)
        found.note(test)
        found.result = nil
        let end = try await bisect(FakeJudge(culprit: 150, rate: 0.5, seed: seed), found)
        #expect(
            end.result?.culprit?.id == "150" && end.result?.doubt == nil, "\(end.result?.culprit?.id ?? "none"), \(end.result?.doubt ?? "no doubt")")
        #expect(end.tested.filter { (150...).contains(Int($0.commit.id) ?? 0) }.allSatisfy { $0.verdict == .bad })
        // Where it passes in every run, the runs contradict each other.
        let unsure = try await bisect(FakeJudge(culprit: 150, rate: 0.5, passes: ["156": .max], seed: seed), found)
        #expect(unsure.tested("156")?.verdict == .bad || unsure.result?.doubt?.hasPrefix("the runs contradict each other: ") == true)
        #expect((unsure.tested("156")?.evidence.runs ?? 60) >= 60)
    }

    @Test func aGoodEndThatFailsLaterEndsTheSearch() async throws {
        // Later runs of the good end failed, and the search continued.
        var state = try await bisect(FakeJudge(culprit: 1), state(2))
        var end = try #require(state.tested("0"))
        (end.verdict, end.evidence.shown) = (.bad, 1)
        state.note(end)
        state.result = nil
        let error = await #expect(throws: HarnessError.self) { try await bisect(FakeJudge(culprit: 1), state) }
        #expect(error?.message.contains("should be good, but fails, too") == true)
    }

    @Test func contradictingRunsAreReported() async throws {
        // Broken at 40, fixed at 80, broken again at 120: 100 is good, and a commit before it is bad.
        let gone = Dictionary(uniqueKeysWithValues: (80..<120).map { ("\($0)", Int.max) })
        var found = try await bisect(FakeJudge(culprit: 40, passes: gone), state(200))
        #expect(found.result?.culprit?.id == "120")
        found.note(
            BisectState.Tested(
                commit: BisectCommit(id: "60", subject: "", author: "", date: ""), verdict: .bad, evidence: BisectEvidence(runs: 1, shown: 1)))
        found.result = nil
        let end = try await bisect(FakeJudge(culprit: 40, passes: gone), found)
        #expect(
            end.result?.doubt?.hasPrefix("the runs contradict each other: 60 has the failure, and 100, after it, passed 60 times") == true,
            "\(end.result?.doubt ?? "")")
    }

    @Test(.timeLimit(.minutes(1)), arguments: 0..<30)
    func runsThatDecideNothingEndTheSearch(_ seed: UInt64) async throws {
        let end = try await bisect(FakeJudge(culprit: 157, rate: 0.5, changes: true, seed: seed), state(200))
        #expect(end.result != nil)
    }

    @Test func theFixIsFound() async throws {
        for culprit in [1, 77, 200] {
            let end = try await bisect(FakeJudge(culprit: culprit, fixed: true), state(200, findFix: true))
            #expect(end.result?.culprit?.id == "\(culprit)")
            #expect((end.result?.confidence ?? 0) > 0.95)
            #expect(end.gitLog.contains("--term-new=fixed"))
        }
    }

    @Test func commitsThatCannotBeJudgedAreSkipped() async throws {
        let end = try await bisect(FakeJudge(culprit: 101, broken: Set(90...100)), state(200))
        #expect(end.result?.culprit == nil)
        #expect(end.result?.left.map(\.id).sorted() == (90...101).map(String.init).sorted())
        let away = try await bisect(FakeJudge(culprit: 33, broken: Set(90...110)), state(200))
        #expect(away.result?.culprit?.id == "33")
        #expect(away.commits(.skip).count <= 2)
    }

    @Test func anInterruptedSearchContinues() async throws {
        let scratch = try TemporaryFolder()
        let folder = try ResultsFolder(scratch.path + "/out")
        var again = state(200)
        var judged: [String] = []
        for attempt in 0... {
            let judge = FakeJudge(culprit: 137, limit: 3)
            do {
                again = try await bisect(judge, again, folder: folder)
                judged += await judge.judged
                break
            } catch is CancellationError {
                judged += await judge.judged
                again = try BisectSession.load(folder.path)
            }
            try #require(attempt < 20)
        }
        #expect(again.result?.culprit?.id == "137")
        // Nothing was judged twice.
        #expect(Set(judged).count == judged.count)
    }

    @Test func endsThatDoNotDifferAreRefused() async throws {
        let good = await #expect(throws: HarnessError.self) { try await bisect(FakeJudge(culprit: 0), state(200)) }
        #expect(good?.kind == .input)
        #expect(good?.message.contains("should be good, but fails, too") == true)
        let none = await #expect(throws: HarnessError.self) { try await bisect(FakeJudge(culprit: 999), state(200)) }
        #expect(none?.message.contains("does not fail") == true)
        let unjudged = await #expect(throws: HarnessError.self) { try await bisect(FakeJudge(culprit: 5, broken: [0]), state(200)) }
        #expect(unjudged?.message.contains("cannot be judged") == true)
    }
}
