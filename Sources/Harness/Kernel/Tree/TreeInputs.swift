// SPDX-License-Identifier: GPL-2.0

import Crypto
import Results

/// The files of a tree that its configuration depends on, and those that a module built against it depends on, each as one key. A
/// product is reused while its key is the same.
///
/// Both keys include every file's path and kind, and every file's content except that of kinds which cannot reach the product. A key that
/// changes without need costs seconds; a key that does not change where it must would give a wrong kernel.
struct TreeInputs: Sendable, Equatable {
    /// Kconfig's files and all that Kconfig may run or read: every file except C, assembly, device trees and documents.
    var configuration: String
    /// All files that may reach an external module's build: the headers, Kbuild's files and tools, the driver itself. The headers
    /// that the build generates are not among them, nor is the product of linking (`Module.symvers`).
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

    /// Whether a file's content may change the configuration that Kconfig makes.
    static func mayConfigure(_ path: String) -> Bool { isTool(path) || !TreeFiles.ends(path, in: sources + headers + documents) }

    /// Whether a file's content may change an external build of netdevsim.
    static func mayReachModules(_ path: String) -> Bool {
        isTool(path) || path.begins(with: KernelTree.netdevsim + "/") || path.begins(with: "include/")
            || !TreeFiles.ends(path, in: sources + documents)
    }

    /// Programs that the build compiles and runs, and scripts: any of their files may change a product.
    private static func isTool(_ path: String) -> Bool { path.begins(with: "scripts/") || path.begins(with: "tools/") || path.holds("/tools/") }
}
