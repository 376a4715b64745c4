// SPDX-License-Identifier: GPL-2.0

/// A rule that a place in the repository breaks.
struct Finding: Equatable, Sendable, CustomStringConvertible {
    enum Rule: String, CaseIterable, Sendable {
        /// A target imports a module that Package.swift or the architecture document does not allow, or the two differ.
        case imports
        /// A folder without a place in docs/layers.txt, or a place without a folder.
        case order
        /// A folder uses one that is not below it.
        case upward
        /// Folders of a target that use each other.
        case circle
        /// A family of scenarios uses another family.
        case family
        /// A scenario file is used as a library.
        case leaf
        /// More than 20 files in one folder.
        case flat
        /// More than 400 lines in one file.
        case long
        /// The drawing in the architecture document is not that of the code.
        case drawing
        /// A source file without its SPDX line.
        case licence
    }

    var rule: Rule
    var message: String

    var description: String { "\(rule.rawValue): \(message)" }
}

/// The layers of a repository: its targets, their folders, and the references between them.
struct Layers: Sendable {
    let tree: SourceTree
    let manifest: Manifest
    let architecture: Architecture
    let order: FolderOrder
    /// By the name of their target, sorted by path. Tests are not in it.
    let files: [String: [SwiftFile]]
    /// By the name of their target.
    let references: [String: [Reference]]

    init(_ tree: SourceTree) {
        self.tree = tree
        manifest = Manifest(text: tree.files["Package.swift"] ?? "")
        architecture = Architecture(text: tree.files[Architecture.path] ?? "")
        order = FolderOrder(text: tree.files[FolderOrder.path] ?? "")
        var files: [String: [SwiftFile]] = [:]
        for (path, text) in tree.files.sorted(by: { $0.key < $1.key }) where path.hasSuffix(".swift") {
            guard let target = manifest.target(of: path), !target.isTest, !target.path.hasPrefix("Tests/") else { continue }
            files[target.name, default: []].append(SwiftFile(path: path, text: text))
        }
        var counts: [String: Int] = [:]
        for file in files.values.joined() { for declaration in file.declarations { counts[declaration.name, default: 0] += 1 } }
        references = files.mapValues { files in
            let finder = ReferenceFinder(files: files, declarationCounts: counts)
            return files.flatMap { finder.references(of: $0) }
        }
        self.files = files
    }

    /// The targets with sources, tests apart, in the order of the manifest.
    var targets: [Manifest.Target] { manifest.targets.filter { !$0.isTest && !$0.path.hasPrefix("Tests/") } }

    /// A file's folder within its target, "." for the target's own.
    func folder(of path: String, in target: Manifest.Target) -> String {
        let folder = parent(of: path)
        return folder == target.path ? "." : String(folder.dropFirst(target.path.count + 1))
    }

    /// The targets of the package that a target's files import.
    func imported(by target: Manifest.Target) -> Set<String> {
        Set((files[target.name] ?? []).flatMap { $0.imports.map(\.module) }).intersection(manifest.targets.map(\.name))
    }

    /// Which target imports which.
    var importGraph: Graph {
        var graph = Graph()
        for target in targets {
            graph.addNode(target.name)
            for other in imported(by: target) { graph.addEdge(target.name, other) }
        }
        return graph
    }

    /// Which folder of a target uses which.
    func folderGraph(_ target: Manifest.Target) -> Graph {
        var graph = Graph()
        for file in files[target.name] ?? [] { graph.addNode(folder(of: file.path, in: target)) }
        for reference in references[target.name] ?? [] {
            let (from, to) = (folder(of: reference.from, in: target), folder(of: reference.to, in: target))
            if from != to { graph.addEdge(from, to) }
        }
        return graph
    }

    /// The first lines by which one folder uses another, for a finding's text.
    func witnesses(_ from: String, _ to: String, in target: Manifest.Target, most: Int = 3) -> String {
        let all = (references[target.name] ?? []).filter { folder(of: $0.from, in: target) == from && folder(of: $0.to, in: target) == to }
        let shown = all.prefix(most).map { "\($0.from):\($0.line) names \($0.name) of \($0.to)" }
        return (shown + (all.count > most ? ["and \(all.count - most) more"] : [])).joined(separator: "; ")
    }
}
