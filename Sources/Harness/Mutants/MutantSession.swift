// SPDX-License-Identifier: GPL-2.0

public import Checks
import Foundation
import Results
import Scenarios

/// Which mutants to run, and how.
public struct MutantRequest: Sendable {
    /// How far to look for a scenario that notices a mutant.
    public enum Reach: Sendable {
        /// Its `Filter:` only.
        case filter
        /// Its `Filter:`, then the quick catalogue; up to the first that notices.
        case quick
        /// Both, all of it.
        case whole
    }

    /// The unmodified kernel; the profile is each mutant's own.
    public var kernel: KernelRequest
    public var machine: MachineOptions
    public var mutants: [Mutant]
    /// How often what noticed a mutant is tried.
    public var runs: Int
    public var reach: Reach
    /// Machines at a time; nil for as many as suit the kernel (``Bench/guests``).
    public var jobs: Int?
    /// Compilers at a time.
    public var buildJobs: Int
    /// The results folder; nil for `results/TIME`.
    public var out: String?
    public var reproduce: String

    public init(
        kernel: KernelRequest, machine: MachineOptions, mutants: [Mutant], runs: Int, reach: Reach, jobs: Int?, buildJobs: Int, out: String?,
        reproduce: String
    ) {
        self.kernel = kernel
        self.machine = machine
        self.mutants = mutants
        self.runs = runs
        self.reach = reach
        self.jobs = jobs
        self.buildJobs = buildJobs
        self.out = out
        self.reproduce = reproduce
    }
}

/// Runs mutants: each is built incrementally in one tree, one after the other, and meets its scenarios while the next is built.
public struct MutantSession: Sendable {
    private let workshop: Workshop
    private let today: Day
    private var cache: Cache { workshop.cache }
    /// For what runs beside others: its words would stand among theirs.
    private var quiet: Workshop { Workshop(cache: cache, vm: workshop.vm, agent: workshop.agent, progress: .silent) }

    /// - Parameter today: for the allow-list's expiry.
    public init(workshop: Workshop, today: Day) {
        self.workshop = workshop
        self.today = today
    }

    /// Does the whole of it.
    ///
    /// - Parameter report: called with each result as it comes, with one at a time.
    /// - Returns: the table, in the order of the request, and the results folder.
    /// - Throws: `HarnessError`: input for a mutant that does not apply; harness where the unmodified kernel fails what the
    ///   mutants are judged by. `CancellationError` with the tree put back.
    public func run(
        _ request: MutantRequest, report: @escaping @Sendable (MutantResult) -> Void
    ) async throws -> (table: MutantTable, folder: String) {
        try ResultsFolder.check(request.out)
        let builder = KernelBuilder(cache: cache, vm: workshop.vm, jobs: request.buildJobs, progress: workshop.progress)
        let source = try await builder.resolve(request.kernel)
        return try await cache.locked(
            "mutants-" + source.id, waiting: { workshop.progress.say("waiting for another run of mutants of the same source") }
        ) {
            let tree = try await MutantTree(source, cache: cache, progress: workshop.progress)
            try await tree.check(request.mutants)
            let folder = try ResultsFolder(request.out)
            let work = Work(
                request: request, builder: builder, tree: tree, folder: folder,
                ledger: MutantLedger(request.mutants, source: source.identity, runs: request.runs, folder: folder, report: report))
            try await inLanes(request.mutants, work, try await grounds(work))
            return (work.ledger.table, folder.path)
        }
    }

    /// What all mutants share.
    private struct Work: Sendable {
        var request: MutantRequest
        var builder: KernelBuilder
        var tree: MutantTree
        var folder: ResultsFolder
        var ledger: MutantLedger
    }

    /// An unmodified kernel, and how the machines of its profile are shared out.
    private struct Ground: Sendable {
        var bench: Bench
        var base: MutantBase
        /// Mutants that meet their scenarios at a time. One alone mostly waits: for a buffer that does not come back.
        var lanes: Int
        /// Machines that each of them has.
        var jobs: Int

        init(bench: Bench, base: MutantBase, request: MutantRequest) {
            self.bench = bench
            self.base = base
            let machines = max(1, request.jobs ?? bench.guests)
            lanes = max(1, min(request.mutants.count, machines / 2))
            jobs = machines / lanes
        }
    }

    /// Builds one after the other, as there is one tree. What was built meets its scenarios meanwhile.
    private func inLanes(_ mutants: [Mutant], _ work: Work, _ grounds: [String: Ground]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var running = 0
            for mutant in mutants {
                guard let ground = grounds[mutant.profile] else { continue }
                try Task.checkCancellation()
                workshop.progress.say("mutant \(mutant.name): \(mutant.subject)")
                var result = MutantResult(mutant)
                guard let kernel = try await kernel(of: mutant, work, ground, &result) else {
                    try work.ledger.add(result)
                    continue
                }
                while running >= ground.lanes {
                    try await group.next()
                    running -= 1
                }
                running += 1
                let built = result
                group.addTask { try work.ledger.add(try await judge(mutant, kernel, built, work, ground)) }
            }
            try await group.waitForAll()
        }
    }

    /// The scenarios a mutant is tried on first: the quick ones of its filter, then the thorough ones. None that ends a kernel without the mutant.
    static func first(_ mutant: Mutant) -> [Scenario] {
        var taken: Set<String> = []
        let all = mutant.filter.flatMap { Catalogue.select($0, all: true) + MutantDraw.scenarios($0) }
            .filter { taken.insert($0.id).inserted && !$0.hidden && !KnownBugs.ending.contains($0.id) }
        return all.filter { !$0.thorough } + all.filter { $0.thorough }
    }

    /// The rest of the quick catalogue: what is tried where nothing that a mutant was made for notices it.
    static func rest(_ mutant: Mutant) -> [Scenario] {
        let there = Set(first(mutant).map(\.id))
        return Catalogue.select(nil).filter { !there.contains($0.id) }
    }

    // MARK: - The unmodified kernel

    /// An unmodified kernel in every profile that a mutant names, each having passed all that the mutants are surely judged by.
    private func grounds(_ work: Work) async throws -> [String: Ground] {
        var grounds: [String: Ground] = [:]
        for mutant in work.request.mutants where grounds[mutant.profile] == nil {
            let profile = mutant.profile
            var kernel = work.request.kernel
            kernel.profile = profile
            let bench = try await workshop.prepare(kernel: kernel, machine: work.request.machine, buildJobs: work.request.buildJobs)
            let ground = Ground(bench: bench, base: try MutantBase(bench, cache: cache), request: work.request)
            let judged = work.request.mutants.filter { $0.profile == profile }
            let sure = judged.flatMap { Self.first($0) + (work.request.reach == .whole ? Self.rest($0) : []) }
            try await prove(sure, ground, work, jobs: ground.lanes * ground.jobs, name: "base-" + profile)
            grounds[profile] = ground
        }
        return grounds
    }

    /// Has the unmodified kernel pass what it is not known to pass. The quick catalogue waits for the first mutant that gets so far: under
    /// `debug` it takes longer than all mutants together, and mostly none does.
    private func prove(_ scenarios: [Scenario], _ ground: Ground, _ work: Work, jobs: Int, name: String) async throws {
        // Another mutant may be waiting for the same proof.
        try await ground.base.locked(cache) {
            var taken: Set<String> = []
            let proven = ground.base.proven
            let unknown = scenarios.filter { !proven.contains($0.id) && taken.insert($0.id).inserted }
            guard !unknown.isEmpty else { return }
            let plural = unknown.count == 1 ? "" : "s"
            workshop.progress.say("the unmodified kernel first: \(unknown.count) scenario\(plural), profile \(ground.bench.kernel.profile)")
            let outcome = try await self.scenarios(unknown, on: ground.bench, work, jobs: jobs, name: name, stop: false)
            try ground.base.note(outcome.results, folder: outcome.folder)
        }
    }

    // MARK: - One mutant

    /// The mutant's kernel; nil where there is none that could be judged, and `result` says why.
    private func kernel(of mutant: Mutant, _ work: Work, _ ground: Ground, _ result: inout MutantResult) async throws -> KernelBuild? {
        let clock = ContinuousClock()
        let begin = clock.now
        defer { result.buildSeconds = ScenarioTrial.seconds(clock.now - begin) }
        let kernel: KernelBuild
        do {
            kernel = try await build(mutant, work)
        } catch let error as HarnessError where error.blame == .kernel {
            result.verdict = .doesNotBuild
            result.note = error.evidence.first ?? error.message
            return nil
        }
        if let reason = kernel.netdevsimReason, ground.bench.kernel.netdevsim != nil {
            // Without the module every scenario would be skipped, and the mutant would count as missed.
            result.verdict = .doesNotBuild
            result.note = reason
            return nil
        }
        result.note = Self.warning(Files.text(kernel.log) ?? "", in: mutant.files)
        return kernel
    }

    /// Boots the mutant's kernel and runs what is to judge it.
    private func judge(
        _ mutant: Mutant, _ kernel: KernelBuild, _ built: MutantResult, _ work: Work, _ ground: Ground
    ) async throws -> MutantResult {
        var result = built
        let clock = ContinuousClock()
        let begin = clock.now
        let bench = try await quiet.bench(kernel, machine: work.request.machine)
        let store = SnapshotStore(cache: cache, progress: .silent)
        let snapshot: Snapshot
        do {
            snapshot = try await store.snapshot(bench.plan, bootConsole: work.folder.path + "/\(mutant.name)-boot.log")
        } catch let error as HarnessError where error.blame == .kernel {
            result.verdict = .doesNotBoot
            result.note = error.message
            result.runSeconds = ScenarioTrial.seconds(clock.now - begin)
            return result
        }
        // A hundred MB for each mutant, and none is booted twice.
        defer { try? Files.remove(snapshot.folder) }
        try await run(mutant, on: bench, work, ground, &result)
        result.runSeconds = ScenarioTrial.seconds(clock.now - begin)
        return result
    }

    private func build(_ mutant: Mutant, _ work: Work) async throws -> KernelBuild {
        var kernel = work.request.kernel
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

    private func run(_ mutant: Mutant, on bench: Bench, _ work: Work, _ ground: Ground, _ result: inout MutantResult) async throws {
        if Self.first(mutant).isEmpty { result.note = [result.note, "no scenario matches its Filter"].compactMap { $0 }.joined(separator: "; ") }
        let results = try await course(mutant, on: bench, work, ground, name: mutant.name)
        guard !results.isEmpty else { return }
        result.ran = results.count
        result.skipped = results.count { $0.verdict == .skip }
        result.catches = results.compactMap(MutantResult.Catch.init)
        (result.seen, result.tries) = (result.catches.isEmpty ? 0 : 1, 1)
        for results in try await again(mutant, noticed: result.catches.first, on: bench, work, ground) {
            let caught = results.compactMap(MutantResult.Catch.init)
            result.tries += 1
            if !caught.isEmpty { result.seen += 1 }
            result.catches += caught.filter { one in !result.catches.contains { $0.scenario == one.scenario } }
        }
        result.verdict = result.seen == 0 ? .missed : result.seen == result.tries ? .caught : .luck
    }

    /// What its header names, then the quick catalogue, as far as the request reaches: up to the first that notices, or all of it.
    private func course(
        _ mutant: Mutant, except: Scenario? = nil, on bench: Bench, _ work: Work, _ ground: Ground, name: String
    ) async throws -> [ScenarioResult] {
        let whole = work.request.reach == .whole
        let first = Self.first(mutant).filter { $0.id != except?.id }
        var results = first.isEmpty ? [] : try await scenarios(first, on: bench, work, jobs: ground.jobs, name: name, stop: !whole).results
        guard work.request.reach != .filter, whole || !results.contains(where: { MutantResult.Catch($0) != nil }) else { return results }
        let rest = Self.rest(mutant).filter { $0.id != except?.id }
        try await prove(rest, ground, work, jobs: ground.jobs, name: "base-\(mutant.profile)-for-\(name)")
        results += try await scenarios(rest, on: bench, work, jobs: ground.jobs, name: name + "-rest", stop: !whole).results
        return results
    }

    /// The runs after the first. What noticed the mutant is asked first, by itself and in all of them at a time, as there is nothing else
    /// to run; where it does not notice it again, the others are asked. Where nothing did, what was likeliest may yet.
    private func again(
        _ mutant: Mutant, noticed: MutantResult.Catch?, on bench: Bench, _ work: Work, _ ground: Ground
    ) async throws -> [[ScenarioResult]] {
        let numbers = 2..<max(2, work.request.runs + 1)
        guard let noticed = noticed.flatMap({ Catalogue.named($0.scenario) }) else {
            let first = Self.first(mutant)
            var all: [[ScenarioResult]] = []
            for number in numbers where !first.isEmpty {
                all.append(try await scenarios(first, on: bench, work, jobs: ground.jobs, name: "\(mutant.name)-\(number)", stop: true).results)
            }
            return all
        }
        var all = try await withThrowingTaskGroup { group in
            for number in numbers {
                group.addTask {
                    (number, try await scenarios([noticed], on: bench, work, jobs: ground.jobs, name: "\(mutant.name)-\(number)", stop: true).results)
                }
            }
            return try await group.reduce(into: [Int: [ScenarioResult]]()) { $0[$1.0] = $1.1 }
        }
        for number in numbers where !(all[number] ?? []).contains(where: { MutantResult.Catch($0) != nil }) {
            all[number, default: []] += try await course(mutant, except: noticed, on: bench, work, ground, name: "\(mutant.name)-\(number)-others")
        }
        return numbers.compactMap { all[$0] }
    }

    /// - Throws: `CancellationError` where the run was interrupted.
    private func scenarios(_ scenarios: [Scenario], on bench: Bench, _ work: Work, jobs: Int, name: String, stop: Bool) async throws -> RunOutcome {
        var request = RunRequest(
            kernel: work.request.kernel, machine: work.request.machine, scenarios: scenarios, isolation: .group, jobs: jobs,
            buildJobs: work.request.buildJobs, out: work.folder.path + "/" + name, allowList: AllowList(), reproduce: work.request.reproduce)
        request.stopAtFailure = stop
        request.needsWholeMachines = true
        let outcome = try await RunSession(workshop: quiet, today: today).run(request, on: bench)
        if outcome.interrupted { throw CancellationError() }
        return outcome
    }

    /// The first warning that the compiler had for a file of the mutant's.
    static func warning(_ log: String, in files: [String]) -> String? {
        log.split(separator: "\n").lazy.map(String.init).first { line in line.contains("warning:") && files.contains { line.contains($0) } }
    }
}
