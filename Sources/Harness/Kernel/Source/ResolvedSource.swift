// SPDX-License-Identifier: GPL-2.0

/// A kernel source, named by its content.
public struct ResolvedSource: Sendable, Equatable {
    /// As `KernelBuild.source` has it: "debian:PACKAGE VERSION", "git:COMMIT", "git:COMMIT+changes:KEY", "folder:KEY",
    /// "tarball:KEY" or "built:KEY".
    public var identity: String
    /// The version in its Makefile; nil while a package or tarball is not unpacked.
    public var version: String?
    /// The folder or tarball that was requested; nil for a Debian package.
    public var path: String?

    enum Material: Sendable, Equatable {
        case debian(AptRoot.Offer)
        case tarball(String)
        case tree(String)
        case built(String)
        /// A commit of a git tree; its work tree does not count.
        case commit(tree: String, commit: String)
        /// A folder of the harness that is built in place. The code that changes it holds its lock and passes its inputs.
        case owned(String, TreeInputs)
    }

    var material: Material
    /// Names its folders in the cache. A tree keeps its id when its files change.
    var id: String
    /// Its identity without the overlay; nil where it has none.
    private(set) var unpatched: String?
    /// The files that replace some of the source's. An empty overlay means the source before the first patch, which is built in the same folders.
    var overlay: Overlay?

    var isTree: Bool { if case .tree = material { true } else { false } }

    /// The name of the folder that it is built from, and of its objects. A source that never changes has a copy for overlays.
    var place: String { overlay == nil || isTree ? id : "patched-" + id }

    private var isCommit: Bool { if case .commit = material { true } else { false } }

    /// The name of the lock for the folder that it is built from, where different sources are put into that folder; nil where it has one content.
    ///
    /// For a commit with patches it locks the checkout that they are applied over, too.
    var lock: String? { isTree || isCommit ? id : overlay == nil ? nil : place }

    /// The source with an overlay. With an empty one it is the source before the first patch.
    ///
    /// - Throws: `HarnessError` of kind `.input` where the source is built already.
    func with(_ overlay: Overlay) throws -> ResolvedSource {
        if case .built(let path) = material {
            throw HarnessError(
                .input, "\(path) is built already, and patches need a source", hint: "give its source, with tree:PATH or debian:VERSION")
        }
        var source = self
        source.overlay = overlay
        source.unpatched = identity
        source.identity = Self.identity(identity, overlay)
        return source
    }

    /// The source before the first patch, which is built in the same folders; nil where it has no patches.
    var withoutPatches: ResolvedSource? {
        guard let unpatched, overlay?.files.isEmpty == false else { return nil }
        var source = self
        source.overlay = Overlay()
        source.identity = unpatched
        return source
    }

    static func identity(_ base: String, _ overlay: Overlay?) -> String {
        guard let overlay, !overlay.files.isEmpty else { return base }
        return base + "+patches:" + overlay.key
    }
}

extension ResolvedSource {
    /// A commit of a git tree.
    init(commit: String, of tree: GitTree) {
        self.init(
            identity: "git:" + commit, path: tree.folder, material: .commit(tree: tree.folder, commit: commit),
            id: "commits-" + Cache.key([tree.folder]))
    }
}
