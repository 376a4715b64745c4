// SPDX-License-Identifier: GPL-2.0

/// The layers as Mermaid, for docs/architecture.md.
extension Layers {
    var drawing: String {
        var text = """
            <!-- Made by `scripts/layers --write` from the sources. An arrow means "uses"; one that follows from others is not drawn. -->

            Targets, by their imports:

            \(Self.mermaid(importGraph))
            """
        for target in targets {
            let graph = drawn(folderGraph(target))
            guard graph.nodes.count > 1 else { continue }
            text += "\nFolders of `\(target.path)`:\n\n\(Self.mermaid(graph))"
        }
        return text
    }

    /// All families are one node.
    private func drawn(_ graph: Graph) -> Graph {
        func name(_ folder: String) -> String { folder.hasPrefix("Families/") ? "Families/*" : folder }
        var drawn = Graph()
        for (from, targets) in graph.edges {
            drawn.addNode(name(from))
            for to in targets where name(to) != name(from) { drawn.addEdge(name(from), name(to)) }
        }
        return drawn
    }

    private static func mermaid(_ graph: Graph) -> String {
        let reduced = graph.reduced
        let nodes = graph.nodes.sorted()
        let numbers = Dictionary(uniqueKeysWithValues: zip(nodes, nodes.indices))
        var lines = ["```mermaid", "flowchart TD"]
        lines += nodes.enumerated().map { "  n\($0)[\"\($1)\"]" }
        for from in nodes {
            for to in reduced.targets(of: from).sorted() { lines.append("  n\(numbers[from] ?? 0) --> n\(numbers[to] ?? 0)") }
        }
        return (lines + ["```"]).map { $0 + "\n" }.joined()
    }

    var drawingFindings: [Finding] {
        guard let kept = architecture.drawing else {
            return [Finding(rule: .drawing, message: "\(Architecture.path) has no lines \(Architecture.begin) and \(Architecture.end)")]
        }
        return kept == drawing
            ? [] : [Finding(rule: .drawing, message: "\(Architecture.path) has another drawing: scripts/layers --write replaces it")]
    }

    /// Every rule.
    var findings: [Finding] { targetFindings + folderFindings + sizeFindings + drawingFindings }
}
