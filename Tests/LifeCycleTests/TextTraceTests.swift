// SPDX-License-Identifier: GPL-2.0

import Testing
import TraceForms

@testable import LifeCycle

/// Text traces: the same verdict as pages, losses, contexts, hashed pointers, damaged lines.
@Suite struct TextTraceTests {
    static func text(_ events: [TraceEvent]) -> String {
        var lines = ["# tracer: nop", "#", "# entries-in-buffer/entries-written: \(events.count)/\(events.count)   #P:4", "#"]
        for event in events {
            let microseconds = String(event.time % 1_000_000_000 / 1000)
            let stamp = "\(event.time / 1_000_000_000)." + String(repeating: "0", count: 6 - microseconds.count) + microseconds
            let head = "     some [task]-\(event.pid)     [00\(event.cpu)] \(event.flags == 0x10 ? "..s1." : ".....")  \(stamp): "
            func pointer(_ value: UInt64) -> String {
                let digits = String(value, radix: 16)
                return String(repeating: "0", count: 16 - digits.count) + digits
            }
            let pool = "page_pool=" + pointer(event.pool)
            switch event.action {
            case .hold(let netmem, let counter):
                lines.append(head + "page_pool_state_hold: \(pool) netmem=\(pointer(netmem)) is_net_iov=\(netmem & 1), pfn=0x0 hold=\(counter)")
            case .release(let netmem, let counter):
                lines.append(
                    head + "page_pool_state_release: \(pool) netmem=\(pointer(netmem)) is_net_iov=\(netmem & 1) pfn=0x0 release=\(counter)")
            case .poolRelease(let inflight, let hold, let release, let attempts):
                lines.append(head + "page_pool_release: \(pool) inflight=\(inflight) hold=\(hold) release=\(release) cnt=\(attempts)")
            case .mark(let mark, let count): lines.append(head + "tracing_mark_write: \(mark.line(count))")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    @Test("text and pages of one run give the same verdict", arguments: 0..<40 as Range<UInt64>)
    func textAndPages(_ seed: UInt64) throws {
        var events = ConformanceTests.schedule(seed).events
        if seed % 2 == 1 { events.remove(at: events.count / 2) }
        let decoder = try TraceDecoder(formats: Texts.marked)
        var sources: [UInt32: ByteSource] = [:]
        for cpu in 0..<4 as Range<UInt32> {
            let mine = events.filter { $0.cpu == cpu }
            if !mine.isEmpty { sources[cpu] = ByteSource(PageWriter.trace(mine)) }
        }
        let ledger = PoolLedger(begin: .noPools, end: .allPools)
        let pages = try ledger.examine(.pages(sources, decoder))
        let text = try ledger.examine(.text(ByteSource(Array(Self.text(events).utf8))))
        let plain = ledger.examine(events)
        #expect(pages == plain)
        #expect(text.violations.map(\.message) == plain.violations.map(\.message))
        #expect(text.events == plain.events)
        #expect(text.accounts.map(\.holds) == plain.accounts.map(\.holds))
        #expect(text.accounts.map(\.freed) == plain.accounts.map(\.freed))
    }

    @Test(
        "a line about lost events in a text counts as a loss",
        arguments: [
            "CPU:1 [LOST 45 EVENTS]", "CPU 3: 12 [LOST EVENTS]", "CPU:0 [434 EVENTS DROPPED]", "CPU:0 [EVENTS DROPPED]",
            "# entries-in-buffer/entries-written: 10/55   #P:2",
        ])
    func lostText(_ line: String) throws {
        let outcome = try PoolLedger().examine(.text(ByteSource(Array((line + "\n").utf8))))
        #expect(outcome.losses.places == 1)
    }

    /// A task returned a net_iov, a softirq that interrupted the task allocated it, then the task recorded its release.
    private static func interrupted(_ soft: String, _ task: String) -> String {
        func line(_ head: String, _ time: String, _ event: String) -> String {
            let name = event.prefix { $0 != "=" }
            return "   a-7 \(head) \(time): page_pool_state_\(name): page_pool=0x1000 netmem=0x41 is_net_iov=1 \(event)\n"
        }
        let holds = line(soft, "1.0", "hold=1") + line(soft, "1.1", "hold=2")
        return holds + line(task, "1.100005", "release=1") + line(task, "1.2", "release=2")
    }

    @Test(
        "a text without contexts gives no violation that depends on them",
        arguments: [
            ("[000] ..s1.", "[000] ....."), ("[000]", "[000]"), ("0..s1.", "0....."), ("12..s1.", "12....."),
        ])
    func textWithoutContexts(_ soft: String, _ task: String) throws {
        let outcome = try PoolLedger().examine(.text(ByteSource(Array(Self.interrupted(soft, task).utf8))))
        #expect(outcome.violations == [])
        #expect(outcome.events == 4)
    }

    @Test("a task cannot be inside the window of a hold that it recorded itself", arguments: ["[000] .....", "0....."])
    func textWithContexts(_ task: String) throws {
        let outcome = try PoolLedger().examine(.text(ByteSource(Array(Self.interrupted(task, task).utf8))))
        #expect(outcome.violations.map(\.invariant) == [.noSecondHold])
    }

    @Test("hashed pointers that differ only in the last bit are two netmems")
    func hashedPointers() throws {
        let lines = [("8f31c2a0", 1), ("8f31c2a1", 2)].map { netmem, hold in
            "a-7 [000] ..s1. \(hold).0: page_pool_state_hold: page_pool=00000000dd3c8ab1 netmem=00000000\(netmem) "
                + "is_net_iov=1, hold=\(hold)\n"
        }
        let outcome = try PoolLedger().examine(.text(ByteSource(Array(lines.joined().utf8))))
        #expect(outcome.violations == [])
        #expect(outcome.accounts.map(\.distinct) == [2])
        #expect(outcome.accounts.map(\.netIovHolds) == [2])
    }

    @Test(
        "a damaged page-pool line is an error with its line number",
        arguments: [
            " a-1 [000] ..... 1.000000: page_pool_state_hold: page_pool=12 netmem=zz is_net_iov=1, pfn=0x0 hold=1",
            " a-1 [000] ..... 1.000000: page_pool_state_release: page_pool=12 netmem=34",
            " a-1 [000] ..... 1.000000: page_pool_release: page_pool=12 inflight=99999999999 hold=1 release=1",
            "page_pool_state_hold", "[000] page_pool_state_hold: ",
            " a-1 [000] 1.000000: page_pool:page_pool_state_hold: page_pool=12 netmem=34 is_net_iov=1, pfn=0x0 hold=1",
        ])
    func damagedText(_ line: String) {
        #expect {
            try PoolLedger().examine(.text(ByteSource(Array(("# header\n" + line).utf8))))
        } throws: { error in
            guard case TraceReadError.line(2, _) = error else { return false }
            return true
        }
    }

    @Test("random bytes give an error or a verdict, never a trap", arguments: 0..<200 as Range<UInt64>)
    func randomText(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var bytes = Array(Self.text(ConformanceTests.schedule(seed % 10).events).utf8)
        for _ in 0..<20 { bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random) }
        if seed % 4 == 0 { bytes = (0..<5000).map { _ in UInt8.random(in: 0...255, using: &random) } }
        if seed % 7 == 0 { bytes.removeLast(bytes.count / 3) }
        _ = try? PoolLedger().examine(.text(ByteSource(bytes)))
    }

    @Test("a line without an end is an error")
    func endlessLine() {
        let bytes = [UInt8](repeating: 0x41, count: 200_000)
        #expect(throws: TraceReadError.self) { try PoolLedger().examine(.text(ByteSource(bytes))) }
    }
}
