// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import LifeCycle

/// The model against the checker: what the model can do conforms, and what it cannot does not.
@Suite struct ConformanceTests {
    static func schedule(_ seed: UInt64) -> Schedule {
        var random = SeededGenerator(seed: seed)
        let provider = ModelProvider.allCases[Int(seed % 3)]
        let configuration = Configuration(
            design: seed % 2 == 0 ? .unifiedRefCount : .rework, provider: provider, buffers: Int.random(in: 2...4, using: &random),
            pools: Int.random(in: 1...3, using: &random), stackReferences: 2, userReferences: 2,
            ringCapacity: Int.random(in: 0...3, using: &random))
        return Schedule(configuration, length: Int.random(in: 20...300, using: &random), using: &random)
    }

    @Test("whatever the model does conforms", arguments: 0..<300 as Range<UInt64>)
    func legalSchedulesConform(_ seed: UInt64) {
        let schedule = Self.schedule(seed)
        let outcome = PoolLedger(begin: .noPools, end: .allPools).examine(schedule.events)
        #expect(outcome.violations.map(\.message) == [])
        #expect(outcome.accounts.allSatisfy { $0.freed && $0.inflight == 0 })
    }

    @Test("addresses used again are told apart")
    func addressesAreUsedAgain() {
        var random = SeededGenerator(seed: 7)
        var events: [TraceEvent] = []
        for _ in 0..<20 {
            let time = (events.last?.time ?? 0) + 5_000_000_000
            let configuration = Configuration(design: .unifiedRefCount, provider: .devmem)
            events += Schedule(configuration, length: 60, time: time, using: &random).events
        }
        #expect(PoolLedger(begin: .noPools, end: .allPools).examine(events).violations.map(\.message) == [])
    }

    // MARK: - One event changed

    enum Mutation: String, CaseIterable {
        case drop, double, reorder, address, pool

        /// The events with the one at `index` changed; nil where that changes nothing that a kernel would not do, too.
        func apply(_ events: [TraceEvent], at index: Int) -> [TraceEvent]? {
            let event = events[index]
            var changed = events
            switch (self, event.action) {
            case (_, .mark): return nil
            // A look at a pool that is not gone yet may come as often as the kernel likes.
            case (_, .poolRelease(let inflight, _, _, _)) where inflight != 0: return nil
            // A pool that never held anything comes and goes unseen.
            case (_, .poolRelease(_, 0, 0, _)): return nil
            case (.drop, _): changed.remove(at: index)
            case (.double, _): changed.insert(event, at: index)
            case (.reorder, .hold(let netmem, _)):
                // Behind its own release. Where the release before it is still to come, that one would do as well.
                let balance = events[..<index].reduce(0) { $0 + ($1.isHold(of: netmem) ? 1 : $1.isRelease(of: netmem) ? -1 : 0) }
                guard balance == 0, let release = events[index...].firstIndex(where: { $0.pool == event.pool && $0.isRelease(of: netmem) })
                else { return nil }
                changed.remove(at: index)
                var late = event
                late.time = events[release].time
                late.cpu = events[release].cpu
                changed.insert(late, at: release)
            case (.reorder, _): return nil
            case (.address, .hold(let netmem, let counter)): changed[index].action = .hold(netmem: netmem ^ 0x40_0000, counter: counter)
            case (.address, .release(let netmem, let counter)):
                changed[index].action = .release(netmem: netmem ^ 0x40_0000, counter: counter)
            case (.address, _): return nil
            case (.pool, _): changed[index].pool ^= 0x80_0000
            }
            return changed
        }
    }

    @Test("one event dropped, doubled, reordered or addressed otherwise is noticed", arguments: Mutation.allCases)
    func everyMutationIsNoticed(_ mutation: Mutation) {
        var made = 0
        var noticed = 0
        for seed in 0..<60 as Range<UInt64> {
            let events = Self.schedule(seed).events
            for index in events.indices {
                guard let changed = mutation.apply(events, at: index) else { continue }
                made += 1
                let outcome = PoolLedger(begin: .noPools, end: .allPools).examine(changed)
                if outcome.violations.isEmpty {
                    Issue.record("seed \(seed): \(mutation.rawValue) of \(events[index]) went unnoticed")
                } else {
                    noticed += 1
                }
            }
        }
        print("mutation score, \(mutation.rawValue): \(noticed) of \(made)")
        #expect(made > 200)
    }

    @Test(
        "a faulty design's trace is noticed",
        arguments: [
            Fault.releaseNotCounted, .releaseCountedTwice, .releaseFreesTwice, .poolFreedEarly, .ringNotEmptied, .closeForgetsTokens,
        ])
    func faultyTraces(_ fault: Fault) {
        var noticed = 0
        for seed in 0..<20 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let configuration = Configuration(design: .unifiedRefCount, provider: .devmem, fault: fault)
            let schedule = Schedule(configuration, length: 80, using: &random)
            if PoolLedger(begin: .noPools, end: .allPools).examine(schedule.events).violationCount > 0 { noticed += 1 }
        }
        #expect(noticed > 0)
    }

    // MARK: - The same trace in two forms

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
                lines.append(head + "page_pool_state_hold: \(pool) netmem=\(pointer(netmem & ~1)) is_net_iov=\(netmem & 1), pfn=0x0 hold=\(counter)")
            case .release(let netmem, let counter):
                lines.append(
                    head + "page_pool_state_release: \(pool) netmem=\(pointer(netmem & ~1)) is_net_iov=\(netmem & 1) pfn=0x0 release=\(counter)")
            case .poolRelease(let inflight, let hold, let release, let attempts):
                lines.append(head + "page_pool_release: \(pool) inflight=\(inflight) hold=\(hold) release=\(release) cnt=\(attempts)")
            case .mark(let mark, let count): lines.append(head + "tracing_mark_write: \(mark.line(count))")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    @Test("text and pages of one run give one verdict", arguments: 0..<40 as Range<UInt64>)
    func textAndPages(_ seed: UInt64) throws {
        var events = Self.schedule(seed).events
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
        "text that says it lost events is not whole",
        arguments: [
            "CPU:1 [LOST 45 EVENTS]", "CPU 3: 12 [LOST EVENTS]", "CPU:0 [434 EVENTS DROPPED]", "CPU:0 [EVENTS DROPPED]",
            "# entries-in-buffer/entries-written: 10/55   #P:2",
        ])
    func lostText(_ line: String) throws {
        let outcome = try PoolLedger().examine(.text(ByteSource(Array((line + "\n").utf8))))
        #expect(outcome.losses.places == 1)
    }

    /// A task gave a net_iov back, a soft interrupt on top of it took it, then the task recorded its release.
    private static func overtaken(_ soft: String, _ task: String) -> String {
        func line(_ head: String, _ time: String, _ event: String) -> String {
            let name = event.prefix { $0 != "=" }
            return "   a-7 \(head) \(time): page_pool_state_\(name): page_pool=0x1000 netmem=0x41 is_net_iov=1 \(event)\n"
        }
        let holds = line(soft, "1.0", "hold=1") + line(soft, "1.1", "hold=2")
        return holds + line(task, "1.100005", "release=1") + line(task, "1.2", "release=2")
    }

    @Test(
        "where text does not say what was an interrupt, nothing is concluded from it",
        arguments: [
            ("[000] ..s1.", "[000] ....."), ("[000]", "[000]"), ("0..s1.", "0....."), ("12..s1.", "12....."),
        ])
    func textWithoutContexts(_ soft: String, _ task: String) throws {
        let outcome = try PoolLedger().examine(.text(ByteSource(Array(Self.overtaken(soft, task).utf8))))
        #expect(outcome.violations == [])
        #expect(outcome.events == 4)
    }

    @Test("the task itself cannot have been overtaken by what it recorded", arguments: ["[000] .....", "0....."])
    func textWithContexts(_ task: String) throws {
        let outcome = try PoolLedger().examine(.text(ByteSource(Array(Self.overtaken(task, task).utf8))))
        #expect(outcome.violations.map(\.invariant) == [.noSecondHold])
    }

    @Test("hashed pointers that differ in the last bit alone are two netmems")
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
        "a damaged page-pool line is an error that names it",
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

    @Test("random bytes are an error or a verdict, never the end of the program", arguments: 0..<200 as Range<UInt64>)
    func randomText(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var bytes = Array(Self.text(Self.schedule(seed % 10).events).utf8)
        for _ in 0..<20 { bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random) }
        if seed % 4 == 0 { bytes = (0..<5000).map { _ in UInt8.random(in: 0...255, using: &random) } }
        if seed % 7 == 0 { bytes.removeLast(bytes.count / 3) }
        _ = try? PoolLedger().examine(.text(ByteSource(bytes)))
    }

    @Test("a line without an end is no trace")
    func endlessLine() {
        let bytes = [UInt8](repeating: 0x41, count: 200_000)
        #expect(throws: TraceReadError.self) { try PoolLedger().examine(.text(ByteSource(bytes))) }
    }

    // MARK: - What user space says

    private func hold(_ time: UInt64, _ netmem: UInt64, _ counter: UInt32) -> TraceEvent {
        TraceEvent(time: time * 1_000_000, cpu: 0, pool: 0x1000, action: .hold(netmem: netmem, counter: counter))
    }
    private func release(_ time: UInt64, _ netmem: UInt64, _ counter: UInt32) -> TraceEvent {
        TraceEvent(time: time * 1_000_000, cpu: 0, pool: 0x1000, action: .release(netmem: netmem, counter: counter))
    }
    private func mark(_ time: UInt64, _ mark: TraceEvent.Mark, _ count: UInt32 = 0) -> TraceEvent {
        TraceEvent(time: time * 1_000_000, cpu: 1, pool: 0, action: .mark(mark, count: count))
    }

    @Test("a buffer that comes home while user space has it is noticed")
    func givenBackUnderItsUser() throws {
        let events = [hold(1, 0x41, 1), hold(2, 0x81, 2), mark(3, .userHeld, 2), release(4, 0x41, 1), mark(9, .closed), release(10, 0x81, 2)]
        let violation = try #require(PoolLedger().examine(events).violations.first)
        #expect(violation.invariant == .userHeldIsInflight)
        #expect(violation.invariant.label == "I5 user-held-is-inflight")
        #expect(violation.evidence.contains { $0.hasPrefix("> ") && $0.contains("release 0x41") })
        let fine = [
            hold(1, 0x41, 1), hold(2, 0x81, 2), mark(3, .userHeld, 2), mark(3, .userHeld, 1), release(4, 0x41, 1),
            mark(9, .killed), release(10, 0x81, 2),
        ]
        let outcome = PoolLedger().examine(fine)
        #expect(outcome.violations == [])
        #expect(outcome.closed == 9_000_000)
    }
}

extension TraceEvent {
    fileprivate func isHold(of netmem: UInt64) -> Bool {
        if case .hold(netmem, _) = action { return true }
        return false
    }

    fileprivate func isRelease(of netmem: UInt64) -> Bool {
        if case .release(netmem, _) = action { return true }
        return false
    }
}
