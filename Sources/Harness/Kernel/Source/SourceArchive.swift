// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Unpacks kernel sources: tarballs, and Debian's linux-source packages.
enum SourceArchive {
    static let suffixes = [".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst", ".tar.bz2", ".deb"]

    static func isArchive(_ path: String) -> Bool { suffixes.contains { path.hasSuffix($0) } }

    /// Unpacks `archive` so that `target` is the top folder of the kernel tree; complete, or not at all.
    ///
    /// - Throws: `HarnessError` of kind `.input` where the archive is not a kernel source or would write outside its tree.
    static func unpack(_ archive: String, to target: String) async throws {
        let temporary = Files.temporary(for: target)
        try Files.makeFolder(temporary)
        defer { try? FileManager.default.removeItem(atPath: temporary) }
        do {
            try await command(archive, into: temporary).output(orThrow: .input)
        } catch let error as HarnessError {
            throw explained(error, archive: archive)
        }
        let tree = try top(of: temporary, archive: archive)
        try Files.rename(tree, to: target)
    }

    private static func command(_ archive: String, into folder: String) -> Command {
        let plain = ["--no-same-owner", "--no-same-permissions", "-C", folder]
        if archive.hasSuffix(".deb") {
            let script = """
                set -o pipefail
                dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | xz -T0 -dc | tar -x --no-same-owner --no-same-permissions -C "$2"
                """
            return Command("bash", ["-c", script, "ppiov-unpack", archive, folder])
        }
        if archive.hasSuffix("xz") { return Command("tar", ["-x", "-I", "xz -T0", "-f", archive] + plain) }
        return Command("tar", ["-x", "-f", archive] + plain)
    }

    private static func explained(_ error: HarnessError, archive: String) -> HarnessError {
        let text = error.evidence.joined(separator: "\n")
        if error.cause == .diskFull { return Files.full("unpack \(archive)", evidence: error.evidence) }
        if text.contains("contains '..'") || text.contains("Cannot open: Not a directory") {
            return HarnessError(
                .input, "\(archive) has a path outside of its own tree, and is not used", hint: "get the tarball from a source you trust",
                evidence: error.evidence)
        }
        return HarnessError(
            .input, "cannot unpack \(archive) as a kernel source",
            hint: "the file may be damaged, or is not a tarball; known kinds: " + suffixes.joined(separator: ", "),
            evidence: error.evidence)
    }

    /// The top folder of the unpacked kernel tree: the folder itself or the only folder in it.
    private static func top(of folder: String, archive: String) throws -> String {
        if KernelTree.version(folder) != nil { return folder }
        let names = Files.names(in: folder)
        if names.isEmpty { throw HarnessError(.input, "\(archive) is empty", hint: "give a tarball of a kernel source tree") }
        if names.count == 1, KernelTree.version(folder + "/" + names[0]) != nil { return folder + "/" + names[0] }
        _ = try KernelTree.requireVersion(names.count == 1 ? folder + "/" + names[0] : folder, named: archive)
        return folder
    }
}
