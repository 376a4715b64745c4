// SPDX-License-Identifier: GPL-2.0

import Results
import Scenarios

/// Boots one mutant's kernel, and runs the scenarios of its filter and of the quick catalogue against it.
struct MutantJudge: Sendable {
    private let request: MutantRequest
    private let mutant: Mutant
    private let unmodified: UnmodifiedKernel
    /// Without progress: several mutants are judged at a time, whose lines would mix.
    private let context: HarnessContext
    private let folder: ResultsFolder

    init(request: MutantRequest, mutant: Mutant, unmodified: UnmodifiedKernel, context: HarnessContext, folder: ResultsFolder) {
        self.request = request
        self.mutant = mutant
        self.unmodified = unmodified
        self.context = context.reporting(to: .discarded)
        self.folder = folder
    }

    /// - Parameter built: the result so far.
    func judge(_ kernel: KernelBuild, _ built: MutantResult) async throws -> MutantResult {
        var result = built
        let begin = ContinuousClock.now
        let machine = try await context.machine(of: kernel, request.settings.machine)
        do {
            try await context.boot(machine, bootConsole: folder.path + "/\(mutant.name)-boot.log")
        } catch let error as HarnessError where error.blame == .kernel {
            result.verdict = .doesNotBoot
            result.note = error.message
            result.runSeconds = (.now - begin).seconds
            return result
        }
        result = try await context.withOneTimeSnapshot(of: machine) { try await run(on: $0, built) }
        result.runSeconds = (.now - begin).seconds
        return result
    }

    private func run(on machine: PreparedMachine, _ built: MutantResult) async throws -> MutantResult {
        var result = built
        if MutantScenarios.first(mutant).isEmpty {
            result.note = [result.note, "no scenario matches its Filter"].compactMap { $0 }.joined(separator: "; ")
        }
        let results = try await course(on: machine, name: mutant.name)
        guard !results.isEmpty else { return result }
        result.ran = results.count
        result.skipped = results.count { $0.verdict == .skip }
        result.catches = results.compactMap(FirstFailure.init)
        (result.seen, result.tries) = (result.catches.isEmpty ? 0 : 1, 1)
        for results in try await again(first: result.catches.first, on: machine) {
            let caught = results.compactMap(FirstFailure.init)
            result.tries += 1
            if !caught.isEmpty { result.seen += 1 }
            result.catches += caught.filter { one in !result.catches.contains { $0.scenario == one.scenario } }
        }
        result.verdict = result.seen == 0 ? .missed : result.seen == result.tries ? .caught : .flaky
        return result
    }

    /// Runs the scenarios of its filter, then the quick catalogue, within the request's reach: up to the first that fails.
    private func course(except: Scenario? = nil, on machine: PreparedMachine, name: String) async throws -> [ScenarioResult] {
        let whole = request.reach == .whole
        let first = MutantScenarios.first(mutant).filter { $0.id != except?.id }
        var results = first.isEmpty ? [] : try await scenarios(first, on: machine, name: name, stop: !whole)
        guard request.reach != .filter, whole || !Self.isCaught(results) else { return results }
        let rest = MutantScenarios.rest(mutant).filter { $0.id != except?.id }
        try await unmodified.verify(rest, jobs: unmodified.jobs, name: "base-\(mutant.profile)-for-\(name)")
        results += try await scenarios(rest, on: machine, name: name + "-rest", stop: !whole)
        return results
    }

    /// The runs after the first. Only the scenario that caught the mutant runs, all its runs at a time. Where it does not fail, the
    /// other scenarios run. Where none failed in the first run, the scenarios of the filter run again.
    private func again(first: FirstFailure?, on machine: PreparedMachine) async throws -> [[ScenarioResult]] {
        let numbers = 2..<max(2, request.runs + 1)
        guard let catching = first.flatMap({ Catalogue.named($0.scenario) }) else {
            let chosen = MutantScenarios.first(mutant)
            var all: [[ScenarioResult]] = []
            for number in numbers where !chosen.isEmpty {
                all.append(try await scenarios(chosen, on: machine, name: "\(mutant.name)-\(number)", stop: true))
            }
            return all
        }
        var all = try await concurrently(numbers, limit: numbers.count) { number in
            (number: number, results: try await scenarios([catching], on: machine, name: "\(mutant.name)-\(number)", stop: true))
        }
        for index in all.indices where !Self.isCaught(all[index].results) {
            all[index].results += try await course(except: catching, on: machine, name: "\(mutant.name)-\(all[index].number)-others")
        }
        return all.map(\.results)
    }

    private static func isCaught(_ results: [ScenarioResult]) -> Bool { results.contains { FirstFailure($0) != nil } }

    /// - Throws: `CancellationError` where the run is interrupted.
    private func scenarios(_ scenarios: [Scenario], on machine: PreparedMachine, name: String, stop: Bool) async throws -> [ScenarioResult] {
        var run = RunRequest(oneOfMany: request.settings, scenarios: scenarios, out: folder.path + "/" + name)
        run.settings.jobs = unmodified.jobs
        run.stopAtFailure = stop
        return try await RunSession(context).completeRun(run, on: machine).results
    }
}
