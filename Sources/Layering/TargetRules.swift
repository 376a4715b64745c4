// SPDX-License-Identifier: GPL-2.0

/// The rules about targets: the imports of the sources, Package.swift and the table "May use" of the architecture document agree.
extension Layers {
    var targetFindings: [Finding] {
        targets.flatMap { importFindings($0) + tableFindings($0) } + strayRows
    }

    private func finding(_ message: String) -> Finding { Finding(rule: .imports, message: message) }

    private func importFindings(_ target: Manifest.Target) -> [Finding] {
        let known = Set(manifest.targets.map(\.name))
        var findings: [Finding] = []
        for file in files[target.name] ?? [] {
            for (module, line) in file.imports where known.contains(module) && !target.targets.contains(module) && module != target.name {
                findings.append(finding("\(file.path):\(line) imports \(module), which Package.swift does not let \(target.name) use"))
            }
        }
        for unused in target.targets.subtracting(imported(by: target)).sorted() {
            findings.append(finding("Package.swift lets \(target.name) use \(unused), which no file of it imports"))
        }
        return findings
    }

    /// Rows for the target, or for folders of it.
    private func tableFindings(_ target: Manifest.Target) -> [Finding] {
        let rows = architecture.rows.filter { $0.path == target.path || $0.path.hasPrefix(target.path + "/") }
        guard !rows.isEmpty else { return [finding("\(Architecture.path) has no row for \(target.path)")] }
        var findings: [Finding] = []
        for row in rows { findings += unknownNames(row, target) + (row.path == target.path ? [] : folderFindings(row, target)) }
        let allowed = Set(rows.flatMap(\.mayUse))
        let targets = Set(manifest.targets.map(\.name))
        for missing in target.targets.subtracting(allowed).sorted() {
            findings.append(finding("\(target.name) uses \(missing) by Package.swift, which its row in \(Architecture.path) does not name"))
        }
        for surplus in allowed.intersection(targets).subtracting(target.targets).sorted() {
            findings.append(finding("the row of \(target.path) in \(Architecture.path) names \(surplus), which Package.swift does not let it use"))
        }
        return findings
    }

    private func folders(_ target: Manifest.Target) -> Set<String> {
        Set((files[target.name] ?? []).map { folder(of: $0.path, in: target) })
    }

    private func unknownNames(_ row: Architecture.Row, _ target: Manifest.Target) -> [Finding] {
        let folders = folders(target)
        let known = Set(manifest.targets.map(\.name)).union(target.externals)
        return row.mayUse.filter { name in
            !known.contains(name) && !folders.contains { $0 == name || $0.hasPrefix(name + "/") }
        }.sorted().map {
            finding(
                "the row of \(row.path) in \(Architecture.path) names \($0), which is no target, no folder of \(target.name) and no library it is linked to"
            )
        }
    }

    /// The folders that a folder with a row uses are in the row.
    private func folderFindings(_ row: Architecture.Row, _ target: Manifest.Target) -> [Finding] {
        let own = String(row.path.dropFirst(target.path.count + 1))
        func isInside(_ folder: String, _ name: String) -> Bool { folder == name || folder.hasPrefix(name + "/") }
        guard folders(target).contains(where: { isInside($0, own) }) else {
            return [finding("\(Architecture.path) has a row for \(row.path), and there is no such folder with sources")]
        }
        var findings: [Finding] = []
        for (from, targets) in folderGraph(target).edges.sorted(by: { $0.key < $1.key }) where isInside(from, own) {
            for to in targets.sorted() where !isInside(to, own) && !row.mayUse.contains(where: { isInside(to, $0) }) {
                findings.append(
                    finding("\(row.path) uses \(to), which its row in \(Architecture.path) does not name: \(witnesses(from, to, in: target))"))
            }
        }
        return findings
    }

    /// Rows for folders below Sources that belong to no target.
    private var strayRows: [Finding] {
        architecture.rows.filter { row in
            row.path.hasPrefix("Sources/") && !targets.contains { row.path == $0.path || row.path.hasPrefix($0.path + "/") }
        }.map { finding("\(Architecture.path) has a row for \($0.path), which is no target's") }
    }
}
