// SPDX-License-Identifier: GPL-2.0

@testable import Layering

/// A small repository without a finding, in memory. Each test adds one fault.
struct SampleTree {
    var files: [String: String] = [
        "Package.swift": """
        let package = Package(
            targets: [
                .target(name: "Base", swiftSettings: strict),
                .target(
                    name: "Tool", dependencies: ["Base", .product(name: "SystemPackage", package: "swift-system")],
                    linkerSettings: [.linkedLibrary("mnl")]),
                .testTarget(name: "ToolTests", dependencies: ["Tool"]),
            ])

        """,
        "docs/layers.txt": """
        # comment
        Sources/Tool
        \tLow
        \tMiddle Side
        \tFamilies/*
        \t.

        """,
        "Sources/Base/Word.swift": "public struct Word {}\n",
        "Sources/Tool/Low/Ground.swift": "import Base\n\nstruct Ground { var word: Word }\n",
        "Sources/Tool/Middle/Wall.swift": "struct Wall { var ground: Ground }\n",
        "Sources/Tool/Side/Door.swift": "struct Door { var ground: Ground }\n",
        "Sources/Tool/Families/One/OneScenarios.swift": "enum OneScenarios { static let all = [Wall.self] }\n",
        "Sources/Tool/Families/One/OneFamily.swift": "enum OneFamily { static let all = OneScenarios.all }\n",
        "Sources/Tool/Families/Two/TwoScenarios.swift": "enum TwoScenarios { static let all = [Door.self] }\n",
        "Sources/Tool/Families/Two/TwoFamily.swift": "enum TwoFamily { static let all = TwoScenarios.all }\n",
        "Sources/Tool/Everything.swift": "let everything = [OneFamily.all, TwoFamily.all]\n",
    ]

    private var table = """
        | Folder | Its one job | May use |
        | --- | --- | --- |
        | `Sources/Base` | words | nothing |
        | `Sources/Tool/` | the tool | Base, `SystemPackage`, libmnl |

        """
    var longFiles = ""

    /// With the rows of the table in place of its own.
    mutating func setRows(_ rows: String) { table = "| Folder | Its one job | May use |\n| --- | --- | --- |\n\(rows)\n" }

    mutating func append(_ text: String, to file: String) { files[file, default: ""] += text }

    /// All findings; the drawing is that of the tree.
    func findings(_ drawing: String? = nil) -> [Finding] {
        var files = files.mapValues { $0 }
        for (path, text) in files where path.hasSuffix(".swift") && !text.contains("SPDX") && path != "Package.swift" && !path.contains("unlicensed")
        {
            files[path] = "// SPDX-License-Identifier: GPL-2.0\n\n" + text
        }
        files["Package.swift"] = "// swift-tools-version: 6.2\n// SPDX-License-Identifier: GPL-2.0\n" + (files["Package.swift"] ?? "")
        func document(_ drawing: String) -> String {
            "# Architecture\n\n\(table)\n\(Architecture.begin)\n\(drawing)\(Architecture.end)\n\n## Files above 400 lines\n\n\(longFiles)\n"
        }
        files[Architecture.path] = document("")
        files[Architecture.path] = document(drawing ?? Layers(SourceTree(files: files)).drawing)
        return Layers(SourceTree(files: files)).findings
    }
}
