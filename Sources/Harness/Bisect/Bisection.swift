// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Says of commits what they do.
protocol BisectJudging: Sendable {
    /// Builds a commit where that is needed, and runs it until the rule has a verdict.
    ///
    /// - Parameters:
    ///   - factor: multiplies the runs that make a commit good.
    ///   - known: the commits that were tested, of which one may have the same kernel.
    ///   - ahead: commits to build while it runs.
    /// - Throws: `HarnessError` where the harness is at fault. That the commit does not build or boot is a verdict.
    func judge(
        _ test: BisectState.Tested, _ symptom: BisectState.Symptom, _ rule: BisectRule, factor: Int, known: [BisectState.Tested], ahead: [String]
    ) async throws -> BisectState.Tested
    /// Runs a commit so many times more.
    func run(_ test: BisectState.Tested, _ symptom: BisectState.Symptom, times: Int) async throws -> BisectState.Tested
    /// Runs the broken end with all that may show it, and chooses the failure that comes again; nil where nothing fails. Names the runs' folder.
    func symptom(_ test: inout BisectState.Tested) async throws -> (BisectState.Symptom?, folder: String)
    /// Adds what was spent since it was last asked.
    func spent(_ total: BisectState.Cost) async -> BisectState.Cost
}

/// One search, from its ends to the culprit. Its state is written after each step.
actor Bisection {
    private var state: BisectState
    private let history: any BisectHistory
    /// Where the state is written; nil for nowhere.
    private let folder: ResultsFolder?
    private let judge: any BisectJudging
    private let progress: Progress
    private let report: @Sendable (BisectState.Tested) -> Void
    private let begin = ContinuousClock.now
    /// Before an interruption.
    private let spent: Double
    /// Options of the runs, for the command that shows it again.
    private let options: [String]
    private var contained: [String: Set<String>] = [:]

    /// The result is taken for sure where so much of the suspicion lies on it.
    private static let sure = 0.97
    /// Below it the result is one of several.
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
        try await verifyWhole(state.whole)
        while true {
            try Task.checkCancellation()
            // Runs that are made to be surer may show it there, too.
            try await settle()
            try await requireWhole(state.whole)
            let (range, newest) = try await range(state)
            guard let next = range.choice(bad: newest, skipped: Set(state.commits(.skip))) else {
                guard try await isSure(range) else { continue }
                state.result = try await result(range)
                try await save()
                return state
            }
            let left = range.stepsLeft
            let (done, now) = (state.tested.count, try await tested(next).commit)
            progress.say(
                "step \(done + 1), \(left == 1 ? "the last" : "about \(left - 1) more")\(time(left)): \(now.short) \"\(now.subject)\", of \(range.commits.count) that may be it"
            )
            // While its runs go on, what may come next is built. Half of the time it is the other one.
            let guesses = [try await self.next(after: next, .bad), try await self.next(after: next, .good)].compactMap { $0 }
            try await test(next, ahead: guesses)
        }
    }

    private func save() async throws {
        state.cost.seconds = spent + ScenarioTrial.seconds(.now - begin)
        state.cost = await judge.spent(state.cost)
        guard let folder else { return }
        try folder.write("bisect.json", json: state)
        // Patches that are committed nowhere are nothing to git.
        if state.old.id.count == 40 { try folder.write("git-bisect.log", state.gitLog) }
    }

    private func time(_ steps: Int) -> String {
        // The first builds are whole ones.
        let done = state.tested.dropFirst(2).map { $0.buildSeconds + $0.runSeconds }.filter { $0 > 0 }
        guard !done.isEmpty else { return "" }
        return String(format: ", some %.0f s", done.reduce(0, +) / Double(done.count) * Double(steps))
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

    /// What is left, and the newest commit of it, which is known to have what is looked for: with find-fix, the one that mends.
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

    /// What would be tested after `commit`, were its verdict that.
    private func next(after commit: String, _ verdict: BisectVerdict) async throws -> String? {
        var state = state
        state.note(BisectState.Tested(commit: BisectCommit(id: commit, subject: "", author: "", date: ""), verdict: verdict))
        let (range, newest) = try await range(state)
        return range.choice(bad: newest, skipped: Set(state.commits(.skip)))
    }

    // MARK: - The ends

    /// Finds out what the broken end fails with, and how often.
    private func verifyBroken(_ commit: String) async throws {
        var test = try await tested(commit)
        if state.symptom == nil {
            progress.say("the \(state.findFix ? "old" : "new") end, \(test.commit.short) \"\(test.commit.subject)\": what does it fail with?")
            let (symptom, folder) = try await judge.symptom(&test)
            guard let symptom else {
                throw HarnessError(
                    .input, "\(test.commit.short) \"\(test.commit.subject)\" does not fail: there is nothing to search for",
                    hint: "name the scenario that fails with --filter (or give --all), or another bad end", evidence: ["its runs: \(folder)"])
            }
            state.symptom = symptom
            state.note(test)
            try await save()
            progress.say("looking for \(symptom.scenario)  \(symptom.fingerprint)")
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
                "\(test.commit.short) \"\(test.commit.subject)\" failed once, and then in none of \(test.evidence.runs) runs: too seldom to search for",
                hint: "another scenario may show it more often: name one with --filter",
                evidence: ["\(symptom.scenario)  \(symptom.fingerprint)"] + test.evidence.others.prefix(3))
        }
        state.badEnd = test.evidence
        guard test.verdict == nil else { return }
        test.verdict = .bad
        state.note(test)
        try await save()
        report(test)
        progress.say("it shows in \(test.evidence.shown) of \(test.evidence.runs) runs; \(state.rule.cleanRuns) without it make a commit good")
    }

    private func verifyWhole(_ commit: String) async throws {
        guard state.tested(commit)?.verdict == nil else { return }
        try await test(commit)
        try await requireWhole(commit)
    }

    private func requireWhole(_ commit: String) async throws {
        guard let test = state.tested(commit), test.verdict != .good else { return }
        // No end: a search that is resumed would take it for one.
        state.tested.removeAll { $0.commit.id == commit }
        try await save()
        let name = "\(test.commit.short) \"\(test.commit.subject)\""
        let evidence = [test.note, test.folder.map { "its runs: \($0)" }].compactMap { $0 }
        guard test.verdict == .bad else {
            throw HarnessError(.input, "\(name) should be good, and cannot be judged", hint: "give another good end", evidence: evidence)
        }
        throw HarnessError(
            .input, "\(name) should be good, and shows it too, in \(test.evidence.shown) of \(test.evidence.runs) runs",
            hint: state.findFix ? "it is not mended there" : "go further back with --good", evidence: evidence)
    }

    // MARK: - Contradictions

    /// Commits that passed, with one that failed where none should: what contains the culprit contains what breaks it. That a commit failed
    /// is a fact; that one passed may have been luck.
    private func contradictions() async throws -> [(good: BisectState.Tested, bad: BisectState.Tested)] {
        var found: [(BisectState.Tested, BisectState.Tested)] = []
        for good in state.tested where good.verdict == .good && good.commit.id != state.whole {
            for bad in state.tested where bad.verdict == .bad && bad.commit.id != state.broken {
                let (older, newer) = state.findFix ? (good, bad) : (bad, good)
                if try await inside(newer.commit.id).contains(older.commit.id) { found.append((good, bad)) }
            }
        }
        return found
    }

    /// Runs commits that passed against what others showed once more, as often as is ever done.
    private func settle() async throws {
        let factor = BisectRule.mostRuns / max(1, state.rule.cleanRuns) + 1
        while let (good, bad) = try await contradictions().first(where: { $0.good.evidence.runs < BisectRule.mostRuns }) {
            try Task.checkCancellation()
            progress.say(
                "\(good.commit.short) passed and \(bad.commit.short) failed, which is the \(state.findFix ? "newer" : "older") one: \(good.commit.short) once more"
            )
            let commit = good.sameAs ?? good.commit.id
            try await test(commit, factor: factor)
            // Nothing more is to be learned of it.
            guard let after = state.tested(commit), after.verdict != .good || after.evidence.runs > good.evidence.runs else { return }
        }
    }

    /// The commits of the whole range that one contains.
    private func inside(_ commit: String) async throws -> Set<String> {
        if let known = contained[commit] { return known }
        let commits = try await history.contained(in: commit, good: state.old.id)
        contained[commit] = commits
        return commits
    }

    // MARK: - The end

    /// Runs those that decide once more, where that is wanted.
    ///
    /// - Returns: false where that has changed what is left.
    private func isSure(_ range: BisectRange) async throws -> Bool {
        guard range.commits.count == 1 else { return true }
        var factor = 2
        while try await confidence(range.commits) < Self.sure, state.rule.cleanRuns * factor <= BisectRule.mostRuns {
            let wanted = state.rule.cleanRuns * factor
            // The result first, which may have shown it by chance; then those nearest to it, which may have been lucky.
            let open = state.tested.filter { $0.verdict != .skip && $0.sameAs == nil && $0.evidence.runs < wanted && $0.commit.id != state.broken }
            let sizes = try await sizes()
            func distance(_ test: BisectState.Tested) -> Int { abs((sizes[test.commit.id] ?? 0) - (sizes[range.commits[0]] ?? 0)) }
            guard let weakest = open.min(by: { distance($0) < distance($1) }) else {
                factor += 1
                continue
            }
            progress.say("\(weakest.commit.short) \"\(weakest.commit.subject)\" once more, to be surer")
            let before = weakest.verdict
            if before == .bad, let symptom = state.symptom {
                let again = try await judge.run(weakest, symptom, times: wanted - weakest.evidence.runs)
                state.note(again)
                try await save()
                // It fails in other ways now: more runs say no more.
                guard again.evidence.runs > weakest.evidence.runs else { return true }
            } else {
                try await test(weakest.commit.id, factor: factor)
            }
            if state.tested(weakest.commit.id)?.verdict != before { return false }
        }
        return true
    }

    /// How many commits of the whole range each of those that were tested contains.
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
            // What contains the commit that mends it does not show it.
            let contains = state.findFix ? Set(all).subtracting(inside) : inside
            // Commits with one kernel have their runs in common: these count once, for what follows from all of them.
            guard let twin = tested[test.sameAs ?? test.commit.id] else {
                tested[test.sameAs ?? test.commit.id] = (contains, test.evidence)
                continue
            }
            let more = test.evidence.runs > twin.evidence.runs ? test.evidence : twin.evidence
            tested[test.sameAs ?? test.commit.id] = (
                test.verdict == .good ? twin.contains.union(contains) : twin.contains.intersection(contains), more
            )
        }
        let suspicion = state.rule.suspicion(all, tested: Array(tested.values))
        return left.reduce(0) { $0 + (suspicion[$1] ?? 0) }
    }

    private func result(_ range: BisectRange) async throws -> BisectResult {
        var left: [BisectCommit] = []
        for commit in range.commits.prefix(100) { left.append(try await history.describe(commit)) }
        // Those next to it, of each kind: what contains least and shows it, what contains most and does not; with a fix, the other way round.
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
                "it comes and goes: \(bad.commit.short) shows it, and \(good.commit.short), \(state.findFix ? "before" : "after") it, passed \(good.evidence.runs) times"
        } else if range.commits.count == 1, confidence < Self.likely {
            doubt = "the runs speak for it less than for others: look at those near it"
        }
        return BisectResult(
            culprit: range.commits.count == 1 ? left.first : nil, left: left, confidence: confidence, showing: showing?.folder, clean: clean?.folder,
            showingCommit: showing?.commit.id, cleanCommit: clean?.commit.id, reproduce: Command("ppiov", words).line, doubt: doubt)
    }
}
