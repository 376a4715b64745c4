// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness

/// One step of a bisection: a new commit, which changes one file, is checked out, built and run.
extension Benchmark {
    func step() async throws -> [Measurement] {
        var rows = try await tree()
        try await installVirtme()
        let history = History(path: userTree.path)
        try await history.make(report: report)
        // Both tools build the kernel that virtme-ng needs.
        let request = ["--kernel", userTree.path] + Self.options
        let like = folder.out()
        report("the first step's kernel")
        let (build, _) = try await product.kernel(request, name: "step-kernel")
        try await product.failing(
            ["run", "--out", like] + request + ["--filter", Self.failing, "--accel", "tcg"], printing: "FAILED", name: "step-like")
        let plain = PlainBuild(tree: userTree.path, objects: folder.path + "/objects", log: folder.log("step-make"))
        report("the first whole make")
        try await plain.start(from: URL(fileURLWithPath: build.vmlinux).deletingLastPathComponent().path + "/config")
        _ = try await virtme(plain.vmlinux, proving: true)

        var steps = Measurement(name: "bisect-step", seconds: [])
        var other = Measurement(name: "make and virtme-ng", seconds: [])
        var parts: [[Double]] = []
        for number in 0...longRepeat {
            let own = try await history.step(userTree) {
                try await product.failing(
                    ["bisect-step"] + request + ["--accel", "tcg", "--like", like], printing: "bad ", name: "step")
            }
            var taken: [Double] = []
            let plainSeconds = try await history.step(userTree) {
                taken.append(try await secondsTaken { try await plain.make() })
                taken.append(try await virtme(plain.vmlinux, proving: false))
            }
            // In the first step the page cache has none of the files.
            if number > 0 {
                steps.seconds.append(own)
                other.seconds.append(plainSeconds)
                parts.append(taken)
            }
        }
        steps.reference = other.median.map { Measurement.Reference(name: "make, virtme-ng", seconds: $0) }
        steps.note = "git checkout of a commit that changes io_uring/zcrx.c, then `ppiov bisect-step` with \(Self.failing): build, snapshot, verdict"
        other.note =
            "the same checkout, `make -j\(ProcessInfo.processInfo.activeProcessorCount)` of all that the same configuration has, in an object folder "
            + "that is kept, then vng with `true`; alternating with the row before. make \(Self.list(parts.map { $0[0] })) s, vng \(Self.list(parts.map { $0[1] })) s"
        rows += [steps, other]
        return rows
    }

    private static let failing = "harness.fail"

    private static func list(_ seconds: [Double]) -> String { seconds.map(tenths).joined(separator: ", ") }
}

/// The user's tree as a git repository, to which a commit is added for each step.
private struct History {
    let path: String
    let base = "ppiov-bench"

    private func git(_ arguments: [String]) async throws -> String {
        let own = [
            "-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgSign=false", "-c", "gc.auto=0", "-c",
            "advice.detachedHead=false",
        ]
        return try await Command("git", own + ["-C", path] + arguments).output()
    }

    /// The whole tree as one commit, where that has not been done.
    func make(report: @Sendable (String) -> Void) async throws {
        if !Files.exists(path + "/.git") { _ = try await git(["init", "--quiet"]) }
        guard try await git(["tag", "--list", base]).isEmpty else {
            _ = try await git(["checkout", "--quiet", "--force", base])
            return
        }
        report("committing the copy")
        // Debian's package also has files that the kernel's .gitignore excludes.
        _ = try await git(["add", "--all", "--force"])
        _ = try await git(["commit", "--quiet", "--message", "The copy"])
        _ = try await git(["tag", base])
    }

    /// Seconds to check out a new commit on `base`, and for `body`. `base` is checked out before.
    func step(_ tree: UserTree, _ body: () async throws -> Void) async throws -> Double {
        _ = try await git(["checkout", "--quiet", "--force", base])
        try tree.edit()
        _ = try await git(["commit", "--quiet", "--all", "--message", "Change a line"])
        let commit = try await git(["rev-parse", "HEAD"]).trimmingCharacters(in: .whitespacesAndNewlines)
        _ = try await git(["checkout", "--quiet", base])
        return try await secondsTaken {
            _ = try await git(["checkout", "--quiet", commit])
            try await body()
        }
    }
}

/// The command of `git bisect run` without ppiov: make in an object folder that is kept from step to step.
private struct PlainBuild {
    let tree: String
    let objects: String
    let log: String

    var vmlinux: String { objects + "/vmlinux" }

    func start(from config: String) async throws {
        try Files.makeFolder(objects)
        try await Command("cp", ["--", config, objects + "/.config"]).output()
        try await command(["olddefconfig"]).run(log: log)
        try await make()
    }

    func make() async throws { try await command(["-j\(ProcessInfo.processInfo.activeProcessorCount)"]).run(log: log) }

    private func command(_ goals: [String]) -> Command {
        var command = Command("make", ["-C", tree, "O=" + objects] + goals)
        command.unset = ["MAKEFLAGS", "MFLAGS", "MAKELEVEL"]
        return command
    }
}
