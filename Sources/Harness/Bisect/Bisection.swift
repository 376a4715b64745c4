// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// Builds and runs commits, and judges them.
protocol BisectJudging: Sendable {
    /// Builds a commit where that is needed, and runs it until the rule has a verdict.
    ///
    /// - Parameters:
    ///   - factor: multiplies the runs that make a commit good.
    ///   - known: the commits that were tested, of which one may have the same kernel.
    ///   - ahead: commits to build while it runs.
    /// - Throws: `HarnessError` for a fault of the harness. A commit that does not build or boot is a verdict.
    func judge(
        _ test: BisectState.Tested, _ symptom: BisectState.Symptom, _ rule: BisectRule, factor: Int, known: [BisectState.Tested], ahead: [String]
    ) async throws -> BisectState.Tested
    /// Runs a commit `times` times more.
    func run(_ test: BisectState.Tested, _ symptom: BisectState.Symptom, times: Int) async throws -> BisectState.Tested
    /// Runs the broken end with all scenarios of the request, and chooses a failure that repeats; nil where no scenario fails. Also returns the folder of the runs.
    func symptom(_ test: inout BisectState.Tested) async throws -> (BisectState.Symptom?, folder: String)
    /// Adds the cost since the last call.
    func spent(_ total: BisectState.Cost) async -> BisectState.Cost
}

/// One search, from its two ends to the culprit. The state is written after each step.
actor Bisection {
    private var state: BisectState
    private let history: any BisectHistory
    /// Where the state is written; nil for nowhere.
    private let folder: ResultsFolder?
    private let judge: any BisectJudging
    private let progress: Progress
    private let report: @Sendable (BisectState.Tested) -> Void
    private let begin = ContinuousClock.now
    /// Seconds before an interruption.
    private let spent: Double
    /// Options of the runs, for the command that reproduces the failure.
    private let options: [String]
    private var contained: [String: Set<String>] = [:]

    /// No more runs are made where the culprit's probability is at least this.
    private static let sure = 0.97
    /// Below this probability the result is in doubt.
    private static let likely = 0.5

    init(
        _ state: BisectState, history: any BisectHistory, folder: ResultsFolder?, judge: any BisectJudging, options: [String] = [],
        progress: Progress,
        report: @escaping @Sendable (BisectState.Tested) -> Void
    ) {
        self.state = state
        self.history = history
        self.folder = folder
        self.judge = judge
        self.options = options
        self.progress = progress
        self.report = report
        spent = state.cost.seconds
    }

    func run() async throws -> BisectState {
        try await save()
        if state.result != nil { return state }
        try await verifyBroken(state.broken)
        try await verifyWorking(state.working)
        while true {
            try Task.checkCancellation()
            // Runs that were added for certainty may show the failure at the good end, too.
            try await settle()
            try await requireWorking(state.working)
            let (range, newest) = try await range(state)
            guard let next = range.choice(bad: newest, skipped: Set(state.commits(.skip))) else {
                guard try await isSure(range) else { continue }
                state.result = try await result(range)
                try await save()
                return state
            }
            let left = range.stepsLeft
            let (done, now) = (state.tested.count, try await tested(next).commit)
            progress.report(
                "step \(done + 1), \(left == 1 ? "the last" : "about \(left - 1) more")\(time(left)): \(now.short) \"\(now.subject)\", of \(range.commits.count) possible culprits"
            )
            // The two commits that may be the next are built during its runs; one of them is not needed.
            let guesses = [try await self.next(after: next, .bad), try await self.next(after: next, .good)].compactMap { $0 }
            try await test(next, ahead: guesses)
        }
    }

    private func save() async throws {
        state.cost.seconds = spent + (.now - begin).seconds
        state.cost = await judge.spent(state.cost)
        guard let folder else { return }
        try folder.write("bisect.json", json: state)
        // git has no log of patches that are not commits.
        if state.old.id.count == 40 { try folder.write("git-bisect.log", state.gitLog) }
    }

    private func time(_ steps: Int) -> String {
        // The first builds compile all of the kernel.
        let done = state.tested.dropFirst(2).map { $0.buildSeconds + $0.runSeconds }.filter { $0 > 0 }
        guard !done.isEmpty else { return "" }
        return String(format: ", about %.0f s", done.reduce(0, +) / Double(done.count) * Double(steps))
    }

    private func test(_ commit: String, factor: Int = 1, ahead: [String] = []) async throws {
        guard let symptom = state.symptom else { return }
        let test = try await tested(commit)
        state.note(try await judge.judge(test, symptom, state.rule, factor: factor, known: state.tested, ahead: ahead))
        try await save()
        if let test = state.tested(commit) { report(test) }
    }

    private func tested(_ commit: String) async throws -> BisectState.Tested {
        if let test = state.tested(commit) { return test }
        return BisectState.Tested(commit: try await history.describe(commit))
    }

    // MARK: - The range

    /// The remaining range, and its newest commit, which is known to have the failure or, with find-fix, the fix.
    private func range(_ state: BisectState) async throws -> (BisectRange, newest: String) {
        let (carries, lacks): (BisectVerdict, BisectVerdict) = state.findFix ? (.good, .bad) : (.bad, .good)
        let old = state.commits(lacks).isEmpty ? [state.old.id] : state.commits(lacks)
        var newest = state.new.id
        var range = try await history.range(bad: newest, good: old)
        for commit in state.commits(carries) where commit != newest && range.commits.contains(commit) {
            let smaller = try await history.range(bad: commit, good: old)
            if smaller.commits.count < range.commits.count { (range, newest) = (smaller, commit) }
        }
        return (range, newest)
    }

    /// The commit to test after `commit`, if its verdict is `verdict`.
    private func next(after commit: String, _ verdict: BisectVerdict) async throws -> String? {
        var state = state
        state.note(BisectState.Tested(commit: BisectCommit(id: commit, subject: "", author: "", date: ""), verdict: verdict))
        let (range, newest) = try await range(state)
        return range.choice(bad: newest, skipped: Set(state.commits(.skip)))
    }

    // MARK: - The ends

    /// Finds the failure of the broken end, and how often it shows.
    private func verifyBroken(_ commit: String) async throws {
        var test = try await tested(commit)
        if state.symptom == nil {
            progress.report("the \(state.findFix ? "old" : "new") end, \(test.commit.short) \"\(test.commit.subject)\": finding the failure")
            let (symptom, folder) = try await judge.symptom(&test)
            guard let symptom else {
                throw HarnessError(
                    .input, "\(test.commit.short) \"\(test.commit.subject)\" does not fail: there is no failure to search for",
                    hint: "name the scenario that fails with --filter (or give --all), or another bad end", evidence: ["its runs: \(folder)"])
            }
            state.symptom = symptom
            state.note(test)
            try await save()
            progress.report("searching for \(symptom.scenario)  \(symptom.fingerprint)")
        }
        guard let symptom = state.symptom else { return }
        while case let more = BisectRule.moreOfTheBadEnd(test.evidence), more > 0 {
            test = try await judge.run(test, symptom, times: more)
            state.badEnd = test.evidence
            state.note(test)
            try await save()
            guard test.evidence.others.count < BisectRule.sureRuns else { break }
        }
        guard test.evidence.shown > 0 else {
            throw HarnessError(
                .input,
                "\(test.commit.short) \"\(test.commit.subject)\" failed once, and then in none of \(test.evidence.runs) runs: too rarely to search for",
                hint: "another scenario may fail more often: name one with --filter",
                evidence: ["\(symptom.scenario)  \(symptom.fingerprint)"] + test.evidence.others.prefix(3))
        }
        state.badEnd = test.evidence
        guard test.verdict == nil else { return }
        test.verdict = .bad
        state.note(test)
        try await save()
        report(test)
        progress.report(
            "it fails in \(test.evidence.shown) of \(test.evidence.runs) runs; \(state.rule.cleanRuns) runs without a failure make a commit good")
    }

    private func verifyWorking(_ commit: String) async throws {
        guard state.tested(commit)?.verdict == nil else { return }
        try await test(commit)
        try await requireWorking(commit)
    }

    private func requireWorking(_ commit: String) async throws {
        guard let test = state.tested(commit), test.verdict != .good else { return }
        // Not stored: a search that is resumed would take it for the good end.
        state.tested.removeAll { $0.commit.id == commit }
        try await save()
        let name = "\(test.commit.short) \"\(test.commit.subject)\""
        let evidence = [test.note, test.folder.map { "its runs: \($0)" }].compactMap { $0 }
        guard test.verdict == .bad else {
            throw HarnessError(.input, "\(name) should be good, but cannot be judged", hint: "give another good end", evidence: evidence)
        }
        throw HarnessError(
            .input, "\(name) should be good, but fails, too, in \(test.evidence.shown) of \(test.evidence.runs) runs",
            hint: state.findFix ? "it is not fixed there" : "give an older commit with --good", evidence: evidence)
    }

    // MARK: - Contradictions

    /// Pairs of a commit that passed and one that failed of which one verdict is wrong: every commit that contains the culprit has the failure.
    /// The failure is certain; a commit that passed may be one that does not fail each time.
    private func contradictions() async throws -> [(good: BisectState.Tested, bad: BisectState.Tested)] {
        var found: [(BisectState.Tested, BisectState.Tested)] = []
        for good in state.tested where good.verdict == .good && good.commit.id != state.working {
            for bad in state.tested where bad.verdict == .bad && bad.commit.id != state.broken {
                let (older, newer) = state.findFix ? (good, bad) : (bad, good)
                if try await inside(newer.commit.id).contains(older.commit.id) { found.append((good, bad)) }
            }
        }
        return found
    }

    /// Runs the commits that passed in a contradiction again, up to the most runs of one commit.
    private func settle() async throws {
        let factor = BisectRule.mostRuns / max(1, state.rule.cleanRuns) + 1
        while let (good, bad) = try await contradictions().first(where: { $0.good.evidence.runs < BisectRule.mostRuns }) {
            try Task.checkCancellation()
            progress.report(
                "\(good.commit.short) passed and \(bad.commit.short) failed, which is the \(state.findFix ? "newer" : "older") one: running \(good.commit.short) again"
            )
            let commit = good.sameAs ?? good.commit.id
            try await test(commit, factor: factor)
            // More runs of it change nothing.
            guard let after = state.tested(commit), after.verdict != .good || after.evidence.runs > good.evidence.runs else { return }
        }
    }

    /// The commits of the whole range that `commit` contains.
    private func inside(_ commit: String) async throws -> Set<String> {
        if let known = contained[commit] { return known }
        let commits = try await history.contained(in: commit, good: state.old.id)
        contained[commit] = commits
        return commits
    }

    // MARK: - The end

    /// Runs the commits that decide again, until the culprit's probability is high enough.
    ///
    /// - Returns: false where that has changed the remaining range.
    private func isSure(_ range: BisectRange) async throws -> Bool {
        guard range.commits.count == 1 else { return true }
        var factor = 2
        while try await confidence(range.commits) < Self.sure, state.rule.cleanRuns * factor <= BisectRule.mostRuns {
            let needed = state.rule.cleanRuns * factor
            // The culprit first, whose failure may have another cause; then the tested commits next to it, which may not fail each time.
            let open = state.tested.filter { $0.verdict != .skip && $0.sameAs == nil && $0.evidence.runs < needed && $0.commit.id != state.broken }
            let sizes = try await sizes()
            func distance(_ test: BisectState.Tested) -> Int { abs((sizes[test.commit.id] ?? 0) - (sizes[range.commits[0]] ?? 0)) }
            guard let weakest = open.min(by: { distance($0) < distance($1) }) else {
                factor += 1
                continue
            }
            progress.report("\(weakest.commit.short) \"\(weakest.commit.subject)\" again, for certainty")
            let before = weakest.verdict
            if before == .bad, let symptom = state.symptom {
                let again = try await judge.run(weakest, symptom, times: needed - weakest.evidence.runs)
                state.note(again)
                try await save()
                // It now fails in other ways: more runs decide nothing.
                guard again.evidence.runs > weakest.evidence.runs else { return true }
            } else {
                try await test(weakest.commit.id, factor: factor)
            }
            if state.tested(weakest.commit.id)?.verdict != before { return false }
        }
        return true
    }

    /// How many commits of the whole range each tested commit contains.
    private func sizes() async throws -> [String: Int] {
        var sizes: [String: Int] = [:]
        for test in state.tested { sizes[test.commit.id] = try await inside(test.commit.id).count }
        return sizes
    }

    private func confidence(_ left: [String]) async throws -> Double {
        let all = try await history.range(bad: state.new.id, good: [state.old.id]).commits
        var tested: [String: (contains: Set<String>, evidence: BisectEvidence)] = [:]
        for test in state.tested where test.verdict != .skip {
            let inside = try await self.inside(test.commit.id)
            // A commit that contains the fix does not show the failure.
            let contains = state.findFix ? Set(all).subtracting(inside) : inside
            // Commits with the same kernel share their runs, which count once.
            guard let same = tested[test.sameAs ?? test.commit.id] else {
                tested[test.sameAs ?? test.commit.id] = (contains, test.evidence)
                continue
            }
            let more = test.evidence.runs > same.evidence.runs ? test.evidence : same.evidence
            tested[test.sameAs ?? test.commit.id] = (
                test.verdict == .good ? same.contains.union(contains) : same.contains.intersection(contains), more
            )
        }
        let suspicion = state.rule.suspicion(all, tested: Array(tested.values))
        return left.reduce(0) { $0 + (suspicion[$1] ?? 0) }
    }

    private func result(_ range: BisectRange) async throws -> BisectResult {
        var left: [BisectCommit] = []
        for commit in range.commits.prefix(100) { left.append(try await history.describe(commit)) }
        // The tested commits next to the culprit: of the commits that fail the one that contains least, of the others the one that contains
        // most; with a fix, the other way round.
        let sizes = try await sizes()
        func nearest(_ verdict: BisectVerdict, largest: Bool) -> BisectState.Tested? {
            state.tested.filter { $0.verdict == verdict }.min {
                (sizes[$0.commit.id] ?? 0) * (largest ? -1 : 1) < (sizes[$1.commit.id] ?? 0) * (largest ? -1 : 1)
            }
        }
        let showing = nearest(.bad, largest: state.findFix)
        let clean = nearest(.good, largest: !state.findFix)
        let words = ["run"] + history.words(showing?.commit.id ?? state.new.id) + options + ["--filter", state.symptom?.scenario ?? "*"]
        let confidence = try await confidence(range.commits)
        var doubt: String?
        if let (good, bad) = try await contradictions().first {
            doubt =
                "the runs contradict each other: \(bad.commit.short) has the failure, and \(good.commit.short), \(state.findFix ? "before" : "after") it, passed \(good.evidence.runs) times"
        } else if range.commits.count == 1, confidence < Self.likely {
            doubt = "by the runs, another commit is as probable: check the commits next to it"
        }
        return BisectResult(
            culprit: range.commits.count == 1 ? left.first : nil, left: left, confidence: confidence, showing: showing?.folder, clean: clean?.folder,
            showingCommit: showing?.commit.id, cleanCommit: clean?.commit.id, reproduce: Command("ppiov", words).line, doubt: doubt)
    }
}
