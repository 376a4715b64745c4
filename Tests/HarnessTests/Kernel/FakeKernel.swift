// SPDX-License-Identifier: GPL-2.0

import Foundation
import Testing

@testable import Harness

/// A folder with a Makefile that answers the goals of a kernel's, in milliseconds.
struct FakeKernel {
    let scratch: Scratch
    let cache: Cache
    let vm: String
    /// A line for each make of vmlinux.
    var makes: Int { (scratch.text("makes") ?? "").split(separator: "\n").count }

    init(vmlinuxRule: String = "true", says: String = "@echo '  CC      main.o'") throws {
        scratch = try Scratch()
        cache = Cache(root: scratch.path + "/cache")
        vm = scratch.path + "/vm"
        try scratch.write("vm/config/fast.config", "CONFIG_FAKE=y\n")
        try scratch.write("tree/Kconfig", "# none\n")
        try scratch.write("tree/main.c", "int main;\n")
        try scratch.write("tree/Makefile", Self.makefile(counter: scratch.path + "/makes", rule: vmlinuxRule, says: says))
    }

    var tree: String { scratch.path + "/tree" }

    static func makefile(counter: String, rule: String, says: String = "@echo '  CC      main.o'") -> String {
        """
        VERSION = 9
        PATCHLEVEL = 1
        SUBLEVEL = 2
        EXTRAVERSION =

        tinyconfig:
        \t@echo CONFIG_TINY=y > $(O)/.config
        olddefconfig:
        \t@grep -v CONFIG_DROPPED $(O)/.config > $(O)/.config.new && mv $(O)/.config.new $(O)/.config
        vmlinux:
        \t@echo run >> \(counter)
        \t\(says)
        \t@\(rule)
        \t@if grep -q BROKEN main.c; then echo "main.c:1:5: error: unknown type name 'BROKEN'"; exit 1; fi
        \t@mkdir -p $(O)/include/config && echo 9.1.2-fake > $(O)/include/config/kernel.release
        \t@printf '\\177ELF' > $(O)/vmlinux && cat main.c >> $(O)/vmlinux
        modules_prepare:
        \t@true
        mrproper:
        \t@rm -rf generated-tool

        """
    }

    func builder(progress: Harness.Progress = .silent) -> KernelBuilder { KernelBuilder(cache: cache, vm: vm, jobs: 2, progress: progress) }

    func build(_ source: String? = nil, sets: [String] = []) async throws -> KernelBuild {
        try await builder().build(KernelRequest(source: source ?? tree, sets: sets))
    }
}
