// SPDX-License-Identifier: GPL-2.0

import Foundation

/// Decides whether the netdevsim.ko of the last build can be used again.
///
/// It can where all of these are the same: the tree's headers, Kbuild files, tools and driver (`TreeInputs.module`), patches and
/// compiler (both in `inputs`), the kernel's .config, the symbols it exports, and the headers and linker script that its
/// build generated.
struct ModuleReuse: Sendable {
    private let kernel: NetdevsimModule.Kernel
    /// The folder that the module is built in.
    private let copy: String
    /// nil where the module must be built.
    private let inputs: String?

    init(kernel: NetdevsimModule.Kernel, copy: String, inputs: String?) throws {
        self.kernel = kernel
        self.copy = copy
        let values = ConfigFragment.values(of: kernel.config)
        // The keys do not include types or code that the module gets from vmlinux.
        let dependsOnVmlinux = ["CONFIG_DEBUG_INFO_BTF_MODULES", "CONFIG_LTO_CLANG", "CONFIG_LTO_GCC", "CONFIG_GCC_PLUGINS", "CONFIG_MODULE_SIG"]
            .contains {
                values[$0] == "y"
            }
        guard let inputs, !dependsOnVmlinux else {
            self.inputs = nil
            return
        }
        self.inputs = Cache.key([inputs, ContentHash.of(kernel.config)] + (try Self.generated(kernel.objects)))
    }

    private var record: ProductRecord { ProductRecord(product: copy + "/netdevsim.ko", record: copy + "/.ppiov-made") }

    /// The module of the last build; nil where it cannot be used again.
    var module: String? {
        guard let inputs, record.isCurrent(inputs) else { return nil }
        return record.product
    }

    /// Records the module just built, unless it was made from a file that the keys leave out.
    func save() throws {
        guard let inputs, !usesUnkeyed() else { return }
        try record.save(inputs)
    }

    /// The files that the kernel's build generated and a module's build reads: paths and contents.
    private static func generated(_ objects: String) throws -> [String] {
        var lines: [String] = []
        for folder in ["include/generated", "arch/x86/include/generated"] where Files.isFolder(objects + "/" + folder) {
            for path in try TreeScan.everything(objects + "/" + folder).sorted() where !path.hasSuffix(".cmd") {
                lines.append("\(folder)/\(path) \(try ContentHash.ofFile("\(objects)/\(folder)/\(path)"))")
            }
        }
        for name in ["Module.symvers", "vmlinux.symvers", "scripts/module.lds"] where Files.isFile(objects + "/" + name) {
            lines.append("\(name) \(try ContentHash.ofFile(objects + "/" + name))")
        }
        return lines
    }

    /// Whether one of the prerequisites in Kbuild's .cmd files is a file of the tree that `TreeInputs` leaves out.
    private func usesUnkeyed() -> Bool {
        let prefix = kernel.source + "/"
        for name in Files.names(in: copy) where name.hasSuffix(".o.cmd") {
            guard let text = Files.text(copy + "/" + name) else { return true }
            let words = text.split { $0 == " " || $0 == "\n" || $0 == "\\" }
            if words.contains(where: { $0.hasPrefix(prefix) && Self.isUnkeyed($0.dropFirst(prefix.count)) }) { return true }
        }
        return false
    }

    private static func isUnkeyed(_ path: Substring) -> Bool { !TreeInputs.mayReachModules(String(path)) }
}
