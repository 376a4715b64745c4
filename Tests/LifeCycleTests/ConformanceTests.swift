// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import LifeCycle

/// The model against the checker: the checker accepts every legal run of the model, and no changed one.
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

    @Test("every legal run of the model conforms", arguments: 0..<300 as Range<UInt64>)
    func legalSchedulesConform(_ seed: UInt64) {
        let schedule = Self.schedule(seed)
        let outcome = PoolLedger(begin: .noPools, end: .allPools).examine(schedule.events)
        #expect(outcome.violations.map(\.message) == [])
        #expect(outcome.accounts.allSatisfy { $0.freed && $0.inflight == 0 })
    }

    @Test("pools at a reused address are distinguished")
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

        /// The events with the one at `index` changed; nil if a kernel can record the changed trace, too.
        func apply(_ events: [TraceEvent], at index: Int) -> [TraceEvent]? {
            let event = events[index]
            var changed = events
            switch (self, event.action) {
            case (_, .mark): return nil
            // A pool that is not freed yet can have any number of page_pool_release events.
            case (_, .poolRelease(let inflight, _, _, _)) where inflight != 0: return nil
            // Without its only event, a pool that held nothing is not visible.
            case (_, .poolRelease(_, 0, 0, _)): return nil
            case (.drop, _): changed.remove(at: index)
            case (.double, _): changed.insert(event, at: index)
            case (.reorder, .hold(let netmem, _)):
                // To a place behind its own release. If the previous release is still to come, that one would match, too.
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

    @Test("a dropped, doubled, reordered or readdressed event is detected", arguments: Mutation.allCases)
    func everyMutationIsDetected(_ mutation: Mutation) {
        var made = 0
        var detected = 0
        for seed in 0..<60 as Range<UInt64> {
            let events = Self.schedule(seed).events
            for index in events.indices {
                guard let changed = mutation.apply(events, at: index) else { continue }
                made += 1
                let outcome = PoolLedger(begin: .noPools, end: .allPools).examine(changed)
                if outcome.violations.isEmpty {
                    Issue.record("seed \(seed): \(mutation.rawValue) of \(events[index]) was not detected")
                } else {
                    detected += 1
                }
            }
        }
        print("mutation score, \(mutation.rawValue): \(detected) of \(made)")
        #expect(made > 200)
    }

    @Test(
        "the trace of a faulty design is detected",
        arguments: [
            Fault.releaseNotCounted, .releaseCountedTwice, .releaseFreesTwice, .poolFreedEarly, .ringNotEmptied, .closeOmitsTokenRelease,
        ])
    func faultyTraces(_ fault: Fault) {
        var detected = 0
        for seed in 0..<20 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let configuration = Configuration(design: .unifiedRefCount, provider: .devmem, fault: fault)
            let schedule = Schedule(configuration, length: 80, using: &random)
            if PoolLedger(begin: .noPools, end: .allPools).examine(schedule.events).violationCount > 0 { detected += 1 }
        }
        #expect(detected > 0)
    }

    // MARK: - Marks of user space

    private func hold(_ time: UInt64, _ netmem: UInt64, _ counter: UInt32) -> TraceEvent {
        TraceEvent(time: time * 1_000_000, cpu: 0, pool: 0x1000, action: .hold(netmem: netmem, counter: counter))
    }
    private func release(_ time: UInt64, _ netmem: UInt64, _ counter: UInt32) -> TraceEvent {
        TraceEvent(time: time * 1_000_000, cpu: 0, pool: 0x1000, action: .release(netmem: netmem, counter: counter))
    }
    private func mark(_ time: UInt64, _ mark: TraceEvent.Mark, _ count: UInt32 = 0) -> TraceEvent {
        TraceEvent(time: time * 1_000_000, cpu: 1, pool: 0, action: .mark(mark, count: count))
    }

    @Test("a buffer that is released while user space holds it is detected")
    func releasedWhileUserHolds() throws {
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
