// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import TestSupport
import Testing

@testable import Harness

/// Boots of the kernel of `UnderTest`, one at a time.
@Suite(.serialized, .tags(.boots), .needsProduct, .timeLimit(.minutes(5)))
struct MachineBootTests {
    @Test func bootsToReady() async throws {
        let folder = try TemporaryFolder()
        let plan = try await Guests.plan(folder)
        let log = folder.path + "/console"
        let (pid, reply) = try await withVirtualMachine(plan.line, console: log) { machine in
            let ready = try await machine.waitForReady()
            Guests.report("boot, QEMU start to ready", .now - machine.started)
            #expect(ready.contains(#""kind":"ready""#))
            try await machine.send(#"{"verb":"hello"}"#)
            return (try await machine.processID(), await machine.events.next()?.text)
        }
        #expect(reply?.contains(#""to":{"verb":"hello"}"#) == true)
        #expect(!Guests.processes(pid))
        let console = try String(contentsOfFile: log, encoding: .utf8)
        #expect(console.contains("Linux version") && console.contains("Run /init") && console.contains("2 CPUs"))
        #expect(console.contains("Switched to clocksource tsc"))
        #expect(!console.contains("ppiov-init: cannot"), "\(console)")
    }

    @Test func snapshotRestoresAndRestoresAgain() async throws {
        let folder = try TemporaryFolder()
        let plan = try await Guests.plan(folder)
        let store = SnapshotStore(cache: Cache(root: folder.path), progress: Progress { print("machine: \($0)") })
        var replies: [String] = []
        for round in 0..<3 {
            let began = ContinuousClock.now
            try await store.withMachine(plan) { machine, ready in
                #expect(ready.contains(#""kind":"ready""#))
                try await machine.send(#"{"verb":"hello"}"#)
                replies.append(try #require(await machine.events.next()).text)
                Guests.report("round \(round), QEMU start to first reply", .now - machine.started)
                Guests.report("round \(round), with everything before", .now - began)
            }
        }
        #expect(replies.count == 3)
        let sizes = try await Command("sh", ["-c", "du -k snapshots/*/*"], directory: folder.path).output()
        print("machine: \(sizes)")
    }

    @Test func concurrentMachinesShareOneSnapshot() async throws {
        let folder = try TemporaryFolder()
        let plan = try await Guests.plan(folder)
        let store = SnapshotStore(cache: Cache(root: folder.path))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    try await store.withMachine(plan) { machine, _ in
                        try await machine.send("1")
                        #expect(await machine.events.next()?.text.contains(#""to":1"#) == true)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func brokenSnapshotIsTakenAgain() async throws {
        let folder = try TemporaryFolder()
        let plan = try await Guests.plan(folder)
        let store = SnapshotStore(cache: Cache(root: folder.path))
        let snapshot = try await store.snapshot(plan)
        let size = try #require(try FileManager.default.attributesOfItem(atPath: snapshot.state)[.size] as? Int)
        try Data(repeating: 0x55, count: size).write(to: URL(fileURLWithPath: snapshot.state))
        try await store.withMachine(plan) { machine, _ in
            try await machine.send("2")
            #expect(await machine.events.next()?.text.contains(#""to":2"#) == true)
        }
        // A file of the wrong size is not loaded.
        try Data().write(to: URL(fileURLWithPath: snapshot.state))
        #expect(Snapshot(folder: snapshot.folder) == nil)
    }

    @Test func traceIsComplete() async throws {
        let folder = try TemporaryFolder()
        let plan = try await Guests.plan(folder)
        try await SnapshotStore(cache: Cache(root: folder.path)).withMachine(plan) { machine, _ in
            try await machine.send("trace")
            var all: [UInt8] = []
            while all.count < 1 << 20, let bytes = await machine.trace.next() { all += bytes }
            #expect(all.count == 1 << 20)
            #expect(all.enumerated().allSatisfy { $1 == UInt8(truncatingIfNeeded: $0 * 7 + ($0 >> 8)) })
        }
    }

    @Test func killedQEMUIsDetected() async throws {
        let folder = try TemporaryFolder()
        let plan = try await Guests.plan(folder)
        try await SnapshotStore(cache: Cache(root: folder.path)).withMachine(plan) { machine, _ in
            let began = ContinuousClock.now
            // The parent-death signal's setpriv has become QEMU by now.
            kill(try await machine.processID(), SIGKILL)
            let exit = try await machine.waitForExit()
            Guests.report("SIGKILL to exit", .now - began)
            #expect(exit.cause == .signal(SIGKILL))
            #expect(await machine.events.next() == nil)
            await #expect(throws: HarnessError.self) { try await machine.qmp.execute("query-status") }
        }
    }

    @Test func panicIsCompleteOnTheConsole() async throws {
        let folder = try TemporaryFolder()
        let plan = try await Guests.plan(folder)
        try await SnapshotStore(cache: Cache(root: folder.path)).withMachine(plan) { machine, _ in
            try await machine.send("panic")
            let lines = await machine.console.lines(to: "never")
            #expect(lines.contains { $0.contains("Kernel panic - not syncing: sysrq triggered crash") })
            #expect(lines.contains { $0.contains("RIP: 0033") })
            // The last lines: the kernel's offset, and the backtraces of panic_print.
            #expect(lines.contains { $0.contains("Kernel Offset: disabled") })
            #expect(lines.last { !$0.isEmpty }?.contains("</TASK>") == true, "\(lines.suffix(5))")
            #expect(try await machine.waitForExit().cause == .status(0))
        }
    }

    @Test func exitOfTheAgentIsReported() async throws {
        let folder = try TemporaryFolder()
        let plan = try await Guests.plan(folder)
        try await SnapshotStore(cache: Cache(root: folder.path)).withMachine(plan) { machine, _ in
            try await machine.send("exit")
            let lines = await machine.console.lines(to: "ppiov-init: agent exited with")
            #expect(lines.last == "ppiov-init: agent exited with status 7")
            #expect(try await machine.waitForExit().cause == .status(0))
        }
    }

    @Test func hangIsDumpedAndStopped() async throws {
        let folder = try TemporaryFolder()
        let plan = try await Guests.plan(folder)
        try await SnapshotStore(cache: Cache(root: folder.path)).withMachine(plan) { machine, _ in
            try await machine.send("hang")
            #expect(await machine.events.next()?.text.contains("hanging") == true)
            let began = ContinuousClock.now
            #expect(try await machine.dumpAndStop().cause == .status(0))
            Guests.report("dump and stop of a hang", .now - began)
            let lines = await machine.console.lines(to: "never")
            for text in ["sysrq: Show backtrace of all active CPUs", "sysrq: Show Blocked State", "Kernel panic - not syncing: NMI"] {
                #expect(lines.contains { $0.contains(text) }, "\(lines)")
            }
            // At least once: whether the panic prints it again depends on which CPU the NMI reaches first.
            #expect(lines.contains { $0.contains("Comm: ppiov-agent") })
        }
    }

    @Test func nmiPrintsTheBacktraceOfAHang() async throws {
        let folder = try TemporaryFolder()
        let plan = try await Guests.plan(folder)
        try await SnapshotStore(cache: Cache(root: folder.path)).withMachine(plan) { machine, _ in
            try await machine.send("hang")
            #expect(await machine.events.next()?.text.contains("hanging") == true)
            try await machine.nmi()
            let lines = await machine.console.lines(to: "never")
            #expect(lines.contains { $0.contains("Kernel panic - not syncing: NMI") }, "\(lines)")
            #expect(lines.contains { $0.contains("Comm: ppiov-agent") }, "\(lines)")
            #expect(try await machine.waitForExit().cause == .status(0))
        }
    }

    @Test func moduleThatDoesNotLoadIsReported() async throws {
        let folder = try TemporaryFolder()
        try Data("no module".utf8).write(to: URL(fileURLWithPath: folder.path + "/junk.ko"))
        let plan = try await Guests.plan(folder, modules: [folder.path + "/junk.ko"])
        let (line, ready) = try await withVirtualMachine(plan.line) { machine in
            // The agent does not wait for the console: init's lines may arrive after the agent's first event.
            let lines = try await withDeadline(.seconds(60), expired: { HarnessError(.harness, "the console does not have the line") }) {
                await machine.console.lines(to: "ppiov-init: cannot load")
            }
            return (lines.last, try await machine.waitForReady())
        }
        #expect(line?.contains("ppiov-init: cannot load /lib/modules/ppiov/junk.ko: Exec format error") == true, "\(line ?? "")")
        #expect(ready.contains(#""kind":"ready""#))
    }

    @Test func shellOnTheConsole() async throws {
        let folder = try TemporaryFolder()
        let options = MachineOptions(accelerator: .tcg, shell: true)
        let plan = try await Guests.plan(folder, options: options, extra: [("/bin/sh", "/bin/sh")])
        try await withVirtualMachine(plan.line) { machine in
            _ = await machine.console.lines(to: "Run /init")
            // The shell reads it when it has started: the terminal buffers it until then.
            try await machine.type("echo answer=$((6 * 7))\n")
            #expect(await machine.console.lines(to: "answer=42").last?.contains("answer=42") == true)
        }
    }

    @Test func cancellationEndsTheProcessAndRemovesTheFolder() async throws {
        let folder = try TemporaryFolder()
        let plan = try await Guests.plan(folder)
        let started = Promise<Int32>()
        let task = Task {
            try await withVirtualMachine(plan.line) { machine in
                started.settle(.success(try await machine.processID()))
                _ = await machine.console.lines(to: "never")
                _ = try await machine.waitForExit()
            }
        }
        let pid = try await started.value()
        let folders = try #require(try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8))
        let run = try #require(folders.split(separator: "\0").first { $0.hasPrefix("socket,id=qmp,path=") })
        let path = String(run.dropFirst("socket,id=qmp,path=".count).dropLast("/qmp".count))
        #expect(FileManager.default.fileExists(atPath: path))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(!Guests.processes(pid))
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func failedBootHasItsReason() async throws {
        let folder = try TemporaryFolder()
        var plan = try await Guests.plan(folder)
        plan.line.options.extraKernelArguments = ["rdinit=/nowhere"]
        let store = SnapshotStore(cache: Cache(root: folder.path))
        let error = await #expect(throws: HarnessError.self) { try await store.snapshot(plan) }
        #expect(error?.evidence.contains { $0.contains("Kernel panic") } == true, "\(String(describing: error))")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/snapshots").allSatisfy { $0.hasSuffix(".lock") })
        plan.line.kernel = "/nowhere/vmlinux"
        let missing = await #expect(throws: HarnessError.self) { try await withVirtualMachine(plan.line) { _ in } }
        #expect(missing?.evidence.contains { $0.contains("/nowhere/vmlinux") } == true, "\(String(describing: missing))")
    }
}
