// SPDX-License-Identifier: GPL-2.0

import Crypto

/// What of a tree decides its configuration, and what decides a module built against it, each as one key: what was made
/// before from the same inputs need not be made again.
///
/// Both lean to the safe side. Every file's path and kind counts, and every file's content but that of kinds which cannot
/// reach the product: a key that changes for nothing costs seconds, one that stays would be a wrong answer.
struct TreeInputs: Sendable, Equatable {
    /// Kconfig's files and all it may run or read: everything but C, assembly, device trees and documents.
    var configuration: String
    /// All that may reach an external module's build: the headers, Kbuild's files and tools, the driver itself. The headers
    /// that the build generates are not among them, nor is what only linking makes (`Module.symvers`).
    var module: String

    init(configuration: String, module: String) { (self.configuration, self.module) = (configuration, module) }

    /// Of a source that never changes.
    init(immutable identity: String) {
        configuration = identity
        module = identity
    }

    /// Of a tree, by its files.
    init(_ index: TreeIndex) {
        var configuration = SHA256()
        var module = SHA256()
        for (path, record) in index.records.filter({ !$0.value.generated }).sorted(by: { $0.key < $1.key }) {
            let whole = Array("\(path)\u{0}\(record.identity)\n".utf8)
            let name = Array("\(path)\u{0}\(record.identity.prefix(1))\n".utf8)
            configuration.update(data: Self.mayConfigure(path) ? whole : name)
            module.update(data: Self.mayReachModules(path) ? whole : name)
        }
        self.configuration = ContentHash.hex(configuration.finalize())
        self.module = ContentHash.hex(module.finalize())
    }

    private static let sources = [".c", ".S"]
    private static let headers = [".h"]
    private static let documents = [".rst", ".yaml", ".dts", ".dtsi"]

    /// Whether a file's content may change what Kconfig comes to.
    static func mayConfigure(_ path: String) -> Bool { isTool(path) || !ends(path, in: sources + headers + documents) }

    /// Whether a file's content may change an external netdevsim.
    static func mayReachModules(_ path: String) -> Bool {
        isTool(path) || path.hasPrefix(NetdevsimModule.driver + "/") || path.hasPrefix("include/") || !ends(path, in: sources + documents)
    }

    /// Programs that the build makes for itself, and scripts: any of their files may matter.
    private static func isTool(_ path: String) -> Bool { path.hasPrefix("scripts/") || path.hasPrefix("tools/") || path.contains("/tools/") }

    private static func ends(_ path: String, in suffixes: [String]) -> Bool {
        suffixes.contains { path.utf8.count > $0.utf8.count && path.hasSuffix($0) }
    }
}
