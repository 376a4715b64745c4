// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import TestSupport
import Testing

@testable import Harness

/// Children of the harness: one that another process stops, and what a child inherits.
@Suite(.timeLimit(.minutes(1))) struct StopWatchTests {
    private func sleeper() throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sleep")
        process.arguments = ["1000"]
        try process.run()
        return process
    }

    @Test func aStoppedProcessIsEnded() async throws {
        let process = try sleeper()
        // It has the output of the tests: whoever reads that would wait for it.
        defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        let watch = StopWatch()
        watch.begin(process: process.processIdentifier, interval: .milliseconds(20))
        kill(process.processIdentifier, SIGSTOP)
        try await waitUntil("the process has ended") { !process.isRunning }
        #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL)
        #expect(watch.stopped == "sleep (process \(process.processIdentifier))")
    }

    /// One look may find a process that its user stopped and continues, or that was stopped with this one.
    @Test func twoLooksInARowDecide() {
        var looks = StopWatch.Looks()
        #expect([nil, "a", nil, "a", "b", "b"].map { looks.decide($0) } == [nil, nil, nil, nil, nil, "b"])
    }

    /// One that continues in time, and one that is watched no longer, are left alone.
    @Test func aProcessThatContinuesRuns() async throws {
        let process = try sleeper()
        let watch = StopWatch()
        kill(process.processIdentifier, SIGSTOP)
        watch.begin(process: process.processIdentifier, interval: .seconds(1000))
        kill(process.processIdentifier, SIGCONT)
        watch.end()
        let late = StopWatch()
        late.end()
        kill(process.processIdentifier, SIGSTOP)
        late.begin(process: process.processIdentifier, interval: .milliseconds(1))
        try await Task.sleep(for: .milliseconds(50))
        #expect(process.isRunning && watch.stopped == nil && late.stopped == nil)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// No signal is blocked or ignored, no descriptor of this process is open, and the mask for new files is that of the user.
    @Test func whatAChildInherits() async throws {
        // Of the parent: a descriptor without FD_CLOEXEC, an ignored and a blocked signal.
        let descriptor = open("/dev/null", O_RDONLY)
        defer { close(descriptor) }
        let before = signal(SIGUSR2, SIG_IGN)
        defer { signal(SIGUSR2, before) }
        let script = "grep -E '^Sig(Blk|Ign):' /proc/self/status; ls /proc/self/fd; umask; echo ${LC_ALL}"
        let output = try await Command("sh", ["-c", script]).output().split(separator: "\n").map(String.init)
        let mask = umask(0)
        umask(mask)
        let sets = output.prefix(2).map { UInt64($0.drop { $0 != "\t" }.dropFirst(), radix: 16) }
        // 32 and 33 are glibc's own: no program can change them, and what is inherited stays.
        #expect(
            output.prefix(2).map { $0.prefix(6) } == ["SigBlk", "SigIgn"] && sets.allSatisfy { $0.map { $0 & ~0x1_8000_0000 } == 0 }, "\(output)")
        // The last is that of the folder that ls reads.
        #expect(output.dropFirst(2).dropLast(2) == ["0", "1", "2", "3"])
        #expect(output.suffix(2) == [String(format: "%04o", mask), "C"])
    }
}

/// Temporary folders, and those of processes that were killed.
@Suite struct OwnedFolderTests {
    @Test func aFolderOfALivingProcessStays() throws {
        let base = try TemporaryFolder()
        let folder = try OwnedFolder(in: base.path, prefix: "ppiov-")
        #expect(base.has((folder.path as NSString).lastPathComponent))
        #expect(OwnedFolder.sweep(base.path, prefix: "ppiov-") == [])
        #expect(base.everything.count == 2)
        folder.remove()
        #expect(base.everything == [])
    }

    @Test func aFolderOfADeadProcessIsRemoved() async throws {
        let base = try TemporaryFolder()
        // As a process that was killed leaves it: the file is there, and nobody has its lock.
        let left = try base.makeFolder("ppiov-abc123/deeper")
        try base.write("ppiov-abc123/\(OwnedFolder.lockName)", "")
        // Not of this program: another prefix, another length, no lock file, a file, a link.
        try base.write("other-abc123/\(OwnedFolder.lockName)", "")
        try base.write("ppiov-abc1234/\(OwnedFolder.lockName)", "")
        try base.write("ppiov-abc124/results.json", "")
        try base.write("ppiov-abc125", "")
        symlink(base.path + "/other-abc123", base.path + "/ppiov-abc126")
        let others = base.everything.filter { !$0.hasPrefix("ppiov-abc123") || $0.hasPrefix("ppiov-abc1234") }
        let folder = (left as NSString).deletingLastPathComponent
        #expect(OwnedFolder.sweep(base.path, prefix: "ppiov-") == [folder])
        #expect(base.everything == others)
    }

    /// One process makes folders while others sweep: no folder vanishes under its owner.
    @Test func makingAndSweepingAtATime() async throws {
        let base = try TemporaryFolder()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    for _ in 0..<200 {
                        let folder = try OwnedFolder(in: base.path, prefix: "ppiov-")
                        try Data().write(to: URL(fileURLWithPath: folder.path + "/file"))
                        folder.remove()
                    }
                }
                group.addTask { for _ in 0..<400 { OwnedFolder.sweep(base.path, prefix: "ppiov-") } }
            }
            try await group.waitForAll()
        }
        #expect(base.everything == [])
    }

    @Test func unfinishedFilesOfADeadProcessAreRemoved() throws {
        let folder = try TemporaryFolder()
        let cache = Cache(root: folder.path)
        for tag in ["DEADDEAD", "ALIVE000", "UNKNOWN0"] { try folder.write("kernels/.key.tmp-\(tag)-0000/vmlinux", "x") }
        try folder.write("locks/process-DEADDEAD", "")
        let alive = try #require(try FileLock.acquireIfFree(folder.path + "/locks/process-ALIVE000"))
        let mine = Files.temporary(for: folder.path + "/kernels/key")
        try Files.makeFolder(mine)
        Leftovers.sweep(cache)
        #expect(Files.names(in: folder.path + "/kernels").count == 3 && !folder.has("kernels/.key.tmp-DEADDEAD-0000"))
        #expect(!folder.has("locks/process-DEADDEAD") && folder.has("locks/process-ALIVE000") && folder.has("locks/process-\(Files.processTag)"))
        alive.release()
        Leftovers.end(cache)
        #expect(!folder.has("locks/process-\(Files.processTag)"))
    }

    @Test func anUnfinishedSnapshotOfADeadProcessIsRemoved() throws {
        let folder = try TemporaryFolder()
        let cache = Cache(root: folder.path)
        for name in ["dead", "living"] { try folder.write("snapshots/\(name)\(Leftovers.unfinished)/memory", "x") }
        let lock = try #require(try FileLock.acquireIfFree(folder.path + "/snapshots/living.lock"))
        Leftovers.sweep(cache)
        #expect(!folder.has("snapshots/dead.making") && folder.has("snapshots/living.making/memory"))
        lock.release()
    }
}
