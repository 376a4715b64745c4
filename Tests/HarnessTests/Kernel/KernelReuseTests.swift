// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

/// The products that are reused between builds of a changing tree, and those that are not: with a product that is reused wrongly, a wrong kernel passes.
@Suite struct TreeInputsTests {
    private func index(_ files: [String: String]) -> TreeIndex {
        var index = TreeIndex()
        for (path, content) in files {
            index.records[path] = TreeIndex.Record(size: 1, modified: 1, changed: 1, inode: 1, identity: "-" + ContentHash.of(content))
        }
        return index
    }

    private static let tree = [
        "Kconfig", "Makefile", "net/Kconfig", "kernel/configs/tiny.config", "scripts/kconfig/conf.c", "scripts/cc-version.sh",
        "scripts/mod/modpost.c",
        "tools/objtool/check.c", "include/net/page_pool.h", "arch/x86/include/asm/page.h", "net/core/dev.h", "drivers/net/netdevsim/netdev.c",
        "io_uring/zcrx.c", "arch/x86/entry/entry_64.S", "Documentation/index.rst", "arch/x86/entry/syscalls/syscall_64.tbl",
    ]

    private func inputs(changing path: String? = nil, mode: String = "-") -> TreeInputs {
        var tree = index(Dictionary(uniqueKeysWithValues: Self.tree.map { ($0, "content") }))
        if let path { tree.records[path]?.identity = mode + ContentHash.of("other") }
        return TreeInputs(tree)
    }

    @Test(arguments: ["Kconfig", "Makefile", "net/Kconfig", "kernel/configs/tiny.config", "scripts/kconfig/conf.c", "scripts/cc-version.sh"])
    func aFileThatKconfigReadsOrRunsConfiguresAgain(_ path: String) {
        #expect(inputs(changing: path).configuration != inputs().configuration)
    }

    @Test(arguments: [
        "include/net/page_pool.h", "arch/x86/include/asm/page.h", "net/core/dev.h", "drivers/net/netdevsim/netdev.c", "Makefile",
        "scripts/mod/modpost.c",
        "tools/objtool/check.c", "arch/x86/entry/syscalls/syscall_64.tbl", "net/Kconfig",
    ])
    func aFileOfTheModuleBuildsItAgain(_ path: String) { #expect(inputs(changing: path).module != inputs().module) }

    @Test(arguments: ["io_uring/zcrx.c", "arch/x86/entry/entry_64.S", "Documentation/index.rst"])
    func aFileOnlyOfVmlinuxChangesNeitherKey(_ path: String) { #expect(inputs(changing: path) == inputs()) }

    @Test func newAndRemovedFilesAndNewKindsChangeTheKeys() {
        var tree = index(Dictionary(uniqueKeysWithValues: Self.tree.map { ($0, "content") }))
        tree.records["io_uring/new.c"] = tree.records["io_uring/zcrx.c"]
        #expect(TreeInputs(tree).configuration != inputs().configuration && TreeInputs(tree).module != inputs().module)
        #expect(inputs(changing: "io_uring/zcrx.c", mode: "l") != inputs())
    }
}

@Suite struct ConfigReuseTests {
    /// A line for each tinyconfig.
    private func configured(_ fake: FakeKernel) throws -> Int {
        let logs = fake.cache.root + "/logs"
        let name = try #require(Files.names(in: logs).first { $0.hasSuffix(".log") })
        return (Files.text(logs + "/" + name) ?? "").split(separator: "\n").count { $0.hasPrefix("$ make") && $0.contains("tinyconfig") }
    }

    private func objects(_ fake: FakeKernel) throws -> String {
        let folder = fake.cache.root + "/objects"
        return folder + "/" + (try #require(Files.names(in: folder).first { $0.hasSuffix("-fast") }))
    }

    /// A fake kernel, built once, whose object folder has the Makefile that Kbuild puts there.
    private func built() async throws -> FakeKernel {
        let fake = try FakeKernel()
        _ = try await fake.build()
        try Files.write("# Kbuild's", to: try objects(fake) + "/Makefile")
        return fake
    }

    @Test func aChangedSourceFileDoesNotConfigureAgain() async throws {
        let fake = try await built()
        try fake.scratch.write("tree/main.c", "int other;\n")
        let build = try await fake.build()
        #expect(fake.makes == 2)
        #expect(try configured(fake) == 0)
        #expect(Files.text(build.vmlinux)?.contains("int other") == true)
    }

    @Test(arguments: ["net/Kconfig", "Kconfig", "scripts/cc-version.sh", "new.config"])
    func aChangedInputConfiguresAgain(_ path: String) async throws {
        let fake = try await built()
        try fake.scratch.write("tree/" + path, "# other\n")
        _ = try await fake.build()
        #expect(try configured(fake) == 1)
    }

    @Test func anotherFragmentConfiguresAgain() async throws {
        let fake = try await built()
        let build = try await fake.build(sets: ["NEW=y"])
        #expect(try configured(fake) == 1)
        #expect(Files.text(fake.cache.root + "/kernels/\(build.key)/config")?.contains("CONFIG_NEW=y") == true)
    }

    @Test func aConfigurationThatWasEditedIsMadeAgain() async throws {
        let fake = try await built()
        try Files.write("CONFIG_TINY=y\nCONFIG_FAKE=n\n", to: try objects(fake) + "/.config")
        try fake.scratch.write("tree/main.c", "int other;\n")
        let build = try await fake.build()
        #expect(try configured(fake) == 1)
        #expect(Files.text(fake.cache.root + "/kernels/\(build.key)/config") == "CONFIG_TINY=y\nCONFIG_FAKE=y\n")
    }

    @Test func aBuildThatChangesItsConfigurationFails() async throws {
        let fake = try FakeKernel(vmlinuxRule: "echo CONFIG_LATE=y >> $(O)/.config")
        let error = try await harnessError { _ = try await fake.build() }
        #expect(error.message.contains("changed while the kernel was built"))
        #expect(Files.names(in: fake.cache.root + "/kernels").isEmpty)
    }
}

@Suite struct ModuleReuseTests {
    private static let config = "CONFIG_MODULES=y\nCONFIG_NETDEVSIM=m\n"

    /// A kernel's folders with the files of a module's key, and a module made from them.
    private func made(_ config: String = config, command: String = "") throws -> (scratch: TemporaryFolder, kernel: NetdevsimModule.Kernel) {
        let scratch = try TemporaryFolder()
        try scratch.write("objects/Module.symvers", "0x0\tsymbol\tvmlinux\tEXPORT_SYMBOL\n")
        try scratch.write("objects/include/generated/asm-offsets.h", "#define A 1\n")
        try scratch.write("copy/netdevsim.ko", "module")
        try scratch.write("copy/.netdev.o.cmd", "deps_netdev.o := \\\n  \(scratch.path)/tree/include/net/page_pool.h \\\n\(command)")
        let kernel = NetdevsimModule.Kernel(source: scratch.path + "/tree", objects: scratch.path + "/objects", config: config)
        try reuse(scratch, kernel).save()
        return (scratch, kernel)
    }

    private func reuse(_ scratch: TemporaryFolder, _ kernel: NetdevsimModule.Kernel, inputs: String? = "inputs") throws -> ModuleReuse {
        try ModuleReuse(kernel: kernel, copy: scratch.path + "/copy", inputs: inputs)
    }

    @Test func theModuleOfTheSameInputsIsReused() throws {
        let (scratch, kernel) = try made()
        #expect(try reuse(scratch, kernel).module == scratch.path + "/copy/netdevsim.ko")
    }

    @Test(arguments: [
        "objects/Module.symvers", "objects/include/generated/asm-offsets.h", "objects/include/generated/new.h", "objects/scripts/module.lds",
        "copy/netdevsim.ko",
    ])
    func aChangedFileBuildsItAgain(_ path: String) throws {
        let (scratch, kernel) = try made()
        try scratch.write(path, "other")
        #expect(try reuse(scratch, kernel).module == nil)
    }

    @Test func otherInputsOrOptionsBuildItAgain() throws {
        var (scratch, kernel) = try made()
        #expect(try reuse(scratch, kernel, inputs: "other").module == nil)
        #expect(try reuse(scratch, kernel, inputs: nil).module == nil)
        kernel.config += "CONFIG_NEW=y\n"
        #expect(try reuse(scratch, kernel).module == nil)
    }

    @Test func aModuleOfFilesThatTheKeysLeaveOutIsNotReused() throws {
        for option in ["DEBUG_INFO_BTF_MODULES", "LTO_CLANG", "GCC_PLUGINS"] {
            let (scratch, kernel) = try made(Self.config + "CONFIG_\(option)=y\n")
            #expect(try reuse(scratch, kernel).module == nil)
        }
        let (scratch, kernel) = try made(command: "")
        try scratch.remove("copy/.ppiov-made")
        try scratch.write("copy/.netdev.o.cmd", "deps_netdev.o := \\\n  \(scratch.path)/tree/lib/inline.c \\\n")
        try reuse(scratch, kernel).save()
        #expect(try reuse(scratch, kernel).module == nil)
    }
}
