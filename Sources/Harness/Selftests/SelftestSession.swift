// SPDX-License-Identifier: GPL-2.0

public import Checks
import Foundation
public import Results
import Scenarios

/// Which of the kernel's own selftests to run, and on what.
public struct SelftestRequest: Sendable {
    public var kernel: KernelRequest
    public var machine: MachineOptions
    public var plans: [SelftestPlan]
    /// Whether they were asked for by name: one that the tree does not have is an error then, and a skip else.
    public var named: Bool
    /// Compilers at a time.
    public var buildJobs: Int
    /// The results folder; nil for `results/TIME`.
    public var out: String?
    public var allowList: AllowList
    /// The command that runs the same again.
    public var reproduce: String

    public init(
        kernel: KernelRequest, machine: MachineOptions, plans: [SelftestPlan], named: Bool, buildJobs: Int, out: String?, allowList: AllowList,
        reproduce: String
    ) {
        self.kernel = kernel
        self.machine = machine
        self.plans = plans
        self.named = named
        self.buildJobs = buildJobs
        self.out = out
        self.allowList = allowList
        self.reproduce = reproduce
    }
}

/// What came of it.
public struct SelftestOutcome: Sendable {
    /// For each program its cases, and behind them what is around them all.
    public var results: [ScenarioResult]
    public var release: String
    public var folder: String
    public var interrupted: Bool
}

/// Runs the kernel's own selftests, unmodified, on netdevsim in the guest: each program on a machine of its own.
public struct SelftestSession: Sendable {
    private let workshop: Workshop
    private let today: Day

    /// - Parameter today: for the allow-list's expiry.
    public init(workshop: Workshop, today: Day) {
        self.workshop = workshop
        self.today = today
    }

    private var progress: Progress { workshop.progress }

    /// Packages of Debian's that the tests call programs or read files of. udev is there for `udevadm settle`, which has nothing to wait for.
    private static let packages = [
        "bash", "bpftool", "coreutils", "dash", "ethtool", "findutils", "gawk", "grep", "hostname", "iperf3", "iproute2", "iputils-ping", "kmod",
        "mawk", "mount",
        "procps", "python3", "python3-yaml", "sed", "socat", "udev", "util-linux",
    ]
    private static let suite = "trixie"

    /// Does the whole of it.
    ///
    /// - Throws: `HarnessError` where there is no kernel, no root file system, no boot, or no place for results. What a test finds is a result.
    public func run(_ request: SelftestRequest) async throws -> SelftestOutcome {
        try ResultsFolder.check(request.out)
        let begin = (clock: ContinuousClock.now, date: Date())
        let stand = try await prepare(request)
        let (bench, folder) = (stand.bench, stand.folder)
        var results: [ScenarioResult] = []
        var guest: GuestInfo?
        var interrupted = false
        var fault: (any Error)?
        do {
            for (number, plan) in request.plans.enumerated() {
                progress.say(
                    "\(plan.program)\(plan.setting == .bare ? ", which makes its own devices" : ", NETIF=nic0") (\(number + 1) of \(request.plans.count))"
                )
                let (judged, met) = try await run(plan, stand, request)
                (results, guest) = (results + judged, met ?? guest)
                // What it said of a case that passed has been shown as it came.
                for (inner, result) in judged.enumerated() where result.verdict != .pass || inner == judged.count - 1 {
                    progress.result(result, done: inner + 1, of: judged.count)
                }
            }
        } catch is CancellationError {
            interrupted = true
        } catch {
            // What is there already is not lost for it.
            fault = error
        }
        let metadata = RunMetadata(
            bench, kernel: request.kernel, machine: request.machine, guest: guest, isolation: .scenario, scale: stand.scale,
            seed: "the tests draw their own",
            reproduce: request.reproduce, configuration: nil, begin: begin, starts: nil)
        try folder.finish(results, metadata, bail: interrupted ? "interrupted" : fault.map { "\($0)" })
        if let fault {
            progress.say("results so far: \(folder.path)")
            throw fault
        }
        return SelftestOutcome(results: results, release: bench.kernel.release, folder: folder.path, interrupted: interrupted)
    }

    /// Everything that the programs run on, ready.
    private struct Stand {
        var bench: Bench
        /// The selftests of the kernel's source.
        var tree: String
        var store: SnapshotStore
        var folder: ResultsFolder
        /// Multiplies every deadline.
        var scale: Double
    }

    private func prepare(_ request: SelftestRequest) async throws -> Stand {
        let root = try await DebianRoot(cache: workshop.cache, progress: progress, suite: Self.suite).folder(
            DebianRoot.Contents(packages: Self.packages))
        let (kernel, tree) = try await built(request)
        // Beside the kernel's, where all others are found.
        var others: [(guestPath: String, hostPath: String)] = []
        if request.plans.contains(where: { $0.program == SelftestCatalogue.liburing }) {
            let test = try await Liburing(cache: workshop.cache, progress: progress).test()
            others.append(("/selftests/src/tools/testing/selftests/liburing", (test.path as NSString).deletingLastPathComponent))
        }
        let bench = try await workshop.bench(
            kernel, machine: request.machine, trees: [("/selftests", root.path), ("/selftests/src", tree)] + others)
        let folder = try ResultsFolder(request.out)
        let store = SnapshotStore(cache: workshop.cache, progress: progress)
        _ = try await store.snapshot(bench.plan, bootConsole: folder.path + "/boot-console.log")
        workshop.noteBootSplats(folder.path + "/boot-console.log")
        return Stand(bench: bench, tree: tree, store: store, folder: folder, scale: request.machine.timeoutScale * bench.slowness)
    }

    /// The kernel, and the selftests of the very same source.
    private func built(_ request: SelftestRequest) async throws -> (KernelBuild, String) {
        var kernel = request.kernel
        kernel.variant = "selftests"
        let builder = KernelBuilder(cache: workshop.cache, vm: workshop.vm, jobs: request.buildJobs, progress: progress)
        let liburing = try await Liburing(cache: workshop.cache, progress: progress).folder()
        func both(_ source: ResolvedSource) async throws -> (KernelBuild, String) {
            let sources = KernelSource(cache: workshop.cache, progress: progress)
            let lock = KernelBuilder.lock(kernel, of: source)
            // Before the kernel is built, which takes minutes.
            let folder = try await workshop.cache.locked(lock, waiting: { progress.say("waiting for another run that builds the same source") }) {
                try await self.tree(source, sources).folder
            }
            if request.named, let plan = request.plans.first(where: { !Self.has($0, folder) }) {
                throw HarnessError(
                    .input, "this kernel's source has no tools/testing/selftests/\(plan.program)",
                    hint: "a test is named by its path there; `ppiov kselftest --list` names those about memory providers")
            }
            if case .built = source.material {} else { kernel.configFiles.insert(workshop.vm + "/config/selftests.config", at: 0) }
            let build = try await builder.build(kernel, of: source)
            return try await workshop.cache.locked(lock, waiting: { progress.say("waiting for another run that builds the same source") }) {
                let (folder, identity) = try await self.tree(source, sources)
                guard identity == build.source else {
                    throw HarnessError(
                        .input, "the source changed while its kernel was built: the selftests would be of another state", hint: "run again")
                }
                let tree = SelftestTree(cache: workshop.cache, progress: progress)
                // Of a kernel that was built elsewhere the identity says nothing of its source.
                let isBuilt = if case .built = source.material { true } else { false }
                return (
                    build, try await tree.folder(source: folder, identity: isBuilt ? nil : identity, liburing: liburing, jobs: request.buildJobs).path
                )
            }
        }
        guard !kernel.series.isEmpty else { return try await both(try await builder.resolve(kernel)) }
        return try await SeriesSource.with(kernel.series, over: kernel.source, cache: workshop.cache, progress: progress) { source in
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
            throw HarnessError(.input, "the source of the kernel built in \(objects) is not there to take the selftests from")
        }
        return (tree, source.identity)
    }

    private static func has(_ plan: SelftestPlan, _ tree: String) -> Bool {
        plan.program == SelftestCatalogue.liburing || Files.isFile(tree + "/tools/testing/selftests/" + plan.program)
    }

    /// One program on a machine of its own.
    private func run(_ plan: SelftestPlan, _ stand: Stand, _ request: SelftestRequest) async throws -> ([ScenarioResult], GuestInfo?) {
        let (bench, folder) = (stand.bench, stand.folder)
        guard Self.has(plan, stand.tree) else {
            let missing = ScenarioResult(
                scenario: "\(plan.name).\(SelftestJudge.whole)", tier: .netdevsim, provider: plan.provider, verdict: .skip,
                reason: "Linux \(bench.kernel.release) has no such test")
            return ([missing], nil)
        }
        let name = plan.name.replacing("/", with: ".")
        let place = try folder.scenario(name)
        var machine = bench.plan
        machine.line.singleThreadedTCG = plan.changesCode
        return try await stand.store.withMachine(machine, console: place + "/console.log") { machine, ready in
            let guest = try UnitRunner.agreed(ready)
            return try await GuestSession.with(machine) { session in
                var trial = ScenarioTrial(selftest: plan, scale: stand.scale, guest: guest)
                trial.heard = { [progress] event in
                    if event.kind == .output, let line = event.message, KTAPLine.isResult(line) { progress.say("  " + line) }
                }
                let outcome = try await trial.run(session)
                try folder.keep(outcome.take, of: name, formats: guest.traceFormats)
                let lines = outcome.take.events.filter { $0.kind == .output }.map { SelftestEvidence.Line($0.message ?? "", time: $0.time) }
                try folder.write(place + "/output.log", lines.map { $0.text + "\n" }.joined())
                let judge = SelftestJudge(allowList: request.allowList, guaranteed: bench.guaranteed, today: today)
                return (judge.judge(SelftestEvidence(plan: plan, lines: lines, whole: outcome.evidence)), guest)
            }
        }
    }
}
