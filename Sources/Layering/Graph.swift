// SPDX-License-Identifier: GPL-2.0

/// A directed graph: an edge means "uses".
struct Graph: Equatable, Sendable {
    private(set) var edges: [String: Set<String>] = [:]

    var nodes: Set<String> { edges.values.reduce(into: Set(edges.keys)) { $0.formUnion($1) } }

    mutating func addNode(_ node: String) { edges[node] = edges[node] ?? [] }

    mutating func addEdge(_ from: String, _ to: String) { edges[from, default: []].insert(to) }

    func targets(of node: String) -> Set<String> { edges[node] ?? [] }

    /// Every node that can be reached from `start` by at least one edge.
    func reachable(from start: String) -> Set<String> {
        var seen: Set<String> = []
        var open = Array(targets(of: start))
        while let node = open.popLast() {
            if seen.insert(node).inserted { open += targets(of: node) }
        }
        return seen
    }

    /// The groups of nodes that reach each other, sorted.
    var circles: [[String]] {
        let reach = Dictionary(uniqueKeysWithValues: nodes.map { ($0, reachable(from: $0)) })
        var groups: Set<[String]> = []
        for (node, reached) in reach where reached.contains(node) {
            groups.insert(reached.filter { reach[$0]?.contains(node) == true }.sorted())
        }
        return groups.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Without the edges that follow from others; unchanged where it has a circle.
    var reduced: Graph {
        guard circles.isEmpty else { return self }
        var reduced = Graph()
        for (node, next) in edges {
            reduced.addNode(node)
            for target in next where !next.contains(where: { $0 != target && reachable(from: $0).contains(target) }) { reduced.addEdge(node, target) }
        }
        return reduced
    }
}
