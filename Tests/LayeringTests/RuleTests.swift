// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import Layering

/// For each rule there is a tree with one fault, on which that rule fails and no other.
@Suite struct RuleTests {
    @Test func theSampleHasNoFinding() {
        #expect(SampleTree().findings() == [])
    }

    private func expect(_ rules: Set<Finding.Rule>, _ words: String..., in tree: SampleTree, drawing: String? = nil) {
        let findings = tree.findings(drawing)
        #expect(Set(findings.map(\.rule)) == rules, "\(findings)")
        for word in words { #expect(findings.contains { $0.message.contains(word) }, "\(word) is not in \(findings)") }
    }

    @Test func importOfATargetThatTheManifestDoesNotName() {
        var tree = SampleTree()
        tree.append("import Tool\n", to: "Sources/Base/Word.swift")
        expect([.imports], "Sources/Base/Word.swift:4 imports Tool, which Package.swift does not let Base use", in: tree)
    }

    @Test func targetThatNoFileImports() {
        var tree = SampleTree()
        tree.files["Sources/Tool/Low/Ground.swift"] = "struct Ground {}\n"
        expect([.imports], "Package.swift lets Tool use Base, which no file of it imports", in: tree)
    }

    @Test(arguments: [
        ("| `Sources/Base` | words | nothing |\n| `Sources/Tool` | the tool | SystemPackage, libmnl |", "Tool uses Base by Package.swift"),
        (
            "| `Sources/Base` | words | Tool |\n| `Sources/Tool` | the tool | Base |",
            "the row of Sources/Base in docs/architecture.md names Tool, which Package.swift does not let it use"
        ),
        ("| `Sources/Tool` | the tool | Base |", "has no row for Sources/Base"),
        ("| `Sources/Base` | words | nothing |\n| `Sources/Tool` | the tool | Base, all above |", "names all above, which is no target"),
        (
            "| `Sources/Base` | words | nothing |\n| `Sources/Tool` | the tool | Base |\n| `Sources/Gone` | it | nothing |",
            "a row for Sources/Gone, which is no target's"
        ),
        (
            "| `Sources/Base` | words | nothing |\n| `Sources/Tool` | the tool | Base |\n| `Sources/Tool/Middle` | walls | nothing |",
            "Sources/Tool/Middle uses Low, which its row in docs/architecture.md does not name"
        ),
        (
            "| `Sources/Base` | words | nothing |\n| `Sources/Tool` | the tool | Base |\n| `Sources/Tool/Roof` | it | nothing |",
            "a row for Sources/Tool/Roof, and there is no such folder"
        ),
    ])
    func tableThatDiffers(_ rows: String, _ words: String) {
        var tree = SampleTree()
        tree.setRows(rows)
        expect([.imports], words, in: tree)
    }

    @Test func folderRowThatNamesWhatItUses() {
        var tree = SampleTree()
        tree.setRows("| `Sources/Base` | words | nothing |\n| `Sources/Tool` | the tool | Base |\n| `Sources/Tool/Middle` | walls | Low |")
        expect([], in: tree)
    }

    @Test func folderWithoutAPlace() {
        var tree = SampleTree()
        tree.files["Sources/Tool/New/Roof.swift"] = "struct Roof { var wall: Wall }\n"
        expect([.order], "Sources/Tool: the folder New has no place in docs/layers.txt", in: tree)
    }

    @Test func placeWithoutAFolder() {
        var tree = SampleTree()
        tree.files["Sources/Tool/Side/Door.swift"] = nil
        tree.files["Sources/Tool/Families/Two/TwoScenarios.swift"] = "enum TwoScenarios { static let all = [Wall.self] }\n"
        expect([.order], "names Side, and there is no such folder", in: tree)
    }

    @Test func upwardEdge() {
        var tree = SampleTree()
        tree.files["Sources/Tool/Low/Cellar.swift"] = "struct Cellar {\n    var family = OneFamily.all\n}\n"
        tree.files["Sources/Tool/Middle/Wall.swift"] = "struct Wall {}\n"
        tree.files["Sources/Tool/Families/One/OneScenarios.swift"] = "enum OneScenarios { static let all = 1 }\n"
        expect(
            [.upward],
            "Low uses Families/One, which is not below it: Sources/Tool/Low/Cellar.swift:4 names OneFamily of Sources/Tool/Families/One/OneFamily.swift",
            in: tree)
    }

    @Test func edgeToAFolderOnTheSameLine() {
        var tree = SampleTree()
        tree.append("struct Gate { var wall: Wall }\n", to: "Sources/Tool/Side/Door.swift")
        expect([.upward], "Side uses Middle, which is not below it", in: tree)
    }

    @Test func circleOfThreeFolders() {
        var tree = SampleTree()
        tree.append("struct Gate { var wall: Wall }\n", to: "Sources/Tool/Side/Door.swift")
        tree.append("struct Root { var door: Door }\n", to: "Sources/Tool/Low/Ground.swift")
        expect([.upward, .circle], "Low, Middle, Side use each other", in: tree)
    }

    @Test func familyThatUsesAnother() {
        var tree = SampleTree()
        tree.files["Sources/Tool/Families/Two/TwoHelp.swift"] = "struct TwoHelp {}\n"
        tree.append("struct Loan { var help: TwoHelp }\n", to: "Sources/Tool/Families/One/OneScenarios.swift")
        expect([.family], "the family One uses the family Two: Sources/Tool/Families/One/OneScenarios.swift:4 names TwoHelp", in: tree)
    }

    @Test func scenarioFileThatIsALibrary() {
        var tree = SampleTree()
        tree.files["Sources/Tool/Families/One/OneMore.swift"] = "enum OneMore { static let all = OneScenarios.all }\n"
        expect([.leaf], "OneMore.swift:3 uses OneScenarios of the scenario file Sources/Tool/Families/One/OneScenarios.swift", in: tree)
    }

    @Test func folderOfMoreThanTwentyFiles() {
        var tree = SampleTree()
        for number in 0..<20 { tree.files["data/\(number)"] = "" }
        expect([], in: tree)
        tree.files["data/20"] = ""
        expect([.flat], "data has 21 files", in: tree)
    }

    @Test func fileOfMoreThan400Lines() {
        var tree = SampleTree()
        tree.files["vm/init.c"] = "// SPDX-License-Identifier: GPL-2.0\n" + String(repeating: "\n", count: 400)
        expect([.long], "vm/init.c has 401 lines", in: tree)
        tree.longFiles = "- `vm/init.c`: it is one table."
        expect([], in: tree)
    }

    @Test func drawingOfAnotherTree() {
        expect([.drawing], "has another drawing: scripts/layers --write", in: SampleTree(), drawing: "```mermaid\n```\n")
    }

    @Test func sourceWithoutALicence() {
        var tree = SampleTree()
        tree.files["Sources/Base/unlicensed.swift"] = "struct Free {}\n"
        tree.files["scripts/bare"] = "#!/bin/sh\n"
        expect([.licence], "Sources/Base/unlicensed.swift", "scripts/bare", in: tree)
    }
}
