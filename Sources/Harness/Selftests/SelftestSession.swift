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

    public init(kernel: KernelRequest, machine: MachineOptions, plans: [SelftestPlan], named: Bool, buildJobs: Int, out: String?, allowList: AllowList, reproduce: String) {
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
        "bash", "bpftool", "coreutils", "dash", "ethtool", "findutils", "gawk", "grep", "hostname", "iperf3", "iproute2", "iputils-ping", "kmod", "mawk", "mount",
        "procps", "python3", "python3-yaml", "sed", "socat", "udev", "util-linux",
    ]
    private static let suite = "trixie"

    /// Does the whole of it.
    ///
    /// - Throws: `HarnessError` where there is no kernel, no root file system, no boot, or no place for results. What a test finds is a result.
    public func run(_ request: SelftestRequest) async throws -> SelftestOutcome {
        try ResultsFolder.check(request.out)
        let begin = ContinuousClock.now
        let started = Date()
        let root = try await DebianRoot(cache: workshop.cache, progress: progress, suite: Self.suite).folder(DebianRoot.Contents(packages: Self.packages))
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
        let scale = request.machine.timeoutScale * bench.slowness
        let store = SnapshotStore(cache: workshop.cache, progress: progress)
        _ = try await store.snapshot(bench.plan, bootConsole: folder.path + "/boot-console.log")

        var results: [ScenarioResult] = []
        var guest: GuestInfo?
        var interrupted = false
        var fault: (any Error)?
        do {
            for (number, plan) in request.plans.enumerated() {
                guard Self.has(plan, tree) else {
                    results.append(
                        ScenarioResult(
                            scenario: "\(plan.name).\(SelftestJudge.whole)", tier: .netdevsim, provider: plan.provider, verdict: .skip,
                            reason: "Linux \(kernel.release) has no such test"))
                    continue
                }
                progress.say("\(plan.program)\(plan.setting == .bare ? ", which makes its own devices" : ", NETIF=nic0") (\(number + 1) of \(request.plans.count))")
                let (judged, met) = try await run(plan, bench, store, folder, scale, request)
                (results, guest) = (results + judged, met)
                for (inner, result) in judged.enumerated() { progress.result(result, done: inner + 1, of: judged.count) }
            }
        } catch is CancellationError {
            interrupted = true
        } catch {
            // What is there already is not lost for it.
            fault = error
        }
        guest?.traceFormats = [:]
        let metadata = RunMetadata(
            tool: Workshop.version, kernel: bench.kernel, guest: guest, image: bench.image.key, accelerator: bench.acceleration.accelerator,
            acceleratorReason: bench.acceleration.reason, qemuVersion: bench.qemuVersion,
            qemuCommandLine: [request.machine.qemu] + bench.plan.line.arguments(sockets: "SOCKETS"), isolation: Isolation.scenario.rawValue,
            timeoutScale: scale, seed: "the tests draw their own", reproduce: request.reproduce,
            options: request.kernel.configuration + request.machine.shape, configuration: nil, started: started.formatted(.iso8601),
            seconds: ScenarioTrial.seconds(ContinuousClock.now - begin), starts: nil)
        try folder.write("metadata.json", json: metadata)
        try folder.write("results.json", try RunResult(toolVersion: Workshop.version, results: results).json())
        try folder.write("junit.xml", JUnit.document(results))
        try folder.write("results.ktap", KTAP.document(results) + (interrupted ? "Bail out! interrupted\n" : fault.map { "Bail out! \($0)\n" } ?? ""))
        if let fault {
            progress.say("results so far: \(folder.path)")
            throw fault
        }
        return SelftestOutcome(results: results, release: kernel.release, folder: folder.path, interrupted: interrupted)
    }

    /// The kernel, and the selftests of the very same source.
    private func built(_ request: SelftestRequest) async throws -> (KernelBuild, String) {
        var kernel = request.kernel
        kernel.variant = "selftests"
        let builder = KernelBuilder(cache: workshop.cache, vm: workshop.vm, jobs: request.buildJobs, progress: progress)
        let liburing = try await Liburing(cache: workshop.cache, progress: progress).folder()
        func both(_ source: ResolvedSource) async throws -> (KernelBuild, String) {
            let sources = KernelSource(cache: workshop.cache, progress: progress)
            let lock = KernelBuilder.turn(kernel, of: source)
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
                    throw HarnessError(.input, "the source changed while its kernel was built: the selftests would be of another state", hint: "run again")
                }
                let tree = SelftestTree(cache: workshop.cache, progress: progress)
                // Of a kernel that was built elsewhere the identity says nothing of its source.
                let isBuilt = if case .built = source.material { true } else { false }
                return (build, try await tree.folder(source: folder, identity: isBuilt ? nil : identity, liburing: liburing, jobs: request.buildJobs).path)
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
        plan.program == SelftestCatalogue.liburing || Disk.isFile(tree + "/tools/testing/selftests/" + plan.program)
    }

    private func run(
        _ plan: SelftestPlan, _ bench: Bench, _ store: SnapshotStore, _ folder: ResultsFolder, _ scale: Double, _ request: SelftestRequest
    ) async throws -> ([ScenarioResult], GuestInfo) {
        let name = plan.name.replacing("/", with: ".")
        let place = try folder.scenario(name)
        return try await store.withMachine(bench.plan, console: place + "/console.log") { machine, ready in
            let guest = try UnitRunner.agreed(ready)
            return try await GuestSession.with(machine) { session in
                let outcome = try await ScenarioTrial(selftest: plan, scale: scale, guest: guest).run(session)
                try folder.keep(outcome.take, of: name, formats: guest.traceFormats)
                let lines = outcome.take.events.filter { $0.kind == .output }.map { SelftestEvidence.Line($0.message ?? "", time: $0.time) }
                try folder.write(place + "/output.log", lines.map { $0.text + "\n" }.joined())
                let needs: [Provider: Set<Need>] = [.devmem: [.interface, .devmem], .zcrx: [.interface, .zcrx]]
                let promised = needs.filter { $0.value.isSubset(of: bench.promises) }
                let judge = SelftestJudge(allowList: request.allowList, promised: Set(promised.keys), today: today)
                return (judge.judge(SelftestEvidence(plan: plan, lines: lines, whole: outcome.evidence)), guest)
            }
        }
    }
}
