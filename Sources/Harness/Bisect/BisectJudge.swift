// SPDX-License-Identifier: GPL-2.0

import Checks
import Foundation
import Results
import Scenarios

/// Builds commits and runs them, and records the outcomes of the runs.
struct BisectJudge: BisectJudging {
    private let request: BisectRequest
    private let context: HarnessContext
    private let folder: ResultsFolder
    private let builds: BuildAhead
    private let ledger: Ledger

    /// The cost since the last call of `add(to:)`.
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

    init(request: BisectRequest, history: any BisectHistory, context: HarnessContext, folder: ResultsFolder) {
        self.request = request
        self.context = context
        self.folder = folder
        let ledger = Ledger()
        self.ledger = ledger
        let settings = request.settings
        builds = BuildAhead { commit, ahead in
            if ahead { context.progress.report("building ahead: \(Self.short(commit))") }
            let builder = (ahead ? context.reporting(to: .discarded) : context).builder(jobs: settings.buildJobs)
            let source = try await history.source(commit)
            let found = try await builder.isBuilt(settings.kernel, of: source)
            do {
                let build = try await builder.build(settings.kernel, of: source)
                await ledger.built(commit, found: found, ahead: ahead)
                return build
            } catch let error as HarnessError where error.blame == .kernel {
                // Copied now: the next build overwrites it.
                try Self.keepLog(of: error, in: Self.place(commit, folder))
                throw error
            }
        }
    }

    func spent(_ total: BisectState.Cost) async -> BisectState.Cost { await ledger.add(to: total) }

    /// Cancels what is being built ahead, and waits for its end.
    func stopBuilding() async { await builds.stop() }

    // MARK: - One commit

    func judge(
        _ start: BisectState.Tested, _ symptom: BisectState.Symptom, _ rule: BisectRule, factor: Int, known: [BisectState.Tested], ahead: [String]
    ) async throws -> BisectState.Tested {
        var test = start
        let begin = ContinuousClock.now
        let kernel: KernelBuild
        do {
            kernel = try await builds.kernel(test.commit.id)
        } catch let error as HarnessError where error.blame == .kernel {
            test.verdict = .skip
            test.note = "does not build: \(error.evidence.first ?? error.message)"
            test.buildSeconds += (.now - begin).seconds
            let place = Self.place(test.commit.id, folder)
            test.folder = Files.isFolder(place) ? place : nil
            return test
        }
        await ledger.use(test.commit.id)
        test.buildSeconds += (.now - begin).seconds
        test.kernel = try kernel.content()
        if factor == 1, let same = known.first(where: { $0.kernel == test.kernel && $0.verdict != nil && $0.commit.id != test.commit.id }) {
            (test.evidence, test.verdict, test.folder) = (same.evidence, same.verdict, same.folder)
            test.sameAs = same.commit.id
            test.note = "the same kernel as \(same.commit.short)"
            return test
        }
        test.verdict = nil
        await builds.start(ahead)
        let built = ContinuousClock.now
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
        test.runSeconds += (.now - built).seconds
        if test.verdict == .skip, let other = test.evidence.others.first { test.note = test.note ?? other }
        return test
    }

    func run(_ test: BisectState.Tested, _ symptom: BisectState.Symptom, times: Int) async throws -> BisectState.Tested {
        try await run(test, symptom, times: times, try await builds.kernel(test.commit.id))
    }

    private func run(_ start: BisectState.Tested, _ symptom: BisectState.Symptom, times: Int, _ kernel: KernelBuild, untilItShows: Bool = false)
        async throws -> BisectState.Tested
    {
        guard let scenario = Catalogue.named(symptom.scenario) else {
            throw HarnessError(.input, "this ppiov has no scenario \(symptom.scenario)", hint: "another ppiov began this search: use that one")
        }
        let place = "\(folder.path)/\(start.commit.short)/\(symptom.scenario)"
        let first = start.evidence.runs + start.evidence.others.count
        let machine = try await context.machine(of: kernel, request.settings.machine)
        let results = try await context.withOneTimeSnapshot(of: machine) { machine in
            // One failure makes a commit bad, and each further run of a leak takes as long.
            try await concurrently(
                (first + 1)...(first + times), limit: request.settings.jobs ?? machine.guests,
                until: { untilItShows && Fingerprint.of($0.result) == symptom.fingerprint }
            ) { number in
                let path = "\(place)/\(number)"
                return (path: path, result: try await one(scenario, machine, out: path))
            }
        }
        await ledger.ran(results.count)
        var test = start
        for (path, result) in results { try note(result, path, symptom, in: &test) }
        return test
    }

    /// Counts one run of a commit.
    private func note(_ result: ScenarioResult, _ path: String, _ symptom: BisectState.Symptom, in test: inout BisectState.Tested) throws {
        if result.verdict == .pass {
            test.evidence.runs += 1
            // Only the first run that passes is kept.
            if test.folder == nil { test.folder = path } else { try Files.remove(path) }
        } else if Fingerprint.of(result) == symptom.fingerprint {
            test.evidence.runs += 1
            test.evidence.shown += 1
            if test.evidence.shown == 1 { test.folder = path }
        } else {
            let other = Fingerprint.of(result).map { "\(symptom.scenario)  \($0)" } ?? "skipped: \(result.reason ?? "")"
            test.evidence.others.append(other)
            context.progress.report("\(test.commit.short): this is not the failure that is searched for: \(other) (\(path))")
        }
    }

    /// - Throws: `HarnessError` where QEMU itself ended: that is no verdict on the kernel.
    private func one(_ scenario: Scenario, _ machine: PreparedMachine, out: String) async throws -> ScenarioResult {
        let results = try await results([scenario], machine, out: out, .discarded)
        guard let result = results.first else { throw HarnessError(.harness, "\(scenario.id) has no result") }
        return result
    }

    private func results(_ scenarios: [Scenario], _ machine: PreparedMachine, out: String, _ progress: Progress) async throws -> [ScenarioResult] {
        // The folder of a search that was interrupted.
        try Files.remove(out)
        var run = RunRequest(oneOfMany: request.settings, scenarios: scenarios, out: out)
        run.knownBugs = false
        return try await RunSession(context.reporting(to: progress)).completeRun(run, on: machine).results
    }

    // MARK: - The symptom

    /// The most runs of the bad end until a scenario fails. It may not fail in each run; many scenarios take long.
    static func attempts(_ scenarios: Int) -> Int { scenarios <= 24 ? 10 : 3 }

    func symptom(_ test: inout BisectState.Tested) async throws -> (BisectState.Symptom?, folder: String) {
        let begin = ContinuousClock.now
        let kernel = try await builds.kernel(test.commit.id)
        await ledger.use(test.commit.id)
        test.kernel = try kernel.content()
        test.buildSeconds += (.now - begin).seconds
        let built = ContinuousClock.now
        defer { test.runSeconds += (.now - built).seconds }
        let machine = try await context.machine(of: kernel, request.settings.machine)
        let place = "\(folder.path)/\(test.commit.short)/all"
        var failed: [ScenarioResult] = []
        for number in 1...Self.attempts(request.scenarios.count) where failed.isEmpty {
            let results = try await results(request.scenarios, machine, out: "\(place)-\(number)", context.progress)
            await ledger.ran(results.count)
            failed = results.filter { Fingerprint.of($0) != nil }
            if results.allSatisfy({ $0.verdict == .skip }) { break }
        }
        guard !failed.isEmpty else { return (nil, "\(place)-1") }
        // Of several, the fastest that fails in the same way a second time.
        let again = try await results(failed.prefix(24).compactMap { Catalogue.named($0.scenario) }, machine, out: "\(place)-again", .discarded)
        await ledger.ran(again.count)
        let twice = failed.filter { first in again.contains { $0.scenario == first.scenario && Fingerprint.of($0) == Fingerprint.of(first) } }
        return ((twice.isEmpty ? failed : twice).min { $0.seconds < $1.seconds }.flatMap(BisectState.Symptom.init), place)
    }

    private static func short(_ commit: String) -> String { BisectCommit(id: commit, subject: "", author: "", date: "").short }

    private static func place(_ commit: String, _ folder: ResultsFolder) -> String { "\(folder.path)/\(short(commit))" }

    /// Copies the log of a build that failed.
    private static func keepLog(of error: HarnessError, in place: String) throws {
        guard let log = error.log.flatMap(Files.text) else { return }
        try Files.makeFolder(place)
        try Files.write(log, to: place + "/build.log")
    }
}
