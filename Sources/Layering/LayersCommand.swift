// SPDX-License-Identifier: GPL-2.0

import Foundation

/// `scripts/layers`: draws the layers of the repository, or checks them.
@main
enum LayersCommand {
    private static let usage = """
        USAGE: scripts/layers [--check | --write]

        Prints the graph of targets and folders as Mermaid.

          --check  Print each break of a rule (docs/architecture.md); exit status 1 where there is one.
          --write  Write the graph between the marks in docs/architecture.md.

        """

    static func main() {
        do {
            exit(try run(Array(CommandLine.arguments.dropFirst())))
        } catch {
            FileHandle.standardError.write(Data("layers: \(error)\n".utf8))
            exit(3)
        }
    }

    private static func run(_ arguments: [String]) throws -> Int32 {
        guard arguments.count <= 1, arguments.allSatisfy(["--check", "--write", "--help", "-h"].contains) else {
            FileHandle.standardError.write(Data(usage.utf8))
            return 2
        }
        if arguments == ["--help"] || arguments == ["-h"] {
            print(usage, terminator: "")
            return 0
        }
        let layers = Layers(try SourceTree(root: FileManager.default.currentDirectoryPath))
        switch arguments.first {
        case "--check":
            let findings = layers.findings
            for finding in findings { print(finding) }
            print(findings.count == 1 ? "1 finding" : "\(findings.count) findings")
            return findings.isEmpty ? 0 : 1
        case "--write":
            let text = layers.tree.files[Architecture.path] ?? ""
            guard let begin = text.range(of: Architecture.begin + "\n"), let end = text.range(of: Architecture.end),
                begin.upperBound <= end.lowerBound
            else {
                FileHandle.standardError.write(Data("layers: \(Architecture.path) has no lines \(Architecture.begin) and \(Architecture.end)\n".utf8))
                return 1
            }
            let whole = text.replacingCharacters(in: begin.upperBound..<end.lowerBound, with: layers.drawing)
            try whole.write(toFile: Architecture.path, atomically: true, encoding: .utf8)
            return 0
        default:
            print(layers.drawing, terminator: "")
            return 0
        }
    }
}
