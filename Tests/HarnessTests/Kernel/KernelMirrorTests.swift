// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

@Suite struct KernelMirrorTests {
    private func sync(_ scratch: TemporaryFolder, _ index: TreeIndex = TreeIndex()) async throws -> (index: TreeIndex, changes: Int) {
        let origin = scratch.path + "/origin"
        let fresh = try await TreeScan.refresh(index, root: origin, paths: try TreeScan.sources(origin))
        return try await TreeMirror(origin: origin, folder: scratch.path + "/mirror").sync(fresh)
    }

    private func origin() throws -> TemporaryFolder {
        let scratch = try TemporaryFolder()
        for name in ["Makefile", "net/core/dev.c", "net/core/skbuff.c", "only/file.h"] {
            try scratch.write("origin/" + name, "content of \(name)\n")
            scratch.age("origin/" + name)
        }
        try FileManager.default.createSymbolicLink(atPath: scratch.path + "/origin/link", withDestinationPath: "net/core/dev.c")
        return scratch
    }

    @Test func theFirstCopyIsCompleteAndKeepsTimes() async throws {
        let scratch = try origin()
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: scratch.path + "/origin/Makefile")
        let (_, changes) = try await sync(scratch)
        #expect(changes == 5)
        #expect(scratch.text("mirror/net/core/dev.c") == "content of net/core/dev.c\n")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: scratch.path + "/mirror/link") == "net/core/dev.c")
        #expect(FileStatus(scratch.path + "/mirror/Makefile")?.executable == true)
        #expect(FileStatus(scratch.path + "/mirror/Makefile")?.modified == FileStatus(scratch.path + "/origin/Makefile")?.modified)
    }

    @Test func onlyChangedFilesAreWrittenAndTheyAreNewer() async throws {
        let scratch = try origin()
        let (index, _) = try await sync(scratch)
        let before = try scratch.snapshot("mirror")
        try scratch.write("origin/net/core/dev.c", "new\n")
        scratch.age("origin/net/core/dev.c", seconds: 1_000_000)
        let (_, changes) = try await sync(scratch, index)
        let after = try scratch.snapshot("mirror")
        #expect(changes == 1)
        #expect(scratch.text("mirror/net/core/dev.c") == "new\n")
        #expect(before.filter { after[$0.key] != $0.value }.keys.filter { $0.hasSuffix(".c") } == ["net/core/dev.c"])
        let old = try #require(index.records["net/core/dev.c"])
        #expect(try #require(FileStatus(scratch.path + "/mirror/net/core/dev.c")).modified > old.mirrorModified)
    }

    @Test func aTouchedFileIsNotWritten() async throws {
        let scratch = try origin()
        let (index, _) = try await sync(scratch)
        let before = try scratch.snapshot("mirror")
        scratch.age("origin/net/core/dev.c", seconds: 5)
        let (again, changes) = try await sync(scratch, index)
        #expect(changes == 0)
        #expect(try scratch.snapshot("mirror") == before)
        #expect(again.contentKey == index.contentKey)
    }

    @Test func aRemovedFileIsRemovedWithItsFolder() async throws {
        let scratch = try origin()
        let (index, _) = try await sync(scratch)
        try scratch.remove("origin/only/file.h")
        let (again, changes) = try await sync(scratch, index)
        #expect(changes == 1)
        #expect(FileStatus(scratch.path + "/mirror/only") == nil)
        #expect(again.contentKey != index.contentKey)
    }

    @Test func aFileMayBecomeAFolderAndAFolderAFile() async throws {
        let scratch = try origin()
        let (index, _) = try await sync(scratch)
        try scratch.remove("origin/only")
        try scratch.remove("origin/Makefile")
        try scratch.write("origin/only", "a file now")
        try scratch.write("origin/Makefile/inside", "a folder now")
        _ = try await sync(scratch, index)
        #expect(scratch.text("mirror/only") == "a file now")
        #expect(scratch.text("mirror/Makefile/inside") == "a folder now")
    }

    @Test func aChangedCopyIsRestored() async throws {
        let scratch = try origin()
        let (index, _) = try await sync(scratch)
        try scratch.write("mirror/Makefile", "tampered")
        let (_, changes) = try await sync(scratch, index)
        #expect(changes == 1)
        #expect(scratch.text("mirror/Makefile") == "content of Makefile\n")
    }

    @Test func aFileChangedSinceItWasHashedStopsTheCopy() async throws {
        let scratch = try origin()
        let index = try await TreeScan.refresh(TreeIndex(), root: scratch.path + "/origin", paths: ["Makefile"])
        try scratch.write("origin/Makefile", "changed meanwhile")
        await #expect(throws: TreeMirror.Changed.self) {
            try await TreeMirror(origin: scratch.path + "/origin", folder: scratch.path + "/mirror").sync(index)
        }
    }

    @Test func buildProductsAreNotPartOfTheSource() async throws {
        let scratch = try origin()
        for name in ["net/core/dev.o", "net/core/.dev.o.cmd", "vmlinux", ".config", "include/config/auto.conf", "net/built-in.a", ".git/HEAD"] {
            try scratch.write("origin/" + name, "x")
        }
        #expect(Set(try TreeScan.sources(scratch.path + "/origin")) == ["Makefile", "net/core/dev.c", "net/core/skbuff.c", "only/file.h", "link"])
    }

    @Test func anIndexIsReadBackAndADamagedOneIsEmpty() async throws {
        let scratch = try origin()
        let (index, _) = try await sync(scratch)
        let file = scratch.path + "/index"
        try index.write(to: file)
        #expect(TreeIndex(file: file) == index)
        try scratch.write("index", "ppiov tree index 2\0path\0not numbers\0")
        #expect(TreeIndex(file: file).records.isEmpty)
        #expect(TreeIndex(file: scratch.path + "/none").records.isEmpty)
    }
}
