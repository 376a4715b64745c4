// SPDX-License-Identifier: GPL-2.0

/// The rules about the folders of one target.
extension Layers {
    var folderFindings: [Finding] {
        var findings: [Finding] = []
        for target in targets {
            let graph = folderGraph(target)
            findings += orderFindings(target, graph) + upwardFindings(target, graph) + familyFindings(target, graph)
            for circle in graph.circles { findings.append(circleFinding(target, graph, circle)) }
        }
        return findings + leafFindings
    }

    private func orderFindings(_ target: Manifest.Target, _ graph: Graph) -> [Finding] {
        guard graph.nodes.count > 1 || order.targets[target.path] != nil else { return [] }
        let missing = graph.nodes.sorted().filter { order.level(of: $0, in: target.path) == nil }
            .map { Finding(rule: .order, message: "\(target.path): the folder \($0) has no place in \(FolderOrder.path)") }
        let surplus = (order.targets[target.path] ?? []).joined()
            .filter { pattern in !graph.nodes.contains { FolderOrder.matches($0, pattern) } }
            .map { Finding(rule: .order, message: "\(target.path): \(FolderOrder.path) names \($0), and there is no such folder with sources") }
        return missing + surplus
    }

    private func upwardFindings(_ target: Manifest.Target, _ graph: Graph) -> [Finding] {
        edges(graph).compactMap { from, to in
            guard let above = order.level(of: from, in: target.path), let below = order.level(of: to, in: target.path), below >= above,
                !isFamily(from) || !isFamily(to)
            else { return nil }
            return Finding(
                rule: .upward,
                message: "\(target.path): \(from) uses \(to), which is not below it: \(witnesses(from, to, in: target))")
        }
    }

    private func circleFinding(_ target: Manifest.Target, _ graph: Graph, _ circle: [String]) -> Finding {
        let inside = edges(graph).filter { circle.contains($0.from) && circle.contains($0.to) }
        let lines = inside.map { "\($0.from) -> \($0.to) (\(witnesses($0.from, $0.to, in: target, most: 1)))" }
        return Finding(
            rule: .circle, message: "\(target.path): \(circle.joined(separator: ", ")) use each other: \(lines.joined(separator: "; "))")
    }

    private func edges(_ graph: Graph) -> [(from: String, to: String)] {
        graph.edges.sorted { $0.key < $1.key }.flatMap { from, targets in targets.sorted().map { (from, $0) } }
    }

    /// A folder below `Families`.
    private func isFamily(_ folder: String) -> Bool { family(folder) != nil }

    /// Its name: `Families/NAME/...`.
    private func family(_ folder: String) -> Substring? {
        let parts = folder.split(separator: "/")
        return parts.count > 1 && parts[0] == "Families" ? parts[1] : nil
    }

    private func familyFindings(_ target: Manifest.Target, _ graph: Graph) -> [Finding] {
        edges(graph).compactMap { from, to in
            guard let user = family(from), let used = family(to), user != used else { return nil }
            return Finding(
                rule: .family,
                message: "\(target.path): the family \(user) uses the family \(used): \(witnesses(from, to, in: target)); what both need goes "
                    + "into Receivers, Observation or another folder below Families")
        }
    }

    /// `NAMEScenarios.swift` in a family's folder: only its family's `NAMEFamily.swift`, which lists its scenarios, may use its declarations.
    private var leafFindings: [Finding] {
        references.keys.sorted().flatMap { references[$0] ?? [] }.compactMap { reference in
            guard reference.to.contains("/Families/"), reference.to.hasSuffix("Scenarios.swift") else { return nil }
            let isList = parent(of: reference.from) == parent(of: reference.to) && reference.from.hasSuffix("Family.swift")
            return isList
                ? nil
                : Finding(
                    rule: .leaf,
                    message: "\(reference.from):\(reference.line) uses \(reference.name) of the scenario file \(reference.to), which is no library")
        }
    }
}
