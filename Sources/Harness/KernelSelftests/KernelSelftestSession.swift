// SPDX-License-Identifier: GPL-2.0

import Checks
import Foundation
public import Results
import Scenarios

/// Which of the kernel's own selftests to run, and on what.
public struct KernelSelftestRequest: Sendable {
    public var settings: RunSettings
    public var plans: [KernelSelftestPlan]
    /// Whether the user named them: a test that the tree does not have is then an error, otherwise a skip.
    public var named: Bool

    public init(_ settings: RunSettings, plans: [KernelSelftestPlan], named: Bool) {
        self.settings = settings
        self.plans = plans
        self.named = named
    }
}

/// The outcome of a run of kernel selftests.
public struct KernelSelftestOutcome: Sendable {
    /// For each program its cases, then the result of the whole program.
    public var results: [ScenarioResult]
    public var release: String
    public var folder: String
    public var interrupted: Bool
    /// Why results are missing, or could not be written.
    public var fault: (any Error)?
}

/// Runs the kernel's own selftests, unmodified, on netdevsim in the guest: each program on a machine of its own.
public struct KernelSelftestSession: Sendable {
    private let context: HarnessContext

    public init(_ context: HarnessContext) { self.context = context }

    private var progress: Progress { context.progress }

    /// Debian packages whose programs or files the tests use; udev is for `udevadm settle`.
    private static let packages = [
        "bash", "bpftool", "coreutils", "dash", "ethtool", "findutils", "gawk", "grep", "hostname", "iperf3", "iproute2", "iputils-ping", "kmod",
        "mawk", "mount",
        "procps", "python3", "python3-yaml", "sed", "socat", "udev", "util-linux",
    ]
    private static let suite = "trixie"

    /// Prepares kernel, selftests and guest, runs the programs, and writes the results.
    ///
    /// - Throws: `HarnessError` where there is no kernel, no root file system, no boot, or no place for results. A test's failure is a result.
    public func run(_ request: KernelSelftestRequest) async throws -> KernelSelftestOutcome {
        try ResultsFolder.check(request.settings.out)
        try Self.requireNames(request.plans)
        let begin = (clock: ContinuousClock.now, date: Date())
        let prepared = try await prepare(request)
        var results: [ScenarioResult] = []
        var guest: GuestInfo?
        var interrupted = false
        var fault: (any Error)?
        do {
            for (number, plan) in request.plans.enumerated() {
                progress.report(
                    "\(plan.program)\(plan.setting == .bare ? ", which makes its own devices" : ", NETIF=nic0") (\(number + 1) of \(request.plans.count))"
                )
                let (judged, info) = try await run(plan, prepared)
                (results, guest) = (results + judged, info ?? guest)
                // The result line of a case that passed was printed as it arrived.
                for (inner, result) in judged.enumerated() where result.verdict != .pass || inner == judged.count - 1 {
                    progress.result(result, done: inner + 1, of: judged.count)
                }
            }
        } catch is CancellationError {
            interrupted = true
        } catch {
            // The results so far are still written.
            fault = error
        }
        let metadata = RunMetadata(
            prepared.machine, request.settings, guest: guest, isolation: .scenario, seed: "the tests draw their own", configuration: nil,
            begin: begin, starts: nil)
        do {
            try prepared.folder.finish(results, metadata, bail: interrupted ? "interrupted" : fault.map { "\($0)" })
        } catch {
            fault = fault ?? error
        }
        return KernelSelftestOutcome(
            results: results, release: prepared.machine.kernel.release, folder: prepared.folder.path, interrupted: interrupted, fault: fault)
    }

    /// Results and folders are named after the programs without their extensions.
    ///
    /// - Throws: `HarnessError` where two have the same name.
    static func requireNames(_ plans: [KernelSelftestPlan]) throws {
        var programs: [String: String] = [:]
        for plan in plans {
            guard let other = programs.updateValue(plan.program, forKey: plan.name) else { continue }
            throw HarnessError(
                .input, "\(other) and \(plan.program) have the same name in the results, \(plan.name)",
                hint: "run them one after the other, each with its own --out")
        }
    }

    /// The machine and the selftests that the programs need.
    private struct PreparedSelftests {
        var machine: PreparedMachine
        /// The selftests of the kernel's source.
        var tree: String
        var folder: ResultsFolder
        var judge: KernelSelftestJudge
    }

    private func prepare(_ request: KernelSelftestRequest) async throws -> PreparedSelftests {
        let root = try await DebianRoot(cache: context.cache, progress: progress, suite: Self.suite).folder(
            DebianRoot.Contents(packages: Self.packages))
        let (kernel, tree) = try await build(request)
        // In the folder of the kernel's selftests, as all others.
        var others: [(guestPath: String, hostPath: String)] = []
        if request.plans.contains(where: { $0.program == KernelSelftestCatalogue.liburing }) {
            let test = try await Liburing(cache: context.cache, progress: progress).test()
            others.append(("/selftests/src/tools/testing/selftests/liburing", (test.path as NSString).deletingLastPathComponent))
        }
        let machine = try await context.machine(
            of: kernel, request.settings.machine, trees: [("/selftests", root.path), ("/selftests/src", tree)] + others)
        let folder = try ResultsFolder(request.settings.out)
        try await context.boot(machine, bootConsole: folder.path + "/boot-console.log")
        return PreparedSelftests(
            machine: machine, tree: tree, folder: folder,
            judge: KernelSelftestJudge(allowList: request.settings.allowList, guaranteed: machine.guaranteed, today: context.today))
    }

    /// The kernel, and the selftests of the same source.
    private func build(_ request: KernelSelftestRequest) async throws -> (KernelBuild, tree: String) {
        var kernel = request.settings.kernel
        kernel.variant = "selftests"
        let builder = context.builder(jobs: request.settings.buildJobs)
        let liburing = try await Liburing(cache: context.cache, progress: progress).folder()
        func both(_ source: ResolvedSource) async throws -> (KernelBuild, String) {
            let sources = KernelSource(cache: context.cache, progress: progress, sandbox: context.sandbox)
            let lock = KernelBuilder.lock(kernel, of: source)
            // Before the kernel is built, which takes minutes.
            let folder = try await context.cache.locked(lock, waiting: { progress.report("waiting for another run that builds the same source") }) {
                try await self.tree(source, sources).folder
            }
            if request.named, let plan = request.plans.first(where: { !Self.has($0, folder) }) {
                throw HarnessError(
                    .input, "this kernel's source has no tools/testing/selftests/\(plan.program)",
                    hint: "give its path there; `ppiov kselftest --list` lists those about memory providers")
            }
            if case .built = source.material {} else { kernel.configFiles.insert(context.vm + "/config/additions/selftests.config", at: 0) }
            let build = try await builder.build(kernel, of: source)
            return try await context.cache.locked(lock, waiting: { progress.report("waiting for another run that builds the same source") }) {
                let (folder, identity) = try await self.tree(source, sources)
                guard identity == build.source else {
                    throw HarnessError(
                        .input, "the source changed while its kernel was built, and its selftests may have, too", hint: "run again")
                }
                let tree = KernelSelftestTree(cache: context.cache, progress: progress, sandbox: context.sandbox)
                // The identity of a kernel that was built elsewhere does not cover its source.
                let isBuilt = if case .built = source.material { true } else { false }
                return (
                    build,
                    try await tree.folder(source: folder, identity: isBuilt ? nil : identity, liburing: liburing, jobs: request.settings.buildJobs)
                        .path
                )
            }
        }
        guard !kernel.series.isEmpty else { return try await both(try await builder.resolve(kernel)) }
        return try await SeriesSource.with(kernel.series, over: kernel.source, cache: context.cache, progress: progress) { source in
            try await both(try source.source(after: source.series.patches.count))
        }
    }

    /// The source that a kernel is, or was, built from. Under the source's lock.
    private func tree(_ source: ResolvedSource, _ sources: KernelSource) async throws -> (folder: String, identity: String) {
        guard case .built(let objects) = source.material else {
            let (folder, source, _) = try await sources.materialize(source)
            return (folder, source.identity)
        }
        guard let tree = KernelTree.source(ofBuilt: objects) else {
            throw HarnessError(.input, "the source of the kernel built in \(objects) is not there, and the selftests are taken from it")
        }
        return (tree, source.identity)
    }

    /// The file with the settings of all programs of its folder.
    private static func settings(of plan: KernelSelftestPlan, _ tree: String) -> String {
        (tree + "/tools/testing/selftests/" + plan.program as NSString).deletingLastPathComponent + "/settings"
    }

    private static func has(_ plan: KernelSelftestPlan, _ tree: String) -> Bool {
        plan.program == KernelSelftestCatalogue.liburing || Files.isFile(tree + "/tools/testing/selftests/" + plan.program)
    }

    /// One program on a machine of its own.
    private func run(_ plan: KernelSelftestPlan, _ prepared: PreparedSelftests) async throws -> ([ScenarioResult], GuestInfo?) {
        let (machine, folder) = (prepared.machine, prepared.folder)
        var plan = plan
        plan.limit = Files.text(Self.settings(of: plan, prepared.tree)).flatMap(KernelSelftestPlan.limit(inSettings:))
        guard Self.has(plan, prepared.tree) else {
            let missing = ScenarioResult(
                scenario: "\(plan.name).\(KernelSelftestJudge.whole)", tier: .netdevsim, provider: plan.provider, verdict: .skip,
                reason: "Linux \(machine.kernel.release) has no such test")
            return ([missing], nil)
        }
        let name = plan.name.replacing("/", with: ".")
        let place = try folder.scenario(name)
        var machinePlan = machine.plan
        machinePlan.line.singleThreadedTCG = plan.changesCode
        return try await context.snapshots.withMachine(machinePlan, console: place + "/console.log") { guestMachine, ready in
            let guest = try UnitRunner.guest(ready)
            return try await GuestSession.with(guestMachine) { session in
                var trial = ScenarioTrial(selftest: plan, isSlow: machine.isSlow, scale: machine.timeoutScale, guest: guest)
                trial.onEvent = { [progress] event in
                    if event.kind == .output, let line = event.message, KTAPLine.isResult(line) { progress.report("  " + line) }
                }
                let outcome = try await trial.run(session)
                try folder.keep(outcome.output, of: name, formats: outcome.evidence.formats)
                let lines = outcome.output.events.filter { $0.kind == .output }.map { KernelSelftestEvidence.Line($0.message ?? "", time: $0.time) }
                try folder.write(place + "/output.log", lines.map { $0.text + "\n" }.joined())
                return (prepared.judge.verdicts(KernelSelftestEvidence(plan: plan, lines: lines, whole: outcome.evidence)), guest)
            }
        }
    }
}
