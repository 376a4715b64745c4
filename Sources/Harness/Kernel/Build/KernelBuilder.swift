// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// Builds kernels, and returns those in the cache that were built before.
///
/// The tree under test is only read: sources are unpacked or copied into the cache, objects go to a folder of their own,
/// and a finished kernel is copied into `kernels/KEY`. Several builders may share one cache.
public struct KernelBuilder: Sendable {
    let cache: Cache
    private let vm: String
    private let jobs: Int
    private let sandbox: BuildSandbox?
    let progress: Progress

    /// - Parameters:
    ///   - vm: the repository's `vm/` folder, with `config/` and `patches/`.
    ///   - jobs: how many compilers run at a time.
    ///   - sandbox: nil to run the source's commands without one.
    public init(cache: Cache, vm: String, jobs: Int, sandbox: BuildSandbox? = nil, progress: Progress) {
        self.cache = cache
        self.vm = vm
        self.jobs = max(1, jobs)
        self.sandbox = sandbox
        self.progress = progress
    }

    private var builds: BuildCache { BuildCache(cache: cache) }
    private var sources: KernelSource { KernelSource(cache: cache, progress: progress, sandbox: sandbox) }
    private var netdevsim: NetdevsimModule { NetdevsimModule(vm: vm, sandbox: sandbox) }

    /// Resolves a request's source and names it by its content. It does not unpack, copy or build it.
    ///
    /// - Throws: `HarnessError` of kind `.input` where there is no such source or it is not a kernel.
    public func resolve(_ request: KernelRequest) async throws -> ResolvedSource {
        try await sources.resolve(request.source)
    }

    /// Whether `build` would find it in the cache.
    func isBuilt(_ request: KernelRequest, of source: ResolvedSource) async throws -> Bool {
        let config = try KernelConfig(request: request, folder: vm + "/config")
        return try builds.build(forRequest: key(request, of: source, config, try await tools())) != nil
    }

    private func tools() async throws -> [String] { [try await tool("gcc"), try await tool("ld"), try netdevsim.key(), BuildCache.format] }

    /// The key of a request in the cache.
    private func key(_ request: KernelRequest, of source: ResolvedSource, _ config: KernelConfig, _ tools: [String]) -> String {
        Cache.key([source.identity, request.profile, config.text] + tools)
    }

    /// Builds a source that was resolved before, with the overlay it has; of the request only the configuration counts. Returns the
    /// kernel that was built before from the same source, options, compiler and patches.
    ///
    /// - Throws: `HarnessError`: of kind `.input` for a profile or option that is not valid; of kind `.harness` where the build fails, with the
    ///   first compiler errors. `CancellationError` once the compilers have ended.
    func build(_ request: KernelRequest, of source: ResolvedSource) async throws -> KernelBuild {
        guard !cache.root.contains(where: { $0 == ":" || $0.isWhitespace }) else {
            throw HarnessError(
                .input, "make cannot build the kernel in \(cache.root): its name has a colon or a space",
                hint: "set XDG_CACHE_HOME to a folder without either")
        }
        if case .built(let folder) = source.material { return try await adopt(folder, source, request) }
        let config = try KernelConfig(request: request, folder: vm + "/config")
        let tools = try await tools()
        func key(_ source: ResolvedSource) -> String { self.key(request, of: source, config, tools) }

        if let build = try builds.build(forRequest: key(source)) { return found(build, source, request) }
        let objects = Self.objects(request, of: source)
        try await makeBase(request, of: source)
        return try await cache.locked(
            Self.lock(request, of: source), waiting: { progress.report("waiting for another run that builds the same source") }
        ) {
            if let build = try builds.build(forRequest: key(source)) { return found(build, source, request) }
            let (folder, source, inputs) = try await sources.materialize(source)
            if let build = try builds.build(forRequest: key(source)) { return found(build, source, request) }
            let work = Work(
                folder: folder, version: source.version ?? "", identity: source.identity, name: objects, request: key(source),
                profile: request.profile, isPatched: source.withoutPatches != nil, compiler: tools[0], tools: tools, inputs: inputs)
            return try await compile(work, config: config)
        }
    }

    /// In the sandbox, compiles a source without its patches, where it has some: the objects of any series begin as a copy of these objects.
    private func makeBase(_ request: KernelRequest, of source: ResolvedSource) async throws {
        guard sandbox != nil, let base = source.withoutPatches else { return }
        let objects = SandboxObjects(try cache.folder("objects") + "/" + Self.objects(request, of: base))
        guard !objects.hasBase else { return }
        progress.report("compiling the source without the patches first, for the sandbox")
        let config = try KernelConfig(request: request, folder: vm + "/config")
        let tools = try await tools()
        do {
            try await cache.locked(Self.lock(request, of: base)) {
                let (folder, base, inputs) = try await sources.materialize(base)
                let work = Work(
                    folder: folder, version: base.version ?? "", identity: base.identity, name: Self.objects(request, of: base),
                    request: key(request, of: base, config, tools), profile: request.profile, isPatched: false, isForObjects: true,
                    compiler: tools[0], tools: tools, inputs: inputs)
                _ = try await compile(work, config: config)
            }
        } catch let error as HarnessError where error.blame == .kernel {
            // The patches may be what makes it build.
            progress.report("without the patches: \(error.message)")
        }
    }

    /// The folder that a kernel is compiled in, among the cache's objects.
    private static func objects(_ request: KernelRequest, of source: ResolvedSource) -> String {
        [source.place, request.profile, request.variant].compactMap { $0 }.joined(separator: "-")
    }

    /// The lock that is held while a kernel is built, and while its source is read.
    static func lock(_ request: KernelRequest, of source: ResolvedSource) -> String { "build-" + (source.lock ?? objects(request, of: source)) }

    /// A build from the cache, with the names of this request: two requests may build to the same kernel.
    private func found(_ build: KernelBuild, _ source: ResolvedSource, _ request: KernelRequest? = nil) -> KernelBuild {
        var build = build
        build.source = source.identity
        if let request { build.profile = request.profile }
        progress.report("kernel \(build.release) (\(build.profile)) of \(build.source) is built already: \(build.key)")
        return build
    }

    /// The first line of a tool's version: of the tool that make finds.
    private func tool(_ name: String) async throws -> String {
        let command = Command(name, ["--version"])
        do {
            return try await (sandbox?.wrapped(command) ?? command).output().filledLines.first.map(String.init) ?? name
        } catch let error as HarnessError where sandbox != nil && error.cause == .toolFailed {
            throw HarnessError(
                .harness, "\(name) does not run in the sandbox", hint: BuildSandbox.hintForTools, evidence: error.evidence, cause: .toolFailed)
        }
    }

    /// The versions of the tools that Kconfig checks in addition to the compiler and the linker.
    private func otherTools() async throws -> [String] {
        var versions: [String] = []
        for name in ["as", "pahole", "rustc", "bindgen"] {
            do {
                versions.append(try await tool(name))
            } catch is HarnessError {
                versions.append("no \(name)")
            }
        }
        return versions
    }

    /// The input of `compile`.
    private struct Work {
        var folder, version, identity, name, request, profile: String
        /// It has patches.
        var isPatched: Bool
        /// It is compiled for its objects, also where the cache has the kernel.
        var isForObjects = false
        var compiler: String
        var tools: [String]
        var inputs: TreeInputs
    }

    private func compile(_ work: Work, config: KernelConfig) async throws -> KernelBuild {
        try CacheFolder(cache).requirePrograms()
        let place = try cache.folder("objects") + "/" + work.name
        let sandboxed = sandbox.map { _ in SandboxObjects(place) }
        if work.isPatched { try await sandboxed?.renewSeries() }
        defer { if work.isPatched { try? sandboxed?.removeSeries() } }
        let objects = ObjectFolder(work.isPatched ? sandboxed?.series ?? place : sandboxed?.base ?? place)
        let log = try cache.folder("logs") + "/build-\(work.name).log"
        var warnings = BuildWarnings(of: objects.path)
        // Some objects of an interrupted build stay in the folder.
        if objects.wasInterrupted { warnings.add(Files.text(log) ?? "", source: work.folder) }
        try objects.prepare()
        try warnings.save(objects.path)
        try Files.write("", to: log)
        let make = KernelMake(source: work.folder, objects: objects.path, place: place, jobs: jobs, log: log, sandbox: sandbox)

        progress.report("configuring Linux \(work.version), profile \(work.profile)")
        let tools = Cache.key(work.tools + (try await otherTools()))
        let final = try await config.apply(with: make, version: work.version, inputs: Cache.key([work.inputs.configuration, tools]))
        let configHash = ContentHash.of(final)
        let key = Cache.key([work.identity, configHash] + work.tools)
        if !work.isForObjects, let build = try builds.build(forKey: key) {
            try builds.link(work.request, toKey: key)
            return build
        }

        progress.report("compiling Linux \(work.version) with \(jobs) jobs; the log is \(log)")
        try objects.begin()
        do {
            try await MakeProgress.following(log, progress: progress) {
                try await make.run(["vmlinux", "modules_prepare"], what: "building Linux \(work.version)")
            }
        } catch let error as HarnessError {
            warnings.add(Files.text(log) ?? "", source: work.folder)
            try warnings.save(objects.path)
            // A make that was killed, or had no space, may leave half an object.
            if error.blame == .kernel { objects.end() }
            throw error
        }
        warnings.add(Files.text(log) ?? "", source: work.folder)
        try warnings.save(objects.path)
        objects.end()
        try config.requireUnchanged(final, in: objects.path)

        for name in ["vmlinux", "vmlinux.symvers", "Module.symvers", "include/config/kernel.release"] { try Files.requireOwn(name, in: objects.path) }
        let symbols = objects.path + "/Module.symvers"
        try Files.remove(symbols)
        if Files.isFile(objects.path + "/vmlinux.symvers") { try Files.copy(objects.path + "/vmlinux.symvers", to: symbols) }
        let built = NetdevsimModule.Kernel(source: work.folder, objects: objects.path, place: place, config: final)
        let outcome = try await netdevsim.build(
            against: built, work: NetdevsimModule.work(objects.path), jobs: jobs, log: log, inputs: Cache.key([work.inputs.module, tools]),
            progress: progress)
        // Also those of netdevsim.
        warnings.add(Files.text(log) ?? "", source: work.folder)
        try warnings.save(objects.path)
        var build = KernelBuild(
            vmlinux: "", release: try release(objects.path), key: key, source: work.identity, configHash: configHash, profile: work.profile,
            compiler: work.compiler, netdevsim: nil, netdevsimReason: nil, log: log)
        build.warnings = warnings.all(in: objects.path, linked: try await BuildWarnings.linked(in: objects.path, sandbox: sandbox))
        return try await finish(outcome, build, from: objects.path, request: work.request)
    }

    /// Uses a tree that was built without ppiov, unchanged: its vmlinux, and netdevsim built against it.
    private func adopt(_ folder: String, _ source: ResolvedSource, _ request: KernelRequest) async throws -> KernelBuild {
        guard request.configFiles.isEmpty, request.sets.isEmpty else {
            throw HarnessError(
                .input, "\(folder) is built already: options cannot be added to it",
                hint: "leave out --config and --set, or build its source with tree:PATH")
        }
        let tree = KernelTree.source(ofBuilt: folder)
        // A later run may find its source.
        let key = Cache.key([source.identity, BuildCache.format] + (try tree.map { [try netdevsim.key(), try NetdevsimModule.key(of: $0)] } ?? []))
        if let build = try builds.build(forKey: key) { return found(build, source) }
        let config = Files.text(folder + "/.config") ?? ""
        let values = ConfigFragment.values(of: config)
        let missing = KernelTree.missingGuestOptions(values)
        guard missing.isEmpty else {
            throw HarnessError(
                .input, "the kernel built in \(folder) cannot boot as a guest: its .config lacks \(missing.joined(separator: ", "))",
                hint: "set them to y and build it again, or have its source built with tree:PATH")
        }
        let isDebug = values["CONFIG_KASAN"] == "y" || values["CONFIG_PROVE_LOCKING"] == "y"
        let compiler = (values["CONFIG_CC_VERSION_TEXT"] ?? "").trimmingCharacters(in: CharacterSet(charactersIn: "\""))
        return try await cache.locked("build-" + source.id) {
            if let build = try builds.build(forKey: key) { return found(build, source) }
            let log = try cache.folder("logs") + "/build-\(source.id).log"
            try Files.write("used as built: \(folder)\n", to: log)
            let work = try cache.folder("objects") + "/\(source.id).netdevsim"
            let outcome: NetdevsimModule.Outcome =
                if let tree {
                    try await netdevsim.build(
                        against: NetdevsimModule.Kernel(source: tree, objects: folder, config: config), work: work, jobs: jobs, log: log,
                        progress: progress)
                } else {
                    .none(reason: "the source of the kernel built in \(folder) is not there, and netdevsim is built from it")
                }
            return try await finish(
                outcome,
                KernelBuild(
                    vmlinux: "", release: try release(folder), key: key, source: source.identity, configHash: ContentHash.of(config),
                    profile: isDebug ? "debug" : "fast", compiler: compiler, netdevsim: nil, netdevsimReason: nil, log: log),
                from: folder, request: key)
        }
    }

    private func finish(_ outcome: NetdevsimModule.Outcome, _ build: KernelBuild, from folder: String, request: String) async throws -> KernelBuild {
        var build = build
        var module: String?
        switch outcome {
        case .module(let path, let patches): (module, build.netdevsimPatches) = (path, patches)
        case .none(let reason):
            build.netdevsimReason = reason
            progress.report("no netdevsim: \(reason)")
        }
        build = try await builds.store(
            build, vmlinux: folder + "/vmlinux", module: module, config: folder + "/.config", log: build.log, request: request)
        progress.report("kernel \(build.release) (\(build.profile)) is ready: \(build.key)")
        return build
    }

    private func release(_ objects: String) throws -> String {
        let file = objects + "/include/config/kernel.release"
        if let text = Files.text(file)?.trimmingCharacters(in: .whitespacesAndNewlines), !text.isEmpty { return text }
        throw HarnessError(.harness, "the built kernel has no release: there is no \(file)", hint: "build the tree again")
    }
}
