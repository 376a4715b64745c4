// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// Recognises kernel source trees and built trees. It runs no program of theirs.
enum KernelTree {
    /// The folder of the netdevsim driver.
    static let netdevsim = "drivers/net/netdevsim"

    /// The version in a source tree's Makefile, such as "7.3.4" or "7.3.0-rc2"; nil where `folder` is not a kernel tree.
    static func version(_ folder: String) -> String? {
        guard Files.isFile(folder + "/Kconfig"), let makefile = Files.text(folder + "/Makefile") else { return nil }
        var values: [String: String] = [:]
        // make skips a byte order mark.
        let text = makefile.unicodeScalars.first == "\u{feff}" ? Substring(makefile.unicodeScalars.dropFirst()) : makefile[...]
        for line in text.filledLines.prefix(30) {
            guard let (left, right) = line.divided(at: "=") else { continue }
            let name = String(left.trimmed)
            if ["VERSION", "PATCHLEVEL", "SUBLEVEL", "EXTRAVERSION"].contains(name), values[name] == nil {
                values[name] = String(right.trimmed)
            }
        }
        guard let version = values["VERSION"], let level = values["PATCHLEVEL"], Int(version) != nil, Int(level) != nil else { return nil }
        let sublevel = values["SUBLEVEL"].flatMap { $0.isEmpty ? nil : "." + $0 } ?? ""
        return version + "." + level + sublevel + (values["EXTRAVERSION"] ?? "")
    }

    /// - Throws: `HarnessError` of kind `.input` that names the files that were searched for.
    static func requireVersion(_ folder: String, named name: String) throws -> String {
        if let version = version(folder) { return version }
        throw HarnessError(
            .input, "\(name) is not a kernel source tree: it needs a Makefile that sets VERSION and PATCHLEVEL, and a file Kconfig",
            hint: "give the top folder of a kernel tree, a tarball of one, an already built tree (vmlinux and .config), or debian:VERSION")
    }

    /// Whether a source tree has files of an in-tree build: `make O=` then fails.
    static func hasLeftovers(_ folder: String) -> Bool {
        [".config", "include/config", "arch/x86/include/generated"].contains { FileStatus(folder + "/" + $0) != nil }
    }

    /// Whether a folder is a built tree: objects in the tree itself, or in a folder of their own (`O=`).
    static func isBuilt(_ folder: String) -> Bool {
        Files.isFile(folder + "/vmlinux") && Files.isFile(folder + "/.config")
    }

    /// The source folder of a built tree: the folder itself, or the target of its `source` link.
    static func source(ofBuilt folder: String) -> String? {
        if version(folder) != nil { return folder }
        let link = URL(fileURLWithPath: folder + "/source").resolvingSymlinksInPath().path
        return version(link) == nil ? nil : link
    }

    /// The options without which a guest does not boot or report, and which a built tree's configuration lacks.
    static func missingGuestOptions(_ values: [String: String]) -> [String] {
        [
            "PVH", "BLK_DEV_INITRD", "BINFMT_ELF", "PROC_FS", "SYSFS", "DEVTMPFS", "SERIAL_8250_CONSOLE", "VIRTIO_PCI", "VIRTIO_CONSOLE", "NET",
            "EVENT_TRACING",
        ]
        .map { "CONFIG_" + $0 }.filter { values[$0] != "y" }
    }
}
