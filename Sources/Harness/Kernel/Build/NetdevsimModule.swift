// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// Builds netdevsim from a patched copy of the tree's own driver: a NIC that supports memory providers.
struct NetdevsimModule: Sendable {
    /// A module and the file names of the patches in it, or why there is none.
    enum Outcome: Equatable, Sendable {
        case module(String, patches: [String])
        case none(reason: String)
    }

    /// A built kernel to build against.
    struct Kernel: Sendable {
        /// Its source folder.
        var source: String
        /// The folder it was built in. It is only read.
        var objects: String
        /// Its path for make, in the sandbox; nil for the same.
        var place: String?
        /// Its final .config.
        var config: String
    }

    /// Patches for the driver of one kernel version and later ones, in order. Without the first the driver supports no providers; each of
    /// the others adds a capability and needs those before it.
    struct PatchSet: Equatable, Sendable {
        var name: String
        var patches: [String]
    }

    /// `vm/patches/netdevsim-VERSION/`, the newest kernel's first.
    var sets: [PatchSet]
    private let sandbox: BuildSandbox?

    static let driver = KernelTree.netdevsim

    /// The file name, after its number, of the patch with which netdevsim takes buffers larger than a page.
    static let largeBuffers = "netdevsim-take-large-buffers-from-memory-providers.patch"

    /// The file name, after its number, of the patch with which it steers received packets.
    static let steering = "netdevsim-steer-received-packets-by-ntuple-rules-and-RSS.patch"

    /// The file in the work folder that names the patches applied to the copy.
    private static let applied = "applied"

    /// The work folder that belongs to an object folder.
    static func work(_ objects: String) -> String { objects + ".netdevsim" }

    /// - Parameter sandbox: nil to build without one.
    init(vm: String, sandbox: BuildSandbox? = nil) {
        self.sandbox = sandbox
        let folder = vm + "/patches"
        sets = Files.names(in: folder)
            .filter { $0.hasPrefix("netdevsim-") }
            .sorted { DebianVersion($0) > DebianVersion($1) }
            .map { name in
                let patches = Files.names(in: folder + "/" + name).filter { $0.hasSuffix(".patch") }
                return PatchSet(name: name, patches: patches.map { "\(folder)/\(name)/\($0)" })
            }
            .filter { !$0.patches.isEmpty }
    }

    /// The patches' names and contents, for the kernel's key.
    func key() throws -> String {
        Cache.key(try sets.flatMap { set in [set.name] + (try set.patches.flatMap { [Self.name($0), try ContentHash.ofFile($0)] }) })
    }

    /// Copies the driver, patches the copy and builds it against a built kernel; or returns the module in `work`, where it was made from the
    /// same inputs.
    ///
    /// - Parameters:
    ///   - work: a folder of the harness; it is emptied before a build.
    ///   - inputs: the key of the kernel's headers, Kbuild files and tools, and of the compiler; nil where it is not known: the module is
    ///     then always built.
    /// - Throws: `HarnessError` only where the harness fails: a patch that does not apply, or a driver that does not
    ///   compile, is an outcome.
    func build(
        against kernel: Kernel, work: String, jobs: Int, log: String, inputs: String? = nil, progress: Progress = .discarded
    ) async throws -> Outcome {
        let (source, objects) = (kernel.source, kernel.objects)
        let values = ConfigFragment.values(of: kernel.config)
        guard values["CONFIG_MODULES"] == "y" else { return .none(reason: "the kernel is configured without modules (CONFIG_MODULES)") }
        guard values["CONFIG_NETDEVSIM"] == "m" else {
            let state = values["CONFIG_NETDEVSIM"] ?? "n"
            return .none(reason: "CONFIG_NETDEVSIM is \(state) in this kernel; the patched netdevsim needs m")
        }
        guard Files.isFolder(source + "/" + Self.driver) else { return .none(reason: "the kernel tree has no \(Self.driver)") }
        guard !sets.isEmpty else { return .none(reason: "there are no patches vm/patches/netdevsim-VERSION/*.patch") }

        let copy = work + "/" + Self.driver
        let reuse = try ModuleReuse(kernel: kernel, copy: copy, inputs: inputs.map { Cache.key([$0, try key()]) })
        if let module = reuse.module, let patches = Files.text(work + "/" + Self.applied) {
            progress.report("netdevsim is built already")
            return .module(module, patches: patches.filledLines.map(String.init))
        }
        progress.report("building netdevsim")
        let applied: PatchSet
        switch try await apply(from: source, work: work, progress: progress) {
        case .success(let set): applied = set
        case .failure(let refusal): return .none(reason: refusal.reason)
        }
        let patches = applied.patches.map(Self.name)
        try Files.write(patches.map { $0 + "\n" }.joined(), to: work + "/" + Self.applied)
        let place = kernel.place ?? objects
        let workPlace = kernel.place.map(Self.work) ?? work
        var arguments = ["-C", place, "M=\(workPlace)/\(Self.driver)", "CONFIG_NETDEVSIM=m", "-j\(jobs)"] + KernelMake.outputSync
        if !Files.isFile(objects + "/Module.symvers") {
            guard Files.isFile(objects + "/vmlinux.symvers") else {
                return .none(reason: "the built kernel has neither Module.symvers nor vmlinux.symvers to link a module against")
            }
            arguments.append("KBUILD_EXTRA_SYMBOLS=\(place)/vmlinux.symvers")
        }
        var command = KernelMake.command(arguments + ["modules"])
        if let sandbox {
            command = sandbox.wrapped(
                command, reads: [BuildSandbox.Folder(source), BuildSandbox.Folder(objects, at: place)],
                writes: [BuildSandbox.Folder(work, at: workPlace)])
        }
        do {
            try await KernelMake.run(command, log: log, what: "building netdevsim as a module")
        } catch let error as HarnessError {
            // A killed compiler or a full disk is an error: as an outcome, "no netdevsim" would be cached.
            guard error.blame == .kernel else { throw error }
            return .none(reason: "netdevsim with \(applied.name) does not build: \(error.evidence.first ?? error.message)")
        }
        let module = copy + "/netdevsim.ko"
        guard Files.isFile(module) else { return .none(reason: "make built no netdevsim.ko (see \(log))") }
        try Files.requireOwn(Self.driver + "/netdevsim.ko", in: work)
        try reuse.save()
        return .module(module, patches: patches)
    }

    private struct Refusal: Error {
        var reason: String
    }

    /// Applies the first set whose first patch applies to a fresh copy, and its other patches up to the first that does not apply.
    ///
    /// - Returns: the patches of the set that were applied.
    private func apply(from source: String, work: String, progress: Progress) async throws -> Result<PatchSet, Refusal> {
        var reasons: [String] = []
        for set in sets {
            try Files.remove(work)
            try Files.makeFolder(work + "/drivers/net")
            try await copyDriver(from: source, to: work + "/" + Self.driver)
            var left = set.patches[...]
            var reason: String?
            while reason == nil, let patch = left.first {
                reason = try await refusal(of: patch, work: work)
                if reason == nil { left = left.dropFirst() }
            }
            guard let reason, let patch = left.first else { return .success(set) }
            let words = "\(set.name)/\(Self.name(patch)) does not apply: \(reason)"
            if left.count < set.patches.count {
                progress.report("netdevsim is built without \(left.count) patch\(left.count == 1 ? "" : "es"): \(words)")
                return .success(PatchSet(name: set.name, patches: Array(set.patches.dropLast(left.count))))
            }
            reasons.append(words)
        }
        return .failure(Refusal(reason: reasons.joined(separator: "; ")))
    }

    /// Applies all of a patch or nothing of it.
    ///
    /// - Returns: the first hunk that does not apply; nil where the patch was applied.
    private func refusal(of patch: String, work: String) async throws -> String? {
        let log = work + "/patch.log"
        let arguments = ["-p1", "--force", "--no-backup-if-mismatch", "-d", work, "-i", patch]
        let start = FileStatus(log)?.size ?? 0
        do {
            try await Command("patch", arguments + ["--dry-run"]).run(log: log)
        } catch let error as HarnessError {
            let text = Files.text(log, from: start)
            // A full disk is an error: as a refusal, "no netdevsim" would be cached.
            guard error.cause != .diskFull, text.filledLines.count > 1 else { throw error }
            return Self.firstFailure(in: text)
        }
        try await Command("patch", arguments).run(log: log)
        return nil
    }

    /// Copies the sources only: with a built tree's objects, make would compile nothing.
    private func copyDriver(from source: String, to target: String) async throws {
        try Files.makeFolder(target)
        for name in Self.files(of: source) { try Files.copy("\(source)/\(Self.driver)/\(name)", to: target + "/" + name) }
    }

    /// The names of the driver's sources.
    private static func files(of source: String) -> [String] {
        Files.names(in: source + "/" + driver).filter { name in
            (name.ends(with: ".c") && !name.ends(with: ".mod.c")) || name.ends(with: ".h") || name == "Makefile" || name == "Kbuild"
        }
    }

    /// The key of the driver's sources, which may be edited in a tree whose vmlinux stays.
    static func key(of source: String) throws -> String {
        Cache.key(try files(of: source).flatMap { [$0, try ContentHash.ofFile("\(source)/\(driver)/\($0)")] })
    }

    /// The line of patch(1) for the first hunk that does not apply, with its file.
    static func firstFailure(in text: String) -> String {
        var file = ""
        for line in text.filledLines.map(String.init) {
            if line.hasPrefix("checking file ") || line.hasPrefix("patching file ") { file = String(line.dropFirst("checking file ".count)) }
            if line.hasPrefix("Hunk ") && line.contains("FAILED") || line.hasPrefix("Reversed (or previously applied)") {
                return file.isEmpty ? line : "\(file): \(line)"
            }
            if line.hasPrefix("can't find file") || line.contains("malformed patch") || line.contains("garbage was found") { return line }
        }
        return text.filledLines.last.map(String.init) ?? "patch failed"
    }

    private static func name(_ path: String) -> String { String(path.split(separator: "/").last ?? "") }
}
