// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import TestSupport
import Testing

@testable import Harness

/// Trees with files that no `git status` of the tree shows, or whose names or times are not what they seem (docs/trees.md).
@Suite struct TreeContentTests {
    @Test(arguments: [true, false]) func anEditThatKeepsSizeAndTimeReachesTheCopy(_ git: Bool) async throws {
        let kernel = try await GitKernel(files: ["drivers/x.c": "int x1;\n"])
        if !git { try kernel.scratch.remove("tree/.git") }
        kernel.scratch.age("tree/drivers/x.c")
        let before = try await kernel.identity()
        #expect(Files.text(try await kernel.copy() + "/drivers/x.c") == "int x1;\n")
        // The harness trusts a time that is some seconds old.
        try await waitUntil("the file's times are trusted") {
            FileStatus.now() - (FileStatus(kernel.tree + "/drivers/x.c")?.changed ?? 0) > 3_100_000_000
        }
        #expect(try await kernel.identity() == before)
        try kernel.edit("drivers/x.c", "int x2;\n")
        #expect(try await kernel.identity() != before)
        #expect(Files.text(try await kernel.copy() + "/drivers/x.c") == "int x2;\n")
    }

    @Test func ignoredSourcesCountAndProductsDoNot() async throws {
        let kernel = try await GitKernel(files: ["drivers/x.c": "x\n"])
        try kernel.scratch.write("tree/.git/info/exclude", "/drivers/hidden*\n/build/\nnotes/\n")
        let clean = try await kernel.identity()
        for name in ["x.o", ".x.o.cmd", "drivers/x.ko", ".config.old", "notes/log.txt"] { try kernel.scratch.write("tree/" + name, "x") }
        #expect(try await kernel.identity() == clean)
        var seen: Set<String> = [clean]
        for name in ["drivers/hidden.c", "drivers/hidden/Kconfig", "drivers/hidden/hidden.h", "drivers/hidden.sh"] {
            for text in ["1", "2"] {
                try kernel.scratch.write("tree/" + name, text)
                #expect(seen.insert(try await kernel.identity()).inserted, "\(name) \(text)")
            }
        }
        #expect(Files.text(try await kernel.copy() + "/drivers/hidden.c") == "2")
        let edited = try await kernel.identity()
        // An object folder inside the tree.
        try kernel.scratch.write("tree/build/include/config/auto.conf", "")
        try kernel.scratch.write("tree/build/include/generated/x.h", "")
        try FileManager.default.createSymbolicLink(atPath: kernel.tree + "/build/source", withDestinationPath: "..")
        #expect(try await kernel.identity() == edited)
        #expect(!Files.isFolder(try await kernel.copy() + "/build"))
    }

    @Test func filesOfAnInTreeBuildAreRemovedFromTheCopyOfAGitTree() async throws {
        let kernel = try await GitKernel()
        try kernel.scratch.write("tree/.git/info/exclude", "generated-tool\nmine.c\n")
        let clean = try await kernel.identity()
        for (name, text) in [(".config", "CONFIG_OLD=y\n"), ("include/generated/a.h", ""), ("generated-tool.c", ""), ("mine.c", "mine\n")] {
            try kernel.scratch.write("tree/" + name, text)
        }
        try kernel.scratch.write(
            "tree/Makefile", (kernel.scratch.text("tree/Makefile") ?? "").replacing("rm -rf generated-tool", with: "rm -rf generated-tool.c"))
        let build = try await kernel.fake.build()
        #expect(build.source.hasPrefix(clean + "+changes:"))
        #expect(try await kernel.fake.build() == build && kernel.fake.makes == 1)
        let copy = try await kernel.copy()
        #expect(Files.names(in: copy) == [".gitignore", "Kconfig", "Makefile", "main.c", "mine.c"])
        // What mrproper removes is made again, and is no source; what it leaves is one.
        try kernel.scratch.write("tree/generated-tool.c", "edited")
        #expect(try await kernel.fake.build() == build)
        try kernel.scratch.write("tree/mine.c", "edited\n")
        #expect(try await kernel.fake.build().source != build.source)
        #expect(Files.text(copy + "/mine.c") == "edited\n")
    }

    @Test func aSubmoduleAndAnInnerRepositoryAreSeen() async throws {
        let kernel = try await GitKernel()
        let driver = try await GitKernel(files: ["driver.c": "1\n"])
        for name in ["Makefile", "Kconfig", "main.c"] { try driver.scratch.remove("tree/" + name) }
        try await driver.commit("no kernel")
        let before = try await kernel.identity()
        try await kernel.git(["submodule", "--quiet", "add", driver.tree, "drivers/mine"])
        try await kernel.commit("a driver")
        var seen: Set<String> = [before, try await kernel.identity()]
        func next() async throws { #expect(seen.insert(try await kernel.identity()).inserted) }
        try kernel.scratch.write("tree/drivers/mine/driver.c", "2\n")
        try await next()
        #expect(Files.text(try await kernel.copy() + "/drivers/mine/driver.c") == "2\n")
        try kernel.scratch.write("tree/drivers/mine/new.c", "2\n")
        try await next()
        try await kernel.git(["clone", "--quiet", driver.tree, "drivers/other"])
        try await next()
        try kernel.scratch.write("tree/drivers/other/driver.c", "3\n")
        try await next()
        #expect(Files.text(try await kernel.copy() + "/drivers/other/driver.c") == "3\n")
        // A worktree inside the tree is another kernel.
        let last = try await kernel.identity()
        try await kernel.git(["worktree", "add", "--quiet", "inner"])
        #expect(try await kernel.identity() == last)
        #expect(!Files.isFolder(try await kernel.copy() + "/inner"))
        // Without its files it is not the same source.
        try await kernel.git(["submodule", "--quiet", "deinit", "--force", "drivers/mine"])
        try await next()
    }

    @Test(arguments: [true, false]) func aLinkThatLeavesTheTreeIsFollowedOrRefused(_ git: Bool) async throws {
        let kernel = try await GitKernel()
        if !git { try kernel.scratch.remove("tree/.git") }
        let outside = try kernel.scratch.write("outside/driver.c", "1\n")
        try FileManager.default.createSymbolicLink(atPath: kernel.tree + "/driver.c", withDestinationPath: "../outside/driver.c")
        try FileManager.default.createSymbolicLink(atPath: kernel.tree + "/dangling.c", withDestinationPath: "../nowhere")
        try FileManager.default.createSymbolicLink(atPath: kernel.tree + "/inner.c", withDestinationPath: "main.c")
        try FileManager.default.createSymbolicLink(atPath: kernel.tree + "/null", withDestinationPath: "/dev/null")
        try FileManager.default.createSymbolicLink(atPath: kernel.tree + "/notes", withDestinationPath: "../notes")
        try kernel.scratch.write("notes/readme.txt", "no source")
        if git { try await kernel.commit("links") }
        let first = try await kernel.identity()
        let copy = try await kernel.copy()
        #expect(FileStatus(copy + "/driver.c")?.kind == .file && Files.text(copy + "/driver.c") == "1\n")
        #expect(FileStatus(copy + "/inner.c")?.kind == .link && FileStatus(copy + "/dangling.c")?.kind == .link)
        try kernel.scratch.write("outside/driver.c", "2\n")
        #expect(try await kernel.identity() != first)
        #expect(Files.text(try await kernel.copy() + "/driver.c") == "2\n")
        #expect(Files.text(outside) == "2\n")

        try FileManager.default.createSymbolicLink(atPath: kernel.tree + "/mine", withDestinationPath: "../outside")
        if git { try kernel.scratch.write("tree/.git/info/exclude", "/mine\n") }
        let error = try await harnessError { _ = try await kernel.identity() }
        #expect(error.kind == .input)
        #expect(error.message.contains("\(kernel.tree)/mine is a symbolic link to a folder outside of the tree, \(kernel.scratch.path)/outside"))
    }

    @Test func aNameThatIsNotOneIsRefused() async throws {
        let kernel = try await GitKernel()
        let bad = (kernel.tree + "/bad").utf8CString.dropLast().map { UInt8(bitPattern: $0) } + [0xe9, 0]
        let descriptor = bad.withUnsafeBytes { open($0.bindMemory(to: CChar.self).baseAddress!, O_CREAT | O_WRONLY, 0o644) }
        #expect(descriptor >= 0)
        close(descriptor)
        var error = try await harnessError { _ = try await kernel.identity() }
        #expect(error.kind == .input && error.message.hasSuffix("has a file whose name is not UTF-8"))
        #expect(bad.withUnsafeBytes { unlink($0.bindMemory(to: CChar.self).baseAddress!) } == 0)
        // One name to Swift, two to the kernel.
        try kernel.scratch.write("tree/e\u{301}.c", "1")
        try kernel.scratch.write("tree/\u{e9}.c", "2")
        error = try await harnessError { _ = try await kernel.identity() }
        #expect(error.kind == .input && error.message.contains("differ only in the form of a letter"))
    }

    @Test func aTreeThatChangesWhileItIsReadIsRefused() async throws {
        let kernel = try await GitKernel(files: ["drivers/big.c": String(repeating: "x", count: 3_000_000)])
        let file = kernel.tree + "/drivers/big.c"
        let writer = Task.detached {
            var count = 0
            while !Task.isCancelled {
                count += 1
                let handle = FileHandle(forUpdatingAtPath: file)
                handle?.write(Data("\(count)".utf8))
                try? handle?.close()
            }
        }
        defer { writer.cancel() }
        let error = try await harnessError { for _ in 0..<50 { _ = try await kernel.identity() } }
        #expect(error.kind == .input)
        #expect(error.message.contains("changes while it is read"), "\(error.message)")
    }

    /// A second write within a tick of the file system's clock leaves size and times as they are.
    @Test func aFileThatWasJustWrittenIsReadAgain() async throws {
        let scratch = try TemporaryFolder()
        let status = try #require(FileStatus(try scratch.write("tree/x.c", "1")))
        let index = try await TreeScan.refresh(TreeIndex(), root: scratch.path + "/tree", paths: ["x.c"])
        let record = try #require(index.records["x.c"])
        #expect(record.size == status.size && record.modified == status.modified && !record.isCurrent(status, nil))
    }

    @Test func aTreeThatCannotBeWrittenToIsRead() async throws {
        let kernel = try await GitKernel(files: ["drivers/x.c": "x\n"])
        try await Command("chmod", ["-R", "a-w", kernel.tree]).output()
        let identity = try await kernel.identity()
        #expect(try await kernel.fake.build().source == identity)
        try await Command("chmod", ["-R", "u+w", kernel.tree]).output()
    }

    @Test func aClockThatWentBackCompilesEverythingAgain() async throws {
        let kernel = try await GitKernel()
        _ = try await kernel.fake.build()
        let objects = kernel.fake.cache.root + "/objects"
        let folder = try #require(Files.names(in: objects).first { Files.isFile("\(objects)/\($0)/vmlinux") })
        FileStatus.setModified("\(objects)/\(folder)/vmlinux", FileStatus.now() + 3_600_000_000_000)
        try Files.write("", to: "\(objects)/\(folder)/old.o")
        try kernel.scratch.write("tree/main.c", "int other;\n")
        _ = try await kernel.fake.build()
        #expect(!Files.isFile("\(objects)/\(folder)/old.o"))
    }

    @Test func theVariablesOfAHookDoNotChangeWhatIsRead() {
        let command = GitTree.isolated([])
        #expect(KernelMake.command([]).inherited != nil)
        for name in [
            "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT", "GIT_NAMESPACE",
        ] {
            #expect(command.unset.contains(name))
            #expect(MakeEnvironment.passed(of: [name: "/x", "PATH": "/bin"]) == ["PATH": "/bin"])
        }
    }
}
