// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import Layering

@Suite struct GraphTests {
    private func graph(_ edges: String...) -> Graph {
        var graph = Graph()
        for edge in edges {
            let ends = edge.split(separator: ">").map(String.init)
            graph.addEdge(ends[0], ends[1])
        }
        return graph
    }

    @Test func circles() {
        #expect(graph("a>b", "b>c", "a>c").circles == [])
        #expect(graph("a>b", "b>a", "b>c", "c>d", "d>e", "e>c").circles == [["a", "b"], ["c", "d", "e"]])
    }

    @Test func reduction() {
        #expect(graph("a>b", "b>c", "a>c", "a>d").reduced.edges == ["a": ["b", "d"], "b": ["c"]])
    }

    @Test func drawingIsStableAndFoldsFamilies() {
        let layers = Layers(SourceTree(files: SampleTree().files))
        #expect(layers.drawing == Layers(SourceTree(files: SampleTree().files)).drawing)
        #expect(layers.drawing.contains("[\"Families/*\"]") && !layers.drawing.contains("Families/One"))
        #expect(layers.drawing.contains("n1 --> n0"))
    }
}
