// SPDX-License-Identifier: GPL-2.0

import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Harness

@Suite struct KernelBuilderTests {
    @Test func aSecondBuildRunsNoMake() async throws {
        let fake = try FakeKernel()
        let first = try await fake.build()
        let second = try await fake.build()
        #expect(fake.makes == 1)
        #expect(first == second)
        #expect(first.release == "9.1.2-fake")
        #expect(first.source.hasPrefix("folder:"))
        #expect(first.vmlinux == "\(fake.cache.root)/kernels/\(first.key)/vmlinux")
        #expect(Files.text(fake.cache.root + "/kernels/\(first.key)/config") == "CONFIG_TINY=y\nCONFIG_FAKE=y\n")
        #expect(first.netdevsim == nil)
        #expect(first.netdevsimReason?.contains("CONFIG_MODULES") == true)
    }

    @Test func aChangedFileBuildsAgainAndATouchedOneDoesNot() async throws {
        let fake = try FakeKernel()
        let first = try await fake.build()
        fake.scratch.age("tree/main.c")
        #expect(try await fake.build() == first)
        try fake.scratch.write("tree/main.c", "int other;\n")
        let second = try await fake.build()
        #expect(fake.makes == 2)
        #expect(second.key != first.key && second.source != first.source)
        #expect(Files.text(second.vmlinux)?.contains("int other") == true)
        try fake.scratch.write("tree/main.c", "int main;\n")
        #expect(try await fake.build() == first)
        #expect(fake.makes == 2)
    }

    @Test func aChangedOptionBuildsAgain() async throws {
        let fake = try FakeKernel()
        let first = try await fake.build()
        let second = try await fake.build(sets: ["NEW=y"])
        #expect(fake.makes == 2)
        #expect(first.configHash != second.configHash && first.key != second.key)
    }

    @Test func aRequestWithTheSameConfigurationIsNotCompiledAgain() async throws {
        let fake = try FakeKernel()
        let first = try await fake.build(sets: ["FAKE=y"])
        #expect(try await fake.build().key == first.key)
        #expect(fake.makes == 1)
    }

    @Test func aDroppedOptionStopsTheBuild() async throws {
        let fake = try FakeKernel()
        let error = try await harnessError { _ = try await fake.build(sets: ["DROPPED=y"]) }
        #expect(error.kind == .input)
        #expect(error.evidence == ["CONFIG_DROPPED: requested y, got n (--set DROPPED=y)"])
        #expect(fake.makes == 0)
    }

    @Test func aFailedBuildShowsTheCompilersErrorAndLeavesNoKernel() async throws {
        let fake = try FakeKernel()
        try fake.scratch.write("tree/main.c", "BROKEN\n")
        let error = try await harnessError { _ = try await fake.build() }
        #expect(error.kind == .harness)
        #expect(error.message == "building Linux 9.1.2 failed")
        #expect(error.evidence.first == "main.c:1:5: error: unknown type name 'BROKEN'")
        #expect(error.evidence.last?.hasPrefix("the whole log: ") == true)
        #expect(Files.names(in: fake.cache.root + "/kernels").isEmpty)
        try fake.scratch.write("tree/main.c", "mended\n")
        #expect(try await fake.build().release == "9.1.2-fake")
    }

    @Test func aFullDiskIsNamed() async throws {
        let fake = try FakeKernel(vmlinuxRule: "echo 'as: error writing main.o: No space left on device'; exit 1")
        let error = try await harnessError { _ = try await fake.build() }
        #expect(error.kind == .harness)
        #expect(error.message.hasSuffix("the disk is full"))
    }

    @Test func theTreeUnderTestIsNeverWrittenTo() async throws {
        let fake = try FakeKernel()
        let before = try fake.scratch.snapshot("tree")
        _ = try await fake.build()
        #expect(try fake.scratch.snapshot("tree") == before)
    }

    @Test func productsOfAnInTreeBuildAreRemovedOnlyFromTheCopy() async throws {
        let fake = try FakeKernel()
        try fake.scratch.write("tree/.config", "CONFIG_OLD=y\n")
        try fake.scratch.write("tree/generated-tool", "stale")
        let before = try fake.scratch.snapshot("tree")
        let build = try await fake.build()
        let again = try await fake.build()
        #expect(build == again && fake.makes == 1)
        #expect(try fake.scratch.snapshot("tree") == before)
        let copies = Files.names(in: fake.cache.root + "/sources").filter { !$0.hasSuffix(".index") }
        let copy = try #require(copies.first)
        #expect(!Files.isFile("\(fake.cache.root)/sources/\(copy)/generated-tool"))
    }

    @Test func aTarballIsBuiltOnceUnderTwoNames() async throws {
        let fake = try FakeKernel()
        try await Command("tar", ["-cJf", "a.tar.xz", "tree"], directory: fake.scratch.path).output()
        let first = try await fake.build(fake.scratch.path + "/a.tar.xz")
        try Files.rename(fake.scratch.path + "/a.tar.xz", to: fake.scratch.path + "/b.tar.xz")
        #expect(try await fake.build(fake.scratch.path + "/b.tar.xz") == first)
        #expect(first.source.hasPrefix("tarball:"))
        #expect(fake.makes == 1)
    }

    @Test(arguments: ["vmlinux", "build.json", "config"])
    func aDamagedEntryIsBuiltAgain(_ name: String) async throws {
        let fake = try FakeKernel()
        let first = try await fake.build()
        try fake.scratch.write("cache/kernels/\(first.key)/\(name)", "damaged")
        #expect(try await fake.build() == first)
        #expect(fake.makes == 2)
        #expect(try await fake.build() == first)
        #expect(fake.makes == 2)
    }

    @Test func aMovedCacheFindsItsFiles() async throws {
        let fake = try FakeKernel()
        let first = try await fake.build()
        let moved = Cache(root: fake.scratch.path + "/elsewhere")
        try Files.rename(fake.cache.root, to: moved.root)
        let found = try await KernelBuilder(cache: moved, vm: fake.vm, jobs: 1, progress: .discarded).build(KernelRequest(source: fake.tree))
        #expect(fake.makes == 1)
        #expect(found.key == first.key)
        #expect(found.vmlinux.hasPrefix(moved.root) && Files.isFile(found.vmlinux))
    }

    @Test func twoRunsAtTheSameTimeBuildOnce() async throws {
        let fake = try FakeKernel(vmlinuxRule: "sleep 0.3")
        async let first = fake.build()
        async let second = fake.build()
        #expect(try await first == second)
        #expect(fake.makes == 1)
    }

    @Test func aCancelledBuildLeavesNoProcessAndCanBeRepeated() async throws {
        let fake = try FakeKernel(vmlinuxRule: "test -e ../../../go || sleep 600")
        let task = Task { try await fake.build() }
        while fake.makes == 0 { try await Task.sleep(for: .milliseconds(20)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(Files.names(in: fake.cache.root + "/kernels").isEmpty)
        try fake.scratch.write("go", "")
        #expect(try await fake.build().release == "9.1.2-fake")
    }

    @Test func aBuiltTreeIsUsedUnchanged() async throws {
        let fake = try FakeKernel()
        try fake.scratch.write("tree/vmlinux", "\u{7f}ELF built elsewhere")
        let names = [
            "PVH", "BLK_DEV_INITRD", "BINFMT_ELF", "PROC_FS", "SYSFS", "DEVTMPFS", "SERIAL_8250_CONSOLE", "VIRTIO_PCI", "VIRTIO_CONSOLE", "NET",
            "EVENT_TRACING", "KASAN",
        ]
        try fake.scratch.write("tree/.config", names.map { "CONFIG_\($0)=y\n" }.joined())
        try fake.scratch.write("tree/include/config/kernel.release", "9.1.2-theirs\n")
        let before = try fake.scratch.snapshot("tree")
        let build = try await fake.build()
        #expect(fake.makes == 0)
        #expect(build.release == "9.1.2-theirs" && build.profile == "debug" && build.source.hasPrefix("built:"))
        #expect(Files.text(build.vmlinux) == "\u{7f}ELF built elsewhere")
        #expect(build.vmlinux.hasPrefix(fake.cache.root))
        #expect(try fake.scratch.snapshot("tree") == before)
        // An edit after the build is not in vmlinux; and netdevsim is built from its source.
        try fake.scratch.write("tree/drivers/net/netdevsim/netdev.c", "1")
        FileStatus.setModified(fake.tree + "/drivers/net/netdevsim/netdev.c", FileStatus.now() + 1_000_000_000)
        let error = try await harnessError { _ = try await fake.build() }
        #expect(error.kind == .input && error.message.hasSuffix("tree/drivers/net/netdevsim/netdev.c is newer"))
        let edited = try await fake.build("built:" + fake.tree)
        #expect(edited.key != build.key)
        #expect(try await fake.build("built:" + fake.tree) == edited)
    }

    @Test func theLastObjectsOfAKilledBuildAreRemoved() throws {
        let scratch = try TemporaryFolder()
        let folder = ObjectFolder(scratch.path + "/objects")
        try folder.prepare()
        try scratch.write("objects/old.o", "whole")
        scratch.age("objects/old.o", seconds: 1000)
        try scratch.write("objects/last.o", "hal")
        try folder.begin()
        try folder.prepare()
        #expect(Files.names(in: folder.path) == ["old.o"])
        try folder.prepare()
        #expect(Files.names(in: folder.path) == ["old.o"])
    }
}

@Suite struct NetdevsimModuleTests {
    @Test func aPatchThatDoesNotApplyIsNamedWithItsFirstHunk() async throws {
        let scratch = try TemporaryFolder()
        try scratch.write("tree/drivers/net/netdevsim/netdev.c", "int other;\n")
        try scratch.write("tree/drivers/net/netdevsim/stale.mod.c", "int stale;\n")
        try scratch.write(
            "vm/patches/netdevsim-9.1/0001-provide.patch",
            """
            --- a/drivers/net/netdevsim/netdev.c
            +++ b/drivers/net/netdevsim/netdev.c
            @@ -1 +1 @@
            -int expected;
            +int patched;

            """)
        let outcome = try await NetdevsimModule(vm: scratch.path + "/vm").build(
            against: NetdevsimModule.Kernel(
                source: scratch.path + "/tree", objects: scratch.path, config: "CONFIG_MODULES=y\nCONFIG_NETDEVSIM=m\n"),
            work: scratch.path + "/work", jobs: 1, log: scratch.path + "/log")
        #expect(outcome == .none(reason: "netdevsim-9.1/0001-provide.patch does not apply: drivers/net/netdevsim/netdev.c: Hunk #1 FAILED at 1."))
        #expect(scratch.text("tree/drivers/net/netdevsim/netdev.c") == "int other;\n")
        #expect(Files.names(in: scratch.path + "/work/drivers/net/netdevsim") == ["netdev.c"])
    }

    @Test(arguments: [
        ("", "without modules"), ("CONFIG_MODULES=y\n", "CONFIG_NETDEVSIM is n"), ("CONFIG_MODULES=y\nCONFIG_NETDEVSIM=y\n", "CONFIG_NETDEVSIM is y"),
        ("CONFIG_MODULES=y\nCONFIG_NETDEVSIM=m\n", "has no drivers/net/netdevsim"),
    ])
    func aKernelWithoutTheModuleHasAReason(_ config: String, _ reason: String) async throws {
        let scratch = try TemporaryFolder()
        let outcome = try await NetdevsimModule(vm: scratch.path).build(
            against: NetdevsimModule.Kernel(source: scratch.path, objects: scratch.path, config: config), work: scratch.path + "/work", jobs: 1,
            log: scratch.path + "/log")
        guard case .none(let text) = outcome else {
            Issue.record("there is a module")
            return
        }
        #expect(text.contains(reason))
    }

    @Test func theNewestPatchComesFirst() throws {
        let scratch = try TemporaryFolder()
        for name in [
            "netdevsim-7.2/0002-b.patch", "netdevsim-7.2/0001-a.patch", "netdevsim-7.2/notes", "netdevsim-7.10/0001-a.patch", "netdevsim-8/notes",
            "other/0001-a.patch",
        ] {
            try scratch.write("patches/" + name, name)
        }
        let module = NetdevsimModule(vm: scratch.path)
        #expect(module.sets.map(\.name) == ["netdevsim-7.10", "netdevsim-7.2"])
        #expect(module.sets.last?.patches.map { $0.split(separator: "/").last } == ["0001-a.patch", "0002-b.patch"])
        let key = try module.key()
        try scratch.write("patches/netdevsim-7.2/0002-b.patch", "changed")
        #expect(try module.key() != key)
    }

    /// The guaranteed needs of netdevsim follow from the name of a patch.
    @Test func thePatchForLargeBuffersHasItsName() throws {
        let vm = Repository.path("vm")
        let sets = NetdevsimModule(vm: vm).sets
        #expect(!sets.isEmpty)
        for set in sets { #expect(set.patches.filter { $0.hasSuffix("-" + NetdevsimModule.largeBuffers) }.count == 1, "\(set.name)") }
    }

    private func patch(_ from: String, _ to: String) -> String {
        "--- a/drivers/net/netdevsim/netdev.c\n+++ b/drivers/net/netdevsim/netdev.c\n@@ -1 +1 @@\n-\(from)\n+\(to)\n"
    }

    /// A set is applied up to the first patch that does not apply; where that is its first, the next set is tried.
    @Test func aSetIsAppliedUpToTheFirstPatchThatDoesNotApply() async throws {
        let scratch = try TemporaryFolder()
        try scratch.write("tree/drivers/net/netdevsim/netdev.c", "one\n")
        try scratch.write("vm/patches/netdevsim-9.2/0001-a.patch", patch("new", "newer"))
        try scratch.write("vm/patches/netdevsim-9.1/0001-a.patch", patch("one", "two"))
        try scratch.write("vm/patches/netdevsim-9.1/0002-b.patch", patch("two", "three"))
        try scratch.write("vm/patches/netdevsim-9.1/0003-c.patch", patch("four", "five"))
        try scratch.write("vm/patches/netdevsim-9.1/0004-d.patch", patch("three", "four"))
        let lines = Mutex<[String]>([])
        let outcome = try await NetdevsimModule(vm: scratch.path + "/vm").build(
            against: NetdevsimModule.Kernel(source: scratch.path + "/tree", objects: scratch.path, config: "CONFIG_MODULES=y\nCONFIG_NETDEVSIM=m\n"),
            work: scratch.path + "/work", jobs: 1, log: scratch.path + "/log", progress: Progress { line in lines.withLock { $0.append(line) } })
        #expect(outcome == .none(reason: "the built kernel has neither Module.symvers nor vmlinux.symvers to link a module against"))
        #expect(scratch.text("work/drivers/net/netdevsim/netdev.c") == "three\n")
        #expect(scratch.text("work/applied") == "0001-a.patch\n0002-b.patch\n")
        #expect(
            lines.withLock { $0 }.contains(
                "netdevsim is built without 2 patches: netdevsim-9.1/0003-c.patch does not apply: drivers/net/netdevsim/netdev.c: Hunk #1 FAILED at 1."
            ))
    }
}
