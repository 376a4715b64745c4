// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// Resolves the source of a request, and puts it where it can be built without a change to the original.
struct KernelSource: Sendable {
    var cache: Cache
    var progress: Progress
    /// For the one command of a source that runs here, `make mrproper`; nil to run it without one.
    var sandbox: BuildSandbox?

    /// - Throws: `HarnessError` of kind `.input` where there is no such source or it is not a kernel.
    func resolve(_ requested: String) async throws -> ResolvedSource {
        if requested == "debian" || requested.begins(with: "debian:") {
            let offer = try await DebianSource(cache: cache, progress: progress).choose(
                DebianVersionSpec(String(requested.dropFirst("debian:".count))))
            let identity = "debian:\(offer.package) \(offer.version)"
            let name = String(offer.version.text.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "-") ? $0 : "_" })
            return ResolvedSource(identity: identity, material: .debian(offer), id: "debian-\(name)-\(Cache.key([identity]).prefix(8))")
        }
        for (prefix, built) in [("tree:", false), ("built:", true)] where requested.begins(with: prefix) {
            let path = try existing(String(requested.dropFirst(prefix.count)))
            return built ? try await self.built(path) : try await tree(path)
        }
        if let commit = try await commit(requested) { return commit }
        let path = try existing(requested)
        if !Files.isFolder(path) { return try await tarball(path) }
        guard KernelTree.isBuilt(path) else { return try await tree(path) }
        if let source = KernelTree.source(ofBuilt: path),
            let edited = try await blocking({ try TreeScan.source(newerThan: path + "/vmlinux", in: source) })
        {
            throw HarnessError(
                .input, "\(path) was edited after its vmlinux was built: \(source)/\(edited) is newer",
                hint: "build it again with make; or give tree:\(path) to have its source built, or built:\(path) for its vmlinux as it is")
        }
        progress.report("using the kernel already built in \(path); tree:\(path) builds its source instead")
        return try await built(path)
    }

    /// "TREE@REVISION", where no file has that name; nil for anything else.
    private func commit(_ requested: String) async throws -> ResolvedSource? {
        guard FileStatus(requested) == nil, let at = requested.lastIndex(of: "@"), Files.isFolder(String(requested[..<at])) else { return nil }
        let tree = try GitTree(required: String(requested[..<at]))
        return ResolvedSource(commit: try await tree.commit(String(requested[requested.index(after: at)...])), of: tree)
    }

    private func existing(_ text: String) throws -> String {
        let path = URL(fileURLWithPath: text).standardizedFileURL.resolvingSymlinksInPath().path
        guard !text.isEmpty, FileStatus(path) != nil else {
            throw HarnessError(
                .input, "there is no kernel source at \"\(text)\": \(path) does not exist",
                hint: "give a git tree, a source folder, a tarball, an already built tree, or debian:7.3")
        }
        // Reading any other file, such as a FIFO, may block.
        let type = try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
        guard type == .typeRegular || type == .typeDirectory else {
            throw HarnessError(.input, "\(path) is neither a file nor a folder")
        }
        return path
    }

    private func tarball(_ path: String) async throws -> ResolvedSource {
        guard SourceArchive.isArchive(path) else {
            throw HarnessError(
                .input, "\(path) is neither a folder nor a tarball", hint: "known kinds of tarball: " + SourceArchive.suffixes.joined(separator: ", ")
            )
        }
        let key = String(try await blocking { try ContentHash.ofFile(path) }.prefix(20))
        return ResolvedSource(identity: "tarball:" + key, path: path, material: .tarball(path), id: "tarball-" + key)
    }

    private func built(_ folder: String) async throws -> ResolvedSource {
        guard KernelTree.isBuilt(folder) else {
            throw HarnessError(
                .input, "\(folder) is not a built kernel tree: it needs vmlinux and .config",
                hint: "build it first, or give tree:\(folder), which builds it")
        }
        let key = Cache.key(try await blocking { try ["vmlinux", ".config"].map { try ContentHash.ofFile(folder + "/" + $0) } })
        let version = KernelTree.source(ofBuilt: folder).flatMap { KernelTree.version($0) }
        return ResolvedSource(identity: "built:" + key, version: version, path: folder, material: .built(folder), id: "built-" + key)
    }

    private func tree(_ folder: String) async throws -> ResolvedSource {
        let version = try KernelTree.requireVersion(folder, named: folder)
        let id = "tree-" + Cache.key([folder])
        let identity = try await identity(folder, id: id)
        return ResolvedSource(identity: identity, version: version, path: folder, material: .tree(folder), id: id)
    }

    private func index(_ id: String) throws -> String { try cache.folder("sources") + "/\(id).index" }

    private func memo(_ id: String) throws -> String { try cache.folder("sources") + "/\(id).memo" }

    /// The tree's name. Where nothing below the folder has changed, it is the last one, and no file is read.
    private func identity(_ folder: String, id: String) async throws -> String {
        let git = GitTree(folder)
        let now = FileStatus.now()
        async let head = git?.line(["--no-replace-objects", "rev-parse", "--verify", "HEAD^{commit}"])
        // An error of it is found again where the folders are listed, with more words.
        let fingerprint = try? await TreeFingerprint(folder)
        let commit = try await head
        let file = try memo(id)
        if let fingerprint, let memo = TreeMemo(file: file), try await memo.isCurrent(fingerprint, commit: commit, root: folder) {
            return memo.identity
        }
        return try await locked(id) {
            let state = try await scan(folder, id: id)
            if let memo = fingerprint.flatMap({ TreeMemo(state, $0, now: now) }) { try Files.write(json: memo, to: file) }
            return state.identity
        }
    }

    /// Holds the lock of a tree's index.
    private func locked<Value>(_ id: String, _ body: () async throws -> Value) async throws -> Value {
        try await cache.locked("index-" + id, waiting: { progress.report("waiting for another run that reads the same tree") }, body: body)
    }

    /// The tree's present state: every file is looked at, and those that changed are read. The caller holds the lock of its index.
    private func scan(_ folder: String, id: String) async throws -> TreeState {
        let file = try index(id)
        let git = GitTree(folder)
        async let stored = blocking { TreeIndex(file: file) }
        async let commit = git?.head()
        let listing = try await blocking { git == nil ? try TreeScan.folder(folder) : try TreeListing(folder) }
        let head = try await commit
        var source = (paths: [String](), new: [String](), ignored: Set<String>())
        if let git, let head {
            source = try await listing.source(of: git, head)
        } else {
            source.paths = listing.paths.filter { !TreeFiles.isProduct($0) }
        }
        let old = try await stored
        var known = old
        if !KernelTree.hasLeftovers(folder) {
            for (path, record) in old.records where record.generated || record.survived {
                known.records[path] = record.generated ? nil : record
                known.records[path]?.survived = false
            }
        }
        let fresh = try await TreeScan.refresh(known, root: folder, paths: source.paths, format: head?.format)
        if fresh != old { try await blocking { try fresh.write(to: file) } }
        return TreeState(index: fresh, head: head, new: source.new, ignored: source.ignored, links: listing.links)
    }

    /// Calls `body` with the folder in which a source's files can be read, and with that of its repository's objects where it has one. A
    /// checkout may have another commit after `body` returns.
    func reading<Value>(_ source: ResolvedSource, _ body: (_ folder: String, _ objects: String?) async throws -> Value) async throws -> Value {
        switch source.material {
        case .tree(let folder): return try await body(folder, try await GitTree(folder)?.lendable())
        case .commit(let tree, _):
            let objects = try await GitTree(tree)?.lendable()
            return try await cache.locked("build-" + source.id) { try await body(try await materialize(source).folder, objects) }
        default: return try await body(try await materialize(source).folder, nil)
        }
    }

    /// Unpacks or copies the source into a folder of the cache, where it can be built.
    ///
    /// For a tree the caller holds the lock `build-ID` for as long as it reads the folder.
    ///
    /// - Returns: the folder, the source as it is now (a tree may have changed since it was resolved), and the keys of
    ///   the inputs of its configuration and its modules.
    func materialize(_ source: ResolvedSource) async throws -> (folder: String, source: ResolvedSource, inputs: TreeInputs) {
        let folder = try cache.folder("sources") + "/" + source.id
        var source = source
        var inputs = TreeInputs(immutable: source.identity)
        switch source.material {
        case .built(let path):
            return (path, source, inputs)
        case .owned(let path, let inputs):
            source.version = try KernelTree.requireVersion(path, named: path)
            return (path, source, inputs)
        case .commit(let tree, let commit):
            try removeFutureObjects(source.place)
            guard let tree = GitTree(tree) else { throw HarnessError(.input, "\(tree) is no longer a git tree") }
            let checkout = CommitCheckout(tree: tree, folder: folder)
            try await checkout.checkOut(commit, progress: progress) { try removeObjects(source.id) }
            inputs = try await checkout.inputs(commit)
        case .debian(let offer):
            try await unpacked(folder, source.id) { try await DebianSource(cache: cache, progress: progress).fetch(offer) }
        case .tarball(let path):
            try await unpacked(folder, source.id) { path }
        case .tree(let origin):
            try removeFutureObjects(source.place)
            (source, inputs) = try await mirrored(source, origin: origin, to: folder)
        }
        source.version = try KernelTree.requireVersion(folder, named: source.path ?? source.identity)
        guard let overlay = source.overlay, !source.isTree else { return (folder, source, inputs) }
        let place = source.place
        try removeFutureObjects(place)
        let copy = try await OverlaidCopy(
            of: folder, at: try cache.folder("sources") + "/" + place, identity: source.unpatched ?? source.id, progress: progress
        ) { try removeObjects(place) }
        try await blocking { try copy.apply(overlay) }
        return (copy.folder, source, overlay.inputs(over: source.unpatched ?? source.id))
    }

    private func unpacked(_ folder: String, _ id: String, archive: () async throws -> String) async throws {
        if KernelTree.version(folder) != nil { return }
        try await cache.locked("source-" + id, waiting: { progress.report("waiting for another run that unpacks the same source") }) {
            if KernelTree.version(folder) != nil { return }
            try Files.removeTemporaries(of: folder)
            try Files.remove(folder)
            let archive = try await archive()
            progress.report("unpacking \(archive)")
            try await SourceArchive.unpack(archive, to: folder)
        }
    }

    /// Copies until the copy is one state of the tree: it starts again when a file changes meanwhile, or a commit is made.
    private func mirrored(_ source: ResolvedSource, origin: String, to folder: String) async throws -> (ResolvedSource, TreeInputs) {
        var source = source
        for _ in 0..<4 {
            let copy = try await locked(source.id) { try await copied(origin, to: folder, id: source.id, overlay: source.overlay) }
            guard let (state, changes) = copy, case let identity = state.identity else { continue }
            guard try await locked(source.id, { try await scan(origin, id: source.id).identity }) == identity else { continue }
            if let unpatched = source.unpatched, unpatched != identity {
                throw HarnessError(.input, "\(origin) changed after the patches were applied: \(unpatched) became \(identity)", hint: "run again")
            }
            source.identity = ResolvedSource.identity(identity, source.overlay)
            progress.report(changes == 0 ? "the copy of \(origin) is up to date" : "copied \(changes) new or changed files of \(origin)")
            return (source, TreeInputs(source.overlay.map { state.index.with($0) } ?? state.index))
        }
        throw HarnessError(
            .input, "\(origin) changed while it was copied, four times in a row", hint: "end the programs that write there, then run again")
    }

    /// The state of the copy, and how many files were written; nil where the tree changed meanwhile.
    private func copied(_ origin: String, to folder: String, id: String, overlay: Overlay?) async throws -> (state: TreeState, changes: Int)? {
        if FileStatus(folder) == nil {
            progress.report("copying \(origin)")
            try removeObjects(id)
        }
        var state = try await scan(origin, id: id)
        let scanned = state.index
        do {
            let changes: Int
            (state.index, changes) = try await TreeMirror(origin: origin, folder: folder, overlay: overlay).sync(scanned)
            if KernelTree.hasLeftovers(origin), state.hasUncleaned {
                // A patch may change what mrproper does, and the copy is the source of other builds.
                guard sandbox == nil || overlay?.files.isEmpty ?? true else {
                    throw HarnessError(
                        .input,
                        "\(origin) has files of an in-tree build, which `make mrproper` of the patched copy would remove outside of the sandbox",
                        hint: "run `make mrproper` in \(origin), or give a git tree or a clean folder")
                }
                try Files.remove(try memo(id))
                try await clean(folder, &state.index)
            }
            if state.index != scanned { try state.index.write(to: try self.index(id)) }
            return (state, changes)
        } catch is TreeMirror.Changed {
            return nil
        }
    }

    /// Objects of an earlier copy would be newer than the files of a new one.
    private func removeObjects(_ place: String) throws {
        let objects = try cache.folder("objects")
        for name in Files.names(in: objects) where name.begins(with: place + "-") { try Files.remove(objects + "/" + name) }
    }

    /// Removes objects that are newer than now, for the clock went back: make would take them for newer than the files that change now.
    private func removeFutureObjects(_ place: String) throws {
        let objects = try cache.folder("objects")
        let limit = FileStatus.now() + 2_000_000_000
        for name in Files.names(in: objects) where name.begins(with: place + "-") {
            let folder = objects + "/" + name
            guard ["vmlinux", "vmlinux.o", ".config", "Module.symvers"].contains(where: { (FileStatus(folder + "/" + $0)?.modified ?? 0) > limit })
            else {
                continue
            }
            progress.report("the clock went back since the last build: compiling everything again")
            try Files.remove(folder)
        }
    }

    /// Removes from the copy the files that an in-tree build made in the original: `make mrproper`.
    private func clean(_ folder: String, _ index: inout TreeIndex) async throws {
        progress.report("removing the files of an in-tree build from the copy")
        let command = KernelMake.command(["-C", folder, "mrproper"])
        try await (sandbox?.wrapped(command, writes: [BuildSandbox.Folder(folder)]) ?? command).output()
        for path in index.records.keys {
            if FileStatus(folder + "/" + path) == nil { index.records[path]?.generated = true } else { index.records[path]?.survived = true }
        }
    }
}
