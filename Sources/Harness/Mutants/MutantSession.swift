// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
import Scenarios

/// Runs mutants: they are built one after the other, incrementally in one tree, and each is judged while the next is built.
public struct MutantSession: Sendable {
    private let context: HarnessContext
    private var cache: Cache { context.cache }

    public init(_ context: HarnessContext) { self.context = context }

    /// Runs all mutants of the request.
    ///
    /// - Parameter report: called with each result as it arrives, with one at a time.
    /// - Returns: the table, in the order of the request, and the results folder.
    /// - Throws: `HarnessError`: input for a mutant that does not apply; harness where a scenario fails on the unmodified kernel.
    ///   `CancellationError` once the tree is restored.
    public func run(
        _ request: MutantRequest, report: @escaping @Sendable (MutantResult) -> Void
    ) async throws -> (table: MutantTable, folder: String) {
        let settings = request.settings
        try ResultsFolder.check(settings.out)
        let builder = context.builder(jobs: settings.buildJobs)
        let source = try await builder.resolve(settings.kernel)
        return try await cache.locked(
            "mutants-" + source.id, waiting: { context.progress.report("waiting for another run of mutants of the same source") }
        ) {
            let tree = try await MutantTree(source, cache: cache, progress: context.progress)
            try await tree.check(request.mutants)
            let folder = try ResultsFolder(settings.out)
            let work = Work(
                request: request, builder: builder, tree: tree, folder: folder,
                ledger: MutantLedger(request.mutants, source: source.identity, runs: request.runs, folder: folder, report: report))
            try await buildAndJudge(request.mutants, work, try await unmodified(work))
            return (work.ledger.table, folder.path)
        }
    }

    /// The values that all mutants share.
    private struct Work: Sendable {
        var request: MutantRequest
        var builder: KernelBuilder
        var tree: MutantTree
        var folder: ResultsFolder
        var ledger: MutantLedger
    }

    /// Builds one after the other, as there is one tree. Those that are built are judged meanwhile.
    private func buildAndJudge(_ mutants: [Mutant], _ work: Work, _ unmodified: [String: UnmodifiedKernel]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var running = 0
            for mutant in mutants {
                guard let kernel = unmodified[mutant.profile] else { continue }
                try Task.checkCancellation()
                context.progress.report("mutant \(mutant.name): \(mutant.subject)")
                var result = MutantResult(mutant)
                guard let build = try await build(mutant, work, kernel, &result) else {
                    try work.ledger.add(result)
                    continue
                }
                while running >= kernel.slots {
                    try await group.next()
                    running -= 1
                }
                running += 1
                let judge = MutantJudge(request: work.request, mutant: mutant, unmodified: kernel, context: context, folder: work.folder)
                let built = result
                group.addTask { try work.ledger.add(try await judge.judge(build, built)) }
            }
            try await group.waitForAll()
        }
    }

    /// The unmodified kernel in every profile that a mutant names, by profile. Each has passed all scenarios that certainly run against
    /// the mutants.
    private func unmodified(_ work: Work) async throws -> [String: UnmodifiedKernel] {
        var kernels: [String: UnmodifiedKernel] = [:]
        for profile in work.request.mutants.map(\.profile) where kernels[profile] == nil {
            let mutants = work.request.mutants.filter { $0.profile == profile }
            var settings = work.request.settings
            settings.kernel.profile = profile
            let kernel = try UnmodifiedKernel(
                try await context.prepare(settings), request: work.request, context: context, folder: work.folder)
            let certain = mutants.flatMap { MutantScenarios.first($0) + (work.request.reach == .whole ? MutantScenarios.rest($0) : []) }
            try await kernel.verify(certain, jobs: kernel.slots * kernel.jobs, name: "base-" + profile)
            kernels[profile] = kernel
        }
        return kernels
    }

    // MARK: - One mutant

    /// The mutant's kernel; nil where none can be judged, and `result` has the reason.
    private func build(
        _ mutant: Mutant, _ work: Work, _ unmodified: UnmodifiedKernel, _ result: inout MutantResult
    ) async throws -> KernelBuild? {
        let begin = ContinuousClock.now
        defer { result.buildSeconds = (.now - begin).seconds }
        let kernel: KernelBuild
        do {
            kernel = try await build(mutant, work)
        } catch let error as HarnessError where error.blame == .kernel {
            result.verdict = .doesNotBuild
            result.note = error.evidence.first ?? error.message
            return nil
        }
        if let reason = kernel.netdevsimReason, unmodified.machine.kernel.netdevsim != nil {
            // Without the module every scenario would be skipped, and the mutant would count as missed.
            result.verdict = .doesNotBuild
            result.note = reason
            return nil
        }
        result.note = Self.warning(Files.text(kernel.log) ?? "", in: mutant.files)
        return kernel
    }

    private func build(_ mutant: Mutant, _ work: Work) async throws -> KernelBuild {
        var kernel = work.request.settings.kernel
        kernel.profile = mutant.profile
        try await work.tree.apply(mutant)
        let built: KernelBuild
        do {
            built = try await work.builder.build(kernel, of: work.tree.source(mutant))
        } catch {
            try work.tree.restore()
            throw error
        }
        try work.tree.restore()
        return built
    }

    /// The compiler's first warning about a file that the mutant changes.
    static func warning(_ log: String, in files: [String]) -> String? {
        log.filledLines.lazy.map(String.init).first { line in line.contains("warning:") && files.contains { line.contains($0) } }
    }
}
