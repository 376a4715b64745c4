// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

/// Invalid input, and the error for each.
@Suite struct KernelInputTests {
    private func fault(_ fake: FakeKernel, _ source: String) async throws -> HarnessError {
        try await harnessError { _ = try await fake.build(source) }
    }

    private func tar(_ scratch: TemporaryFolder, _ arguments: String...) async throws {
        try await Command("tar", arguments, directory: scratch.path).output()
    }

    @Test func aMissingPath() async throws {
        let fake = try FakeKernel()
        let error = try await fault(fake, fake.scratch.path + "/nowhere")
        #expect(error.kind == .input)
        #expect(error.message.hasPrefix("there is no kernel source at"))
    }

    @Test func aFolderThatIsNotAKernel() async throws {
        let fake = try FakeKernel()
        let error = try await fault(fake, fake.vm)
        #expect(error.kind == .input)
        #expect(error.message.contains("it needs a Makefile that sets VERSION and PATCHLEVEL, and a file Kconfig"))
    }

    @Test func aFileThatIsNotATarball() async throws {
        let fake = try FakeKernel()
        let error = try await fault(fake, try fake.scratch.write("notes.txt", "x"))
        #expect(error.kind == .input)
        #expect(error.message.hasSuffix("is neither a folder nor a tarball"))
    }

    @Test func anEmptyTarball() async throws {
        let fake = try FakeKernel()
        try Files.makeFolder(fake.scratch.path + "/nothing")
        try await tar(fake.scratch, "-cf", "empty.tar", "-T", "/dev/null")
        let error = try await fault(fake, fake.scratch.path + "/empty.tar")
        #expect(error.kind == .input)
        #expect(error.message.hasSuffix("empty.tar is empty"))
    }

    @Test func aDamagedTarball() async throws {
        let fake = try FakeKernel()
        let error = try await fault(fake, try fake.scratch.write("bad.tar.xz", "not xz at all"))
        #expect(error.kind == .input)
        #expect(error.message.hasPrefix("cannot unpack"))
        #expect(Files.names(in: fake.cache.root + "/sources").isEmpty)
    }

    @Test func aTarballWithoutAKernel() async throws {
        let fake = try FakeKernel()
        try await tar(fake.scratch, "-czf", "vm.tar.gz", "vm")
        let error = try await fault(fake, fake.scratch.path + "/vm.tar.gz")
        #expect(error.kind == .input)
        #expect(error.message.contains("vm.tar.gz is not a kernel source tree"))
    }

    @Test func aTarballThatWouldWriteOutside() async throws {
        let fake = try FakeKernel()
        try fake.scratch.write("evil", "x")
        try await tar(fake.scratch, "-cPf", "evil.tar", "tree", "--transform=s,^evil,tree/../../../evil,", "evil")
        let error = try await fault(fake, fake.scratch.path + "/evil.tar")
        #expect(error.kind == .input)
        #expect(error.message.contains("has a path outside of its own tree"))
        #expect(Files.names(in: fake.cache.root + "/sources").isEmpty)
        #expect(!Files.isFile(fake.cache.root + "/evil") && !Files.isFile(fake.scratch.path + "/cache/evil"))
    }

    @Test func aTarballThatWritesThroughItsOwnLink() async throws {
        let fake = try FakeKernel()
        try Files.makeFolder(fake.scratch.path + "/outside")
        try FileManager.default.createSymbolicLink(atPath: fake.scratch.path + "/tree/door", withDestinationPath: fake.scratch.path + "/outside")
        try await tar(fake.scratch, "-cf", "door.tar", "tree")
        try fake.scratch.remove("tree/door")
        try fake.scratch.write("tree/door/stolen", "x")
        try await tar(fake.scratch, "-rf", "door.tar", "tree/door/stolen")
        _ = try? await fake.build(fake.scratch.path + "/door.tar")
        #expect(Files.names(in: fake.scratch.path + "/outside").isEmpty)
    }

    @Test func anUnbuiltTreeGivenAsBuilt() async throws {
        let fake = try FakeKernel()
        let error = try await fault(fake, "built:" + fake.tree)
        #expect(error.kind == .input)
        #expect(error.message.hasSuffix("is not a built kernel tree: it needs vmlinux and .config"))
    }

    @Test func aBuiltTreeThatCannotBootAsAGuest() async throws {
        let fake = try FakeKernel()
        try fake.scratch.write("tree/vmlinux", "\u{7f}ELF")
        try fake.scratch.write("tree/.config", "CONFIG_NET=y\nCONFIG_PVH=y\n")
        let error = try await fault(fake, fake.tree)
        #expect(error.kind == .input)
        #expect(error.message.contains("lacks CONFIG_BLK_DEV_INITRD"))
        let options = try await harnessError { _ = try await fake.build(sets: ["A=y"]) }
        #expect(options.kind == .input)
        #expect(options.message.hasSuffix("is built already: options cannot be added to it"))
    }

    @Test func aVersionThatIsNone() async throws {
        let fake = try FakeKernel()
        #expect(try await fault(fake, "debian:latest").kind == .input)
    }

    @Test func aCachePathThatMakeCannotUseIsRefused() async throws {
        let fake = try FakeKernel()
        let builder = KernelBuilder(cache: Cache(root: fake.scratch.path + "/my cache"), vm: fake.vm, jobs: 1, progress: .discarded)
        let error = try await harnessError { _ = try await builder.build(KernelRequest(source: fake.tree)) }
        #expect(error.kind == .input)
    }
}
