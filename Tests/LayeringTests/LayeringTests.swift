// SPDX-License-Identifier: GPL-2.0

import TestSupport
import Testing

@testable import Layering

/// The repository of these tests. `scripts/layers --check` prints the same findings.
@Suite struct LayeringTests {
    private static let layers = Result { Layers(try SourceTree(root: Repository.root)) }

    @Test(arguments: Finding.Rule.allCases)
    func noFinding(_ rule: Finding.Rule) throws {
        for finding in try Self.layers.get().findings where finding.rule == rule { Issue.record("\(finding)") }
    }

    /// All sources are read: an empty graph would have no finding.
    @Test func everyTargetIsRead() throws {
        let layers = try Self.layers.get()
        #expect(layers.targets.count >= 10)
        for target in layers.targets where !["CShim", "CCompression"].contains(target.name) {
            #expect(layers.files[target.name]?.isEmpty == false, "no Swift file of \(target.name) was read")
        }
        for name in ["Harness", "KernelABI", "LifeCycle", "Scenarios"] {
            let target = try #require(layers.manifest[name])
            let edges = layers.folderGraph(target).edges.values.joined()
            #expect(edges.count > 0, "no folder of \(name) uses another")
        }
        #expect(layers.manifest["Harness"]?.targets.contains("Results") == true)
    }
}
