// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport

/// A folder with a Makefile that has the goals of a kernel's, and a `vm/` folder with a profile for it: `ppiov build` needs milliseconds.
struct SmallKernel {
    let scratch: TemporaryFolder

    /// - Parameter rule: a shell command of make's goal vmlinux.
    init(in scratch: TemporaryFolder, rule: String = "true") throws {
        self.scratch = scratch
        try scratch.write("vm/config/fast.config", "CONFIG_FAKE=y\n")
        try scratch.write("tree/Kconfig", "# none\n")
        try scratch.write("tree/main.c", "int main;\n")
        try scratch.write(
            "tree/Makefile",
            """
            VERSION = 9
            PATCHLEVEL = 1
            SUBLEVEL = 2

            tinyconfig olddefconfig:
            \t@touch $(O)/.config
            vmlinux:
            \t@\(rule)
            \t@mkdir -p $(O)/include/config && echo 9.1.2-small > $(O)/include/config/kernel.release
            \t@printf '\\177ELF' > $(O)/vmlinux && cat main.c >> $(O)/vmlinux
            modules_prepare:
            \t@true

            """)
    }

    var tree: String { scratch.path + "/tree" }

    /// `ppiov build` with a cache of its own in the folder `cache`.
    func build(_ arguments: [String] = [], environment: [String: String] = [:], prefix: [String] = [], kernel: String? = nil) async throws -> Outcome
    {
        let variables = ["PPIOV_VM": scratch.path + "/vm"].merging(scratch.cache) { $1 }.merging(environment) { $1 }
        return try await Product.run(["build", "--kernel", kernel ?? tree] + arguments, in: scratch, environment: variables, prefix: prefix)
    }
}
