// SPDX-License-Identifier: GPL-2.0

import Checks
import Foundation
import Results
import Scenarios

/// Builds commits and runs them, and says what the runs showed.
struct BisectJudge: BisectJudging {
    private let request: BisectRequest
    private let workshop: Workshop
    private let today: Day
    private let folder: ResultsFolder
    private let builds: BuildAhead
    private let ledger: Ledger

    /// What was spent since it was last asked.
    private actor Ledger {
        private var cost = BisectState.Cost()
        private var ahead: Set<String> = []
        private var used: Set<String> = []

        func built(_ commit: String, found: Bool, ahead: Bool) {
            if found { cost.found += 1 } else { cost.built += 1 }
            if ahead && !found { self.ahead.insert(commit) }
        }

        func use(_ commit: String) { used.insert(commit) }

        func ran(_ times: Int) { cost.runs += times }

        func add(to total: BisectState.Cost) -> BisectState.Cost {
            var total = total
            total.built += cost.built
            total.found += cost.found
            total.runs += cost.runs
            total.inVain = ahead.subtracting(used).count
            cost = BisectState.Cost()
            return total
        }
    }

    init(request: BisectRequest, history: any BisectHistory, workshop: Workshop, today: Day, folder: ResultsFolder) {
        self.request = request
        self.workshop = workshop
        self.today = today
        self.folder = folder
        let ledger = Ledger()
        self.ledger = ledger
        let kernel = request.kernel
        builds = BuildAhead { commit, ahead in
            let quiet = ahead ? Progress.silent : workshop.progress
            if ahead { workshop.progress.say("building ahead: \(Self.short(commit))") }
            let builder = KernelBuilder(cache: workshop.cache, vm: workshop.vm, jobs: request.buildJobs, progress: quiet)
            let source = try await history.source(commit)
            let found = try await builder.isBuilt(kernel, of: source)
            do {
                let build = try await builder.build(kernel, of: source)
                await ledger.built(commit, found: found, ahead: ahead)
                return build
            } catch let error as HarnessError where error.blame == .kernel {
                // Now: the next build overwrites it.
                try Self.keepLog(of: error, in: Self.place(commit, folder))
                throw error
            }
        }
    }

    func spent(_ total: BisectState.Cost) async -> BisectState.Cost { await ledger.add(to: total) }

    /// Gives up what is being built ahead.
    func idle() async { await builds.stop() }

    // MARK: - One commit

    func judge(
        _ start: BisectState.Tested, _ symptom: BisectState.Symptom, _ rule: BisectRule, factor: Int, known: [BisectState.Tested], ahead: [String]
    ) async throws -> BisectState.Tested {
        var test = start
        let clock = ContinuousClock()
        let begin = clock.now
        let kernel: KernelBuild
        do {
            kernel = try await builds.take(test.commit.id)
        } catch let error as HarnessError where error.blame == .kernel {
            test.verdict = .skip
            test.note = "does not build: \(error.evidence.first ?? error.message)"
            test.buildSeconds += ScenarioTrial.seconds(clock.now - begin)
            let place = Self.place(test.commit.id, folder)
            test.folder = Files.isFolder(place) ? place : nil
            return test
        }
        await ledger.use(test.commit.id)
        test.buildSeconds += ScenarioTrial.seconds(clock.now - begin)
        test.kernel = try kernel.content()
        if factor == 1, let same = known.first(where: { $0.kernel == test.kernel && $0.verdict != nil && $0.commit.id != test.commit.id }) {
            (test.evidence, test.verdict, test.folder) = (same.evidence, same.verdict, same.folder)
            test.sameAs = same.commit.id
            test.note = "the same kernel as \(same.commit.short)"
            return test
        }
        test.verdict = nil
        await builds.start(ahead)
        let ran = clock.now
        do {
            while test.verdict == nil {
                switch rule.judge(test.evidence, factor: factor) {
                case .verdict(let verdict): test.verdict = verdict
                case .more(let times): test = try await run(test, symptom, times: times, kernel, untilItShows: true)
                }
            }
        } catch let error as HarnessError where error.blame == .kernel {
            test.verdict = .skip
            test.note = "does not boot: \(error.message)"
        }
        test.runSeconds += ScenarioTrial.seconds(clock.now - ran)
        if test.verdict == .skip, let other = test.evidence.others.first { test.note = test.note ?? other }
        return test
    }

    func run(_ test: BisectState.Tested, _ symptom: BisectState.Symptom, times: Int) async throws -> BisectState.Tested {
        try await run(test, symptom, times: times, try await builds.take(test.commit.id))
    }

    private func run(_ start: BisectState.Tested, _ symptom: BisectState.Symptom, times: Int, _ kernel: KernelBuild, untilItShows: Bool = false)
        async throws -> BisectState.Tested
    {
        guard let scenario = Catalogue.named(symptom.scenario) else {
            throw HarnessError(.input, "this ppiov has no scenario \(symptom.scenario)", hint: "it was another ppiov that began this search")
        }
        var test = start
        let bench = try await workshop.bench(kernel, machine: request.machine)
        // Once, before several at a time: a kernel that does not boot says so once.
        let snapshot = try await SnapshotStore(cache: workshop.cache, progress: workshop.progress).snapshot(bench.plan)
        // A hundred MB for each commit, and few are booted twice.
        defer { try? Files.remove(snapshot.folder) }
        let place = "\(test.commit.short)/\(symptom.scenario)"
        let first = test.evidence.runs + test.evidence.others.count
        let results = try await withThrowingTaskGroup(of: (Int, ScenarioResult).self) { group in
            var numbers = Array((first + 1)...(first + times))[...]
            for _ in 0..<max(1, request.jobs ?? bench.guests) {
                guard let number = numbers.popFirst() else { break }
                group.addTask { (number, try await one(scenario, bench, out: "\(folder.path)/\(place)/\(number)")) }
            }
            var results: [(Int, ScenarioResult)] = []
            while let result = try await group.next() {
                results.append(result)
                // Enough to make a commit bad, and a leak takes its time each time.
                if untilItShows, Fingerprint.of(result.1) == symptom.fingerprint { numbers = [] }
                guard let number = numbers.popFirst() else { continue }
                group.addTask { (number, try await one(scenario, bench, out: "\(folder.path)/\(place)/\(number)")) }
            }
            return results.sorted { $0.0 < $1.0 }
        }
        await ledger.ran(results.count)
        for (number, result) in results {
            let path = "\(folder.path)/\(place)/\(number)"
            if result.verdict == .pass {
                test.evidence.runs += 1
                // One that passed is like the other.
                if test.folder == nil { test.folder = path } else { try Files.remove(path) }
            } else if Fingerprint.of(result) == symptom.fingerprint {
                test.evidence.runs += 1
                test.evidence.shown += 1
                if test.evidence.shown == 1 { test.folder = path }
            } else {
                let word = Fingerprint.of(result).map { "\(symptom.scenario)  \($0)" } ?? "skipped: \(result.reason ?? "")"
                test.evidence.others.append(word)
                workshop.progress.say("\(test.commit.short): \(word); that is not what is looked for (\(path))")
            }
        }
        return test
    }

    /// - Throws: `HarnessError` where QEMU itself died: that says nothing of the kernel.
    private func one(_ scenario: Scenario, _ bench: Bench, out: String) async throws -> ScenarioResult {
        let results = try await session([scenario], bench, out: out, .silent)
        guard let result = results.first else { throw HarnessError(.harness, "\(scenario.id) came to no result") }
        return result
    }

    private func session(_ scenarios: [Scenario], _ bench: Bench, out: String, _ progress: Progress) async throws -> [ScenarioResult] {
        // Of a search that was interrupted.
        try Files.remove(out)
        var run = RunRequest(
            kernel: request.kernel, machine: request.machine, scenarios: scenarios, isolation: .group, jobs: request.jobs,
            buildJobs: request.buildJobs,
            out: out, allowList: request.allowList, reproduce: Command("ppiov", request.command).line)
        run.knownBugs = false
        run.needsWholeMachines = true
        let quiet = Workshop(cache: workshop.cache, vm: workshop.vm, agent: workshop.agent, progress: progress)
        let outcome = try await RunSession(workshop: quiet, today: today).run(run, on: bench)
        if outcome.interrupted { throw CancellationError() }
        return outcome.results
    }

    // MARK: - What is looked for

    /// How often the bad end is run before it is taken for whole: few scenarios cost little, and what fails half of the time must fail once.
    static func attempts(_ scenarios: Int) -> Int { scenarios <= 24 ? 10 : 3 }

    func symptom(_ test: inout BisectState.Tested) async throws -> (BisectState.Symptom?, folder: String) {
        let clock = ContinuousClock()
        let begin = clock.now
        let kernel = try await builds.take(test.commit.id)
        await ledger.use(test.commit.id)
        test.kernel = try kernel.content()
        test.buildSeconds += ScenarioTrial.seconds(clock.now - begin)
        let ran = clock.now
        defer { test.runSeconds += ScenarioTrial.seconds(clock.now - ran) }
        let bench = try await workshop.bench(kernel, machine: request.machine)
        let place = "\(folder.path)/\(test.commit.short)/all"
        var red: [ScenarioResult] = []
        for number in 1...Self.attempts(request.scenarios.count) where red.isEmpty {
            let results = try await session(request.scenarios, bench, out: "\(place)-\(number)", workshop.progress)
            await ledger.ran(results.count)
            red = results.filter { Fingerprint.of($0) != nil }
            if results.allSatisfy({ $0.verdict == .skip }) { break }
        }
        guard !red.isEmpty else { return (nil, "\(place)-1") }
        // Of several, one that fails so twice, and soon.
        let again = try await session(red.prefix(24).compactMap { Catalogue.named($0.scenario) }, bench, out: "\(place)-again", .silent)
        await ledger.ran(again.count)
        let twice = red.filter { first in again.contains { $0.scenario == first.scenario && Fingerprint.of($0) == Fingerprint.of(first) } }
        guard let best = (twice.isEmpty ? red : twice).min(by: { $0.seconds < $1.seconds }), let fingerprint = Fingerprint.of(best) else {
            return (nil, place)
        }
        let message = best.findings.first.map { "\($0.oracle): \($0.message)" } ?? best.reason ?? ""
        return (BisectState.Symptom(scenario: best.scenario, fingerprint: fingerprint, message: message), place)
    }

    private static func short(_ commit: String) -> String { BisectCommit(id: commit, subject: "", author: "", date: "").short }

    private static func place(_ commit: String, _ folder: ResultsFolder) -> String { "\(folder.path)/\(short(commit))" }

    /// The log of a build that failed.
    private static func keepLog(of error: HarnessError, in place: String) throws {
        guard let log = error.log.flatMap(Files.text) else { return }
        try Files.makeFolder(place)
        try Files.write(log, to: place + "/build.log")
    }
}
