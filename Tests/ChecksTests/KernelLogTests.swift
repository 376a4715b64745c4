// SPDX-License-Identifier: GPL-2.0

import FoundationEssentials
import Results
import TestSupport
import Testing

@testable import Checks

/// Reads all of Logs/FOLDER: NAME.log is a console, NAME.expected has a line per splat, `kind | first line | function:function:...`.
@Suite struct KernelLogTests {
    /// From a run of pp_alloc_fail.py under TCG, and the same with the breakpoint in its place.
    @Test(arguments: [("55 <48>", true), ("cc <48>", false)])
    func staleBreakpoint(_ bytes: String, _ isStale: Bool) {
        let lines = [
            "[   15.301197][    C1] Oops: int3: 0000 [#1] SMP", "[   15.304202][    C1] RIP: 0010:page_pool_alloc_netmems+0x1/0x70",
            "[   15.304626][    C1] Code: e9 6c fe ff ff 83 ea 01 0f 1f 44 00 00 \(bytes) 89 e5 48 83 ec 10",
            "[   15.316] Kernel panic - not syncing: Fatal exception in interrupt",
        ]
        #expect(KernelLog.endedAtStaleBreakpoint(lines) == isStale)
        #expect(!KernelLog.endedAtStaleBreakpoint(Array(lines.dropFirst())))
    }

    static let folder = GoldenLogs.folder
    static let names: [String] = {
        func entries(_ path: String) -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }
        return entries(folder).flatMap { name in entries("\(folder)/\(name)").map { "\(name)/\($0)" } }
            .filter { $0.hasSuffix(".log") }.map { String($0.dropLast(4)) }.sorted()
    }()

    static func read(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))) }

    static func describe(_ splats: [Splat]) -> String {
        splats.map { "\($0.kind.rawValue) | \($0.firstLine) | \($0.fingerprint.joined(separator: ":"))\n" }.joined()
    }

    @Test func folderIsThere() {
        #expect(Self.names.count >= 31)
        #expect(Self.names.filter { $0.hasPrefix("clean/") }.count >= 3 && Self.names.filter { $0.hasPrefix("broken/") }.count >= 10)
    }

    @Test(arguments: names) func golden(name: String) throws {
        let splats = KernelLog.splats(in: KernelLog.lines(of: try Self.read("\(name).log")))
        let expected = String(decoding: try Self.read("\(name).expected"), as: UTF8.self)
        #expect(Self.describe(splats) == expected)
        if name.hasPrefix("clean/") { #expect(expected.isEmpty) }
    }

    @Test func everyKindHasALog() throws {
        var kinds: Set<Splat.Kind> = []
        for name in Self.names {
            kinds.formUnion(KernelLog.splats(in: KernelLog.lines(of: try Self.read("\(name).log"))).map(\.kind))
        }
        #expect(kinds == Set(Splat.Kind.allCases))
    }

    /// A splat whose headline was printed is found wherever the log is truncated.
    @Test(arguments: names) func everyPrefixIsSafe(name: String) throws {
        let lines = KernelLog.lines(of: try Self.read("\(name).log"))
        var most = 0
        for end in lines.indices {
            let found = KernelLog.splats(in: Array(lines[..<end])).count
            #expect(found >= most)
            most = found
        }
    }

    @Test func endlessSplatIsBounded() throws {
        let lines = ["[    1.000000] BUG: KASAN: slab-use-after-free in f+0x1/0x2"] + [String](repeating: "x", count: 5000)
        let splat = try #require(KernelLog.splats(in: lines).first)
        #expect(splat.lines.count == KernelLog.lineLimit)
    }

    @Test func scoping() {
        let log = [
            "[    1.000000] boot", "[    2.000000] ppiov: begin a", "[    2.100000] one", "[    2.200000] ppiov: end a\r",
            "[    3.000000] ppiov: begin a.b", "<6>[    3.100000][  T99] two", "[    4.000000] ppiov: begin c", "three",
        ]
        #expect(KernelLog.scope(log, to: "a") == ["[    2.100000] one"])
        #expect(KernelLog.scope(log, to: "c") == ["three"])
        #expect(KernelLog.scope(log, to: "b") == nil)
        #expect(KernelLog.scope(log + ["ppiov: begin a", "again"], to: "a") == ["again"])
    }

    /// A splat after the end mark of its scenario counts for the next one.
    @Test func evidence() {
        let late = ["WARNING: net/a.c:1 at f", "ppiov: begin b", "one", "ppiov: end b", "two"]
        #expect(KernelLog.evidence(in: late, for: "b") == late)
        #expect(KernelLog.evidence(in: late, for: "c") == nil)
    }

    /// Any program of the guest can write a mark; only the agent and the host know the token.
    @Test func forgedMarks() {
        let key = MarkKey()
        let (begin, end) = (KernelLogMark.begin("a", key), KernelLogMark.end("a", key))
        let forged = [
            "ppiov: begin a", "ppiov: end a", KernelLogMark.begin("a", MarkKey()), KernelLogMark.end("a", MarkKey()), "x " + end, end + "0",
        ]
        let log = ["[    1.000000] " + begin] + forged + ["WARNING: net/a.c:1 at f"] + forged + ["[    2.000000][   T1] " + end, "later"]
        #expect(KernelLog.scope(log, to: "a", key: key) == forged + ["WARNING: net/a.c:1 at f"] + forged)
        #expect(KernelLog.evidence(in: forged, for: "a", key: key) == nil)
        #expect(KernelLog.evidence(in: log, for: "a", key: key) == log)
        #expect(KernelLog.scope(log, to: "a", key: MarkKey()) == nil)
    }

    @Test func reasonOfEnd() {
        let panic = "[   15.3][    C1] Kernel panic - not syncing: Fatal exception in interrupt"
        let exited = "[   16.0][    T1] ppiov-init: agent exited with 1"
        #expect(KernelLog.reasonOfEnd(in: ["a", panic, "b"]) == Crash(.panic, "Kernel panic - not syncing: Fatal exception in interrupt"))
        #expect(KernelLog.reasonOfEnd(in: [panic, exited])?.kind == .agent)
        #expect(KernelLog.reasonOfEnd(in: ["a"]) == nil)
        let stale = ["Oops: int3: 0000 [#1] SMP", "Code: e9 55 <48> 89", panic]
        #expect(KernelLog.reasonOfEnd(in: stale)?.message.hasSuffix("QEMU's TCG (docs/kernel-notes.md)") == true)
    }

    /// A console of which the kernel's own buffer has lost records (/dev/kmsg).
    @Test func records() {
        var next: UInt64?
        func lines(_ text: String) -> [String]? { KernelRecord(Array(text.utf8)).map { $0.lines(after: &next) } }
        #expect(lines("6,41,5140900,-;one\n SUBSYSTEM=net\n") == ["[5.140900] one"])
        #expect(
            lines("4,42,5140901,-,caller=T12;INFO: task a\\x0ab:9 blocked\n") == ["[5.140901] [T12] INFO: task a", "[5.140901] [T12] b:9 blocked"])
        #expect(lines("6,50,6000001,-;three\\x\n") == ["** 7 printk messages dropped **", "[6.000001] three\\x"])
        #expect(lines("no record") == nil)
        #expect(lines("6,51,1,-;\n") == ["[0.000001] "])
    }

    @Test func prefixes() {
        let line = LogLine.split("<4>[   12.345678][ T123]  dump_stack+0x1/0x2\r")
        #expect(line.map(\.text) == [" dump_stack+0x1/0x2"])
        #expect(line.first?.caller == "T123")
        #expect(LogLine.split("half[    1.000000] whole").map(\.text) == ["half", "whole"])
        #expect(LogLine.split("").map(\.text) == [""])
        #expect(LogLine.split("[   12.34").map(\.text) == ["[   12.34"])
        #expect(LogLine.split("\u{1b}[").map(\.text) == [""])
    }
}

enum GoldenLogs {
    /// Read where it is checked in, so that no copy can be stale.
    static var folder: String { Repository.path("Tests/ChecksTests/Logs") }
}
