// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

extension TemporaryFolder {
    /// Sets a file's modification time to the past, so that the next write changes it.
    func age(_ name: String, seconds: Int64 = 100) {
        FileStatus.setModified(path + "/" + name, FileStatus.now() - seconds * 1_000_000_000)
    }

    /// Every path below with its times and content, to compare before and after.
    func snapshot(_ name: String) throws -> [String: String] {
        var all: [String: String] = [:]
        for case let entry as String in FileManager.default.enumerator(atPath: path + "/" + name) ?? .init() {
            let full = "\(path)/\(name)/\(entry)"
            let status = try #require(FileStatus(full))
            all[entry] = "\(status.modified) \(status.inode) \(status.size) " + (status.kind == .file ? try ContentHash.ofFile(full) : "")
        }
        return all
    }
}

/// A folder with a Makefile that has the goals of a kernel's, and makes each in milliseconds.
struct FakeKernel {
    let scratch: TemporaryFolder
    let cache: Cache
    let vm: String
    /// A line for each make of vmlinux.
    var makes: Int { (scratch.text("makes") ?? "").split(separator: "\n").count }

    init(vmlinuxRule: String = "true", prints: String = "@echo '  CC      main.o'") throws {
        scratch = try TemporaryFolder()
        cache = Cache(root: scratch.path + "/cache")
        vm = scratch.path + "/vm"
        try scratch.write("vm/config/fast.config", "CONFIG_FAKE=y\n")
        try scratch.write("tree/Kconfig", "# none\n")
        try scratch.write("tree/main.c", "int main;\n")
        try scratch.write("tree/Makefile", Self.makefile(counter: scratch.path + "/makes", rule: vmlinuxRule, prints: prints))
    }

    var tree: String { scratch.path + "/tree" }

    static func makefile(counter: String, rule: String, prints: String = "@echo '  CC      main.o'") -> String {
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
        \t\(prints)
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

    func builder(progress: Harness.Progress = .discarded) -> KernelBuilder { KernelBuilder(cache: cache, vm: vm, jobs: 2, progress: progress) }

    func build(_ source: String? = nil, sets: [String] = []) async throws -> KernelBuild {
        try await builder().build(KernelRequest(source: source ?? tree, sets: sets))
    }
}

/// A `FakeKernel` whose tree is a git work tree with one commit.
struct GitKernel {
    let fake: FakeKernel
    var scratch: TemporaryFolder { fake.scratch }
    var tree: String { fake.tree }

    /// - Parameters:
    ///   - options: of `git init`.
    ///   - configuration: of the repository, before the commit.
    ///   - files: of the tree, in addition to those of `FakeKernel`.
    init(options: [String] = [], configuration: [String: String] = [:], files: [String: String] = [:]) async throws {
        fake = try FakeKernel()
        try scratch.write("tree/.gitignore", ".*\n*.o\n!.gitignore\n!.gitattributes\n")
        for (name, text) in files { try scratch.write("tree/" + name, text) }
        try await git(["init", "--quiet", "--initial-branch=main"] + options)
        for (key, value) in configuration { try await git(["config", key, value]) }
        try await commit("one")
    }

    @discardableResult
    func git(_ arguments: [String], in folder: String? = nil) async throws -> String {
        var command = GitTree.isolated(
            [
                "-c", "user.name=A Developer", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always", "-c",
                "advice.detachedHead=false",
            ] + arguments)
        command.directory = folder ?? tree
        return try await command.output()
    }

    func commit(_ subject: String) async throws {
        try await git(["add", "--all"])
        try await git(["commit", "--quiet", "--message", subject])
    }

    var source: KernelSource { KernelSource(cache: fake.cache, progress: .discarded) }

    /// The name that a tree has by its content.
    func identity(_ folder: String? = nil) async throws -> String { try await source.resolve("tree:" + (folder ?? tree)).identity }

    /// The harness's copy of a tree, as it is built.
    func copy(_ folder: String? = nil) async throws -> String {
        let source = self.source
        return try await source.materialize(try await source.resolve("tree:" + (folder ?? tree))).folder
    }

    /// Writes a file so that its size and its modification time stay, as `touch -r` does.
    func edit(_ name: String, _ text: String) throws {
        let file = tree + "/" + name
        let before = try #require(FileStatus(file))
        #expect(text.utf8.count == Int(before.size))
        try scratch.write("tree/" + name, text)
        FileStatus.setModified(file, before.modified)
        #expect(FileStatus(file)?.modified == before.modified)
    }
}

/// The error that `body` throws. The test fails where it throws none, or another kind of error.
func harnessError(_ body: () async throws -> Void) async throws -> HarnessError {
    do {
        try await body()
    } catch let error as HarnessError {
        return error
    }
    Issue.record("no error was thrown")
    return HarnessError(.harness, "")
}
