// SPDX-License-Identifier: GPL-2.0

import Results

/// Kinds of files in a kernel tree, by their names.
enum TreeFiles {
    /// Suffixes of files that compilers and Kbuild make; a kernel source has no such file.
    private static let products = [".o", ".ko", ".a", ".cmd", ".mod", ".mod.c", ".o.d", ".dwo", ".gcno", ".su"]

    /// Suffixes of files that compilers, Kbuild, Kconfig and their scripts read.
    private static let inputs = [
        ".c", ".h", ".S", ".rs", ".inc", ".lds", ".l", ".y", ".dts", ".dtsi", ".dtso", ".mk", ".sh", ".pl", ".py", ".awk", ".tbl", ".def", ".asn1",
        ".include", "_shipped",
    ]
    private static let names = ["Kconfig", "Kbuild", "Makefile"]

    static func isProduct(_ path: String) -> Bool {
        if path.utf8.first == UInt8(ascii: "."), path == ".config" || path.begins(with: ".tmp_") || path == ".version" { return true }
        if path == "vmlinux" || path == "System.map" || path == "Module.symvers" || path == "modules.order" { return true }
        return ends(path, in: products)
    }

    /// Whether a path is in one of the folders that hold what an in-tree build generates.
    static func isInGeneratedFolder(_ path: String) -> Bool {
        path.begins(with: "include/config/") || path.begins(with: "include/generated/")
            || path.begins(with: "arch/") && path.holds("/include/generated/")
    }

    /// Whether a part of the path begins with a dot: no build reads there.
    static func isHidden(_ path: String) -> Bool { path.begins(with: ".") || path.holds("/.") }

    /// Whether a build may read a file that git ignores.
    static func mayBeRead(_ path: String) -> Bool {
        if isHidden(path) { return false }
        let name = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[path.utf8.index(after: $0)...] } ?? path[...]
        return names.contains { name.begins(with: $0) } || path.begins(with: "localversion") || ends(path, in: inputs)
    }

    static func ends(_ path: String, in suffixes: [String]) -> Bool {
        suffixes.contains { path.utf8.count > $0.utf8.count && path.ends(with: $0) }
    }
}
