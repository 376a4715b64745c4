// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import Synchronization
import TestSupport

/// The inputs of the commands that are ended at many moments, in a folder that they share; each command has a cache and folders of its own.
///
/// The kernel that is built is a folder with the goals of a kernel's Makefile, whose compiler takes two seconds and then has the cached kernel:
/// make, QEMU and the boot are real. `build` compiles the cached kernel's real source.
final class EndingBench: Sendable {
    let scratch: TemporaryFolder
    private let source: String

    init() async throws {
        scratch = try TemporaryFolder()
        let build = try await UnderTest.build()
        let config = (build.vmlinux as NSString).deletingLastPathComponent + "/config"
        let vm = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../../vm").standardizedFileURL.path
        try scratch.makeFolder("vm")
        for name in ["init.c", "patches"] { try FileManager.default.copyItem(atPath: vm + "/" + name, toPath: scratch.path + "/vm/" + name) }
        try scratch.makeFolder("vm/config")
        try FileManager.default.copyItem(atPath: vm + "/config/additions", toPath: scratch.path + "/vm/config/additions")
        try scratch.write("vm/config/fast.config", "")
        try scratch.write("tree/Kconfig", "# none\n")
        try scratch.write("tree/main.c", "int main;\n")
        try scratch.write(
            "tree/Makefile",
            """
            VERSION = 7
            PATCHLEVEL = 3
            SUBLEVEL = 4
            EXTRAVERSION =

            tinyconfig:
            \t@cp \(config) $(O)/.config
            olddefconfig modules_prepare mrproper:
            \t@true
            vmlinux:
            \t@sleep 2
            \t@mkdir -p $(O)/include/config && echo \(build.release) > $(O)/include/config/kernel.release
            \t@cat \(build.vmlinux) main.c > $(O)/vmlinux

            """)
        let patch = "--- a/main.c\n+++ b/main.c\n@@ -1 +1,2 @@\n int main;\n+/* a remark */\n"
        try scratch.write(
            "series.mbox",
            """
            From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001
            From: A Developer <a@example.org>
            Date: Mon, 1 Dec 2025 00:00:00 +0000
            Subject: [PATCH] main: add a remark

            A remark.
            ---
            diff --git a/main.c b/main.c
            \(patch)
            """)
        try scratch.write(
            "mutants/001-remark.patch",
            """
            SPDX-License-Identifier: GPL-2.0
            Subject: main: add a remark
            Class: leak
            Bug: none
            Expect: nothing
            Filter: harness.pass
            Profile: fast

            \(patch)
            """)
        let hold = "page_pool_state_hold: page_pool=ffff888001 netmem=ffff8880"
        let lines = (1..<400_000).map { number in
            let time = "1.\(String(1_000_000 + number).dropFirst())", netmem = String(0x100_0000 + number, radix: 16).dropFirst()
            return " a-1 [000] ..... \(time): \(hold)\(netmem) is_net_iov=0 pfn=0x1 hold=\(number)\n"
        }
        try scratch.write("trace.txt", "# tracer: nop\n" + lines.joined())
        source = UnderTest.kernel
    }

    /// The arguments of the command; its results are in the folder `results` of its own folder.
    func arguments(_ command: EndedCommand) -> [String] {
        let tree = ["--kernel", scratch.path + "/tree"], out = ["--out", "results"]
        let series = scratch.path + "/series.mbox"
        switch command {
        case .run: return ["run"] + tree + ["--filter", "harness.pass", "--filter", "harness.after", "--isolate", "scenario"] + out
        case .build: return ["build"] + tree
        case .buildOfASource: return ["build", "--kernel", source]
        case .shell: return ["shell"] + tree
        case .shellCommand: return ["shell"] + tree + ["--", "sleep 3"]
        case .seriesCheck: return ["series", "check", series] + tree + ["--filter", "harness.pass"] + out
        case .seriesCompare: return ["series", "compare", series] + tree + ["--filter", "harness.pass"] + out
        case .bisect: return ["bisect", "--series", series] + tree + ["--filter", "harness.fail"] + out
        case .mutants: return ["mutants"] + tree + ["--mutants", scratch.path + "/mutants", "--narrow"] + out
        case .soak: return ["soak"] + tree + ["--minutes", "0.05"] + out
        case .kselftest: return ["kselftest"] + tree + out
        case .check: return ["check", scratch.path + "/trace.txt"]
        case .model: return ["model", "--buffers", "2"]
        case .doctor: return ["doctor"]
        case .list: return ["list", "--all"]
        }
    }

    /// One command that is ended.
    func ended(_ command: EndedCommand, at moment: Duration, by signal: Int32, children: Bool) async throws -> EndedRun? {
        let own = try TemporaryFolder()
        let sent = Mutex<(ContinuousClock.Instant, String)?>(nil)
        let running = Mutex<Running?>(nil)
        let outcome = try await run(command, in: own) { process in
            running.withLock { $0 = process }
            try await Task.sleep(for: moment)
            if children {
                let found = Processes.marked(process.mark).filter { $0.program == "make" } + Processes.guests(process.mark)
                guard let child = found.min(by: { $0.id < $1.id }) else { return }
                sent.withLock { $0 = (.now, child.program) }
                kill(child.id, signal)
            } else if Processes.isAlive(process.processID) {
                sent.withLock { $0 = (.now, "ppiov") }
                process.send(signal)
            }
        }
        let end = ContinuousClock.now
        guard let process = running.withLock({ $0 }), let (begin, program) = sent.withLock({ $0 }) else { return nil }
        let isGone: Bool
        do {
            try await waitUntil("no process is left", timeout: .seconds(10)) { Processes.marked(process.mark).isEmpty }
            isGone = true
        } catch is ConditionTimeout {
            isGone = false
        }
        var result = EndedRun(
            status: outcome.code.map(Int.init) ?? -Int(outcome.signal ?? 0), seconds: (end - begin) / .seconds(1),
            processes: isGone ? [] : Processes.marked(process.mark).map(\.description),
            files: process.leftFiles + unfinished(own), locks: locks(own),
            later: [], lastLine: program + ": " + (outcome.errors.split(separator: "\n").last { $0.hasPrefix("ppiov: ") } ?? ""))
        if signal == SIGKILL, !children, result.processes.isEmpty {
            _ = try await Product.run(["doctor"], in: own, environment: environment(own, process))
            result.later = process.leftFiles + unfinished(own) + locks(own)
        }
        for left in Processes.marked(process.mark) { kill(left.id, SIGKILL) }
        return result
    }

    /// How long the command takes, at most `limit`.
    func duration(_ command: EndedCommand) async throws -> Duration {
        let own = try TemporaryFolder()
        let begin = ContinuousClock.now
        _ = try await run(command, in: own) { process in
            try await Task.sleep(for: command.limit)
            process.send(SIGTERM)
        }
        return min(ContinuousClock.now - begin, command.limit)
    }

    private func run(
        _ command: EndedCommand, in own: TemporaryFolder, during: @escaping @Sendable (Running) async throws -> Void
    ) async throws -> Outcome {
        var variables = own.cache
        if command != .buildOfASource { variables["PPIOV_VM"] = scratch.path + "/vm" }
        return try await Product.run(arguments(command), in: own, environment: variables, tidy: false, during: during)
    }

    /// With the folders of the command that was killed, so that the next one finds what it left.
    private func environment(_ own: TemporaryFolder, _ process: Running) -> [String: String] {
        own.cache.merging(process.environment.filter { ["XDG_RUNTIME_DIR", "TMPDIR"].contains($0.key) }) { $1 }
    }

    /// The unfinished files of the command's cache, and the repositories of series, which end with their command.
    private func unfinished(_ own: TemporaryFolder) -> [String] {
        own.everything.filter { path in
            let name = (path as NSString).lastPathComponent
            return path.hasPrefix("cache/") && (name.hasSuffix(".making") || name.contains(".tmp-") || path.contains("/ppiov/series/"))
        }
    }

    /// The files of the command that a process has locked.
    private func locks(_ own: TemporaryFolder) -> [String] {
        let table = (try? String(contentsOfFile: "/proc/locks", encoding: .utf8)) ?? ""
        let inodes = Set(
            table.split(separator: "\n").filter { $0.contains("FLOCK") }.compactMap { line in
                line.split(separator: " ").first { $0.split(separator: ":").count == 3 }.flatMap { UInt64($0.split(separator: ":")[2]) }
            })
        return own.everything.filter { path in
            var status = stat()
            return lstat(own.path + "/" + path, &status) == 0 && inodes.contains(UInt64(status.st_ino))
        }
    }
}

/// A command of the tables.
enum EndedCommand: String, CaseIterable {
    case run, build, shell, bisect, mutants, soak, kselftest, check, model, doctor, list
    case buildOfASource = "build of a real source"
    case shellCommand = "shell COMMAND"
    case seriesCheck = "series check"
    case seriesCompare = "series compare"

    /// Its first seconds, of which the moments are parts: a shell does not end by itself, and a real kernel takes minutes.
    var limit: Duration {
        switch self {
        case .shell: .seconds(12)
        case .kselftest: .seconds(8)
        default: .seconds(40)
        }
    }

    /// Whether it ends with 130 after a signal. The others start nothing that must be ended: a signal ends them as any program.
    var isInterrupted: Bool { ![.check, .model, .doctor, .list].contains(self) }

    /// Whether it starts make or QEMU.
    var hasChildren: Bool { isInterrupted && self != .kselftest && self != .buildOfASource && self != .seriesCompare && self != .shellCommand }
}

/// What was left of a command that was ended.
struct EndedRun: Sendable {
    /// The exit code, or the negative number of the signal that ended it.
    var status: Int
    /// From the signal to the end.
    var seconds: Double
    var processes: [String]
    var files: [String]
    var locks: [String]
    /// What is left when the next command has ended.
    var later: [String]
    /// The program that got the signal, and the last line of ppiov.
    var lastLine: String
}
