// SPDX-License-Identifier: GPL-2.0

import Results
import Scenarios

/// The unmodified kernel of a profile: the scenarios that it passes, and the number of machines for each mutant.
struct UnmodifiedKernel: Sendable {
    let machine: PreparedMachine
    /// Mutants that are judged at a time. The machine of one mutant mostly waits, for a buffer that is never released.
    let slots: Int
    /// Machines of each mutant.
    let jobs: Int
    private let baseline: MutantBaseline
    private let settings: RunSettings
    private let context: HarnessContext
    private let folder: ResultsFolder

    init(_ machine: PreparedMachine, request: MutantRequest, context: HarnessContext, folder: ResultsFolder) throws {
        self.machine = machine
        self.context = context
        self.folder = folder
        settings = request.settings
        baseline = try MutantBaseline(machine, cache: context.cache)
        let machines = max(1, settings.jobs ?? machine.guests)
        slots = max(1, min(request.mutants.count, machines / 2))
        jobs = machines / slots
    }

    /// Runs those of the scenarios that the unmodified kernel has not passed before. The quick catalogue runs only when a mutant needs it: with
    /// `debug` it takes longer than all mutants together, and mostly no mutant needs it.
    ///
    /// - Throws: `HarnessError` of kind `.harness` where one fails or crashes.
    func verify(_ scenarios: [Scenario], jobs: Int, name: String) async throws {
        // Two mutants may need the same scenarios.
        try await baseline.locked(context.cache) {
            var chosen: Set<String> = []
            let proven = baseline.proven
            let unknown = scenarios.filter { !proven.contains($0.id) && chosen.insert($0.id).inserted }
            guard !unknown.isEmpty else { return }
            let plural = unknown.count == 1 ? "" : "s"
            context.progress.report("the unmodified kernel first: \(unknown.count) scenario\(plural), profile \(machine.kernel.profile)")
            var run = RunRequest(oneOfMany: settings, scenarios: unknown, out: folder.path + "/" + name)
            run.settings.jobs = jobs
            let outcome = try await RunSession(context.reporting(to: .discarded)).completeRun(run, on: machine)
            try baseline.note(outcome.results, folder: outcome.folder)
        }
    }
}
