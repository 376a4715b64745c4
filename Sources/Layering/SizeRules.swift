// SPDX-License-Identifier: GPL-2.0

/// The rules about the size of folders and files, and about licences.
extension Layers {
    static let mostFiles = 20
    static let mostLines = 400

    var sizeFindings: [Finding] { flatFindings + longFindings + licenceFindings }

    private var flatFindings: [Finding] {
        tree.folderSizes.filter { $0.value > Self.mostFiles }.sorted { $0.key < $1.key }.map {
            Finding(
                rule: .flat, message: "\($0.key.isEmpty ? "." : $0.key) has \($0.value) files; a folder has at most \(Self.mostFiles)")
        }
    }

    private static func isSource(_ path: String) -> Bool {
        [".swift", ".c", ".h", ".sh", "/Makefile"].contains(where: path.hasSuffix) || ["scripts", ".ci"].contains(parent(of: path))
    }

    private var longFindings: [Finding] {
        tree.files.sorted { $0.key < $1.key }.compactMap { path, text in
            let lines = text.utf8.count { $0 == UInt8(ascii: "\n") }
            guard Self.isSource(path), lines > Self.mostLines, !architecture.longFiles.contains(path) else { return nil }
            return Finding(
                rule: .long,
                message: "\(path) has \(lines) lines; above \(Self.mostLines) \(Architecture.path) names it under \"Files above 400 lines\"")
        }
    }

    private var licenceFindings: [Finding] {
        tree.files.sorted { $0.key < $1.key }.filter { path, text in
            Self.isSource(path) && !text.split(separator: "\n", maxSplits: 3).prefix(3).contains { $0.contains("SPDX-License-Identifier: GPL-2.0") }
        }.map { Finding(rule: .licence, message: "\($0.key) has no SPDX line among its first three") }
    }
}
