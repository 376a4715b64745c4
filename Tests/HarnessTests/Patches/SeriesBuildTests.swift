// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

@testable import Harness

/// For each kind of source, the source with the patches is built, and the source does not change.
@Suite struct SeriesBuildTests {
    private let fake: FakeKernel
    private let patch: String

    init() throws {
        fake = try FakeKernel()
        patch = try fake.scratch.write("a.patch", Self.diff("int main;", "int patched;"))
    }

    private static func diff(_ old: String, _ new: String) -> String { "--- a/main.c\n+++ b/main.c\n@@ -1 +1 @@\n-\(old)\n+\(new)\n" }

    private func build(_ source: String, _ series: [String]) async throws -> KernelBuild {
        var request = KernelRequest(source: source)
        request.series = series
        return try await fake.builder().build(request)
    }

    private func text(_ build: KernelBuild) -> String { String((Files.text(build.vmlinux) ?? "").dropFirst(4)) }

    private func git(_ arguments: [String]) async throws {
        var command = GitTree.isolated(["-c", "user.name=a", "-c", "user.email=a@b"] + arguments)
        command.directory = fake.tree
        try await command.output()
    }

    /// The tree as a repository of two commits: main.c as it was, and as "int two;".
    private func commitTwice() async throws {
        try await git(["init", "-q"])
        try await git(["add", "-A"])
        try await git(["commit", "-q", "-m", "one"])
        try fake.scratch.write("tree/main.c", "int two;\n")
        try await git(["commit", "-q", "-a", "-m", "two"])
    }

    @Test func aFolderIsBuiltWithAndWithoutASeries() async throws {
        let before = try fake.scratch.snapshot("tree")
        let with = try await build(fake.tree, [patch])
        #expect(text(with) == "int patched;\n")
        #expect(with.source.contains("+patches:"))
        let without = try await fake.build()
        #expect(text(without) == "int main;\n")
        #expect(with.key != without.key)
        // Both are in the cache.
        #expect(try await build(fake.tree, [patch]).key == with.key)
        #expect(try await fake.build().key == without.key)
        #expect(fake.makes == 2)
        // Patches with the same result give the same kernel.
        let there = try fake.scratch.write("b.patch", Self.diff("int main;", "int other;"))
        let back = try fake.scratch.write("c.patch", Self.diff("int other;", "int patched;"))
        #expect(try await build(fake.tree, [there, back]).key == with.key)
        #expect(try await build(fake.tree, [there, try fake.scratch.write("d.patch", Self.diff("int other;", "int main;"))]).key == without.key)
        #expect(fake.makes == 2)
        #expect(try fake.scratch.snapshot("tree") == before)
    }

    @Test func aTarballIsBuiltInOneCopyForAllStates() async throws {
        let tarball = fake.scratch.path + "/k.tar"
        try await Command("tar", ["-C", fake.scratch.path, "-cf", tarball, "tree"]).output()
        #expect(text(try await build(tarball, [patch])) == "int patched;\n")
        let second = try fake.scratch.write("b.patch", Self.diff("int patched;", "int twice;"))
        #expect(text(try await build(tarball, [patch, second])) == "int twice;\n")
        #expect(text(try await fake.build(tarball)) == "int main;\n")
        #expect(fake.makes == 3)
    }

    @Test func aCommitIsBuiltWithoutTheChangesOfTheWorkTree() async throws {
        try await commitTwice()
        try fake.scratch.write("tree/main.c", "int edited;\n")
        let before = try fake.scratch.snapshot("tree")
        #expect(text(try await fake.build(fake.tree + "@HEAD")) == "int two;\n")
        #expect(text(try await fake.build(fake.tree + "@HEAD~1")) == "int main;\n")
        #expect(text(try await build(fake.tree + "@HEAD~1", [patch])) == "int patched;\n")
        #expect(text(try await fake.build(fake.tree + "@HEAD")) == "int two;\n")
        #expect(text(try await fake.build()) == "int edited;\n")
        // The patch does not apply to the edited work tree.
        let error = try await harnessError { _ = try await build(fake.tree, [patch]) }
        #expect(error.message.contains("does not apply"))
        #expect(try fake.scratch.snapshot("tree") == before)
    }

    @Test func aCommitStaysCheckedOutAsLongAsItIsRead() async throws {
        try await commitTwice()
        let sources = KernelSource(cache: fake.cache, progress: .discarded)
        let new = try await sources.resolve(fake.tree + "@HEAD")
        let old = try await sources.resolve(fake.tree + "@HEAD~1")
        // Both are checked out in the same folder, one after the other.
        #expect(new.id == old.id)
        async let second = Self.lasting(sources, new)
        async let other = Self.lasting(sources, old)
        let texts = try await (second, other)
        #expect(texts.0 == "int two;\n")
        #expect(texts.1 == "int main;\n")
        let lock = try fake.cache.folder("locks") + "/build-" + new.id
        let taken = try await sources.reading(new) { _, _ in try FileLock.acquireIfFree(lock) }
        #expect(taken == nil)
    }

    /// The text of main.c, which must be the same at the start and at the end of a read.
    private static func lasting(_ sources: KernelSource, _ source: ResolvedSource) async throws -> String? {
        try await sources.reading(source) { folder, _ in
            let text = Files.text(folder + "/main.c")
            for _ in 0..<20 { await Task.yield() }
            #expect(Files.text(folder + "/main.c") == text)
            return text
        }
    }

    @Test func aTreeThatChangesUnderAnOverlayIsNotBuilt() async throws {
        let sources = KernelSource(cache: fake.cache, progress: .discarded)
        let base = try await sources.resolve(fake.tree)
        try fake.scratch.write("over/main.c", "int patched;\n")
        let overlaid = try base.with(try Overlay(["main.c"], in: fake.scratch.path + "/over"))
        try fake.scratch.write("tree/main.c", "int edited;\n")
        let error = try await harnessError { _ = try await fake.builder().build(KernelRequest(source: fake.tree), of: overlaid) }
        #expect(error.kind == .input)
        #expect(error.message.contains("changed after the patches were applied"))
    }

    @Test func aWarningIsKeptForLaterBuilds() async throws {
        // Compiles main.c as make does: only where it is newer than its object.
        let rule =
            "test main.c -ot $(O)/main.o || { echo '  CC      main.o'; touch $(O)/main.o; grep -q WARN main.c && echo 'main.c:1:1: warning: so it is'; true; }"
        let fake = try FakeKernel(vmlinuxRule: rule, prints: "")
        try fake.scratch.write("tree/other.c", "1\n")
        try fake.scratch.write("tree/main.c", "WARN\n")
        fake.scratch.age("tree/main.c")
        #expect(try await fake.build().warnings == ["main.c: so it is"])
        // Another file: main.c is not compiled again.
        try fake.scratch.write("tree/other.c", "2\n")
        let second = try await fake.build()
        #expect(fake.makes == 2)
        #expect(Files.text(second.log)?.contains("so it is") == false)
        #expect(second.warnings == ["main.c: so it is"])
        try fake.scratch.write("tree/main.c", "mended\n")
        #expect(try await fake.build().warnings == [])
    }

    @Test func aSourceThatDoesNotBuildHasBlameKernel() async throws {
        let broken = try fake.scratch.write("b.patch", Self.diff("int main;", "BROKEN"))
        let error = try await harnessError { _ = try await build(fake.tree, [broken]) }
        #expect(error.blame == .kernel)
        let gone = try await harnessError { _ = try await build(fake.tree, [fake.scratch.path + "/none"]) }
        #expect(gone.blame == .harness)
        for (text, blame) in [
            ("gcc: fatal error: Killed signal terminated program cc1\nmake: *** [x] Error 1\n", HarnessError.Blame.harness),
            (
                "  LD      vmlinux.o\nmake[2]: *** [scripts/Makefile.vmlinux_o:66: vmlinux.o] Killed\nmake: *** [Makefile:240: __sub-make] Error 2\n",
                .harness
            ),
            ("Killed\nmake[2]: *** [x: vmlinux] Error 137\n", .harness),
            ("sh: 1: bc: not found\nmake: *** [Kbuild:24: timeconst.h] Error 127\n", .harness),
            ("/bin/sh: 1: ./scripts/gone.sh: not found\nmake: *** [Kbuild:24: x.h] Error 127\n", .kernel),
            ("make[1]: *** [x] Terminated\n", .harness), ("ld: vmlinux: memory exhausted\nmake: *** [x] Error 1\n", .harness),
            ("a.c:1: error: 'Killed' undeclared\n    1 |  Input/output error\nmake: *** [x: a.o] Error 1\n", .kernel),
            ("make: *** No rule to make target 'net/gone.o'.  Stop.\n", .kernel),
        ] {
            #expect(KernelMake.explained("x", text: text, log: "l").blame == blame, "\(text)")
        }
    }
}
