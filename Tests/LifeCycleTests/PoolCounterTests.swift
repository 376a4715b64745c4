// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import LifeCycle

/// The hold and release counters of a pool.
@Suite struct PoolCounterTests {
    @Test func lostEvent() {
        var script = TraceScript()
        for netmem in 0..<10 as Range<UInt64> { script.hold(netmem * 2 + 1) }
        script.events.remove(at: 4)
        let outcome = script.examine()
        #expect(outcome.violations.map(\.invariant) == [.contiguousCounters])
        #expect(outcome.violations.first?.message == "pool 0x1000: no event for hold=5")
    }

    @Test func lostLastEvent() {
        var script = TraceScript()
        script.hold(each: 1, 3)
        script.release(each: 1, 3)
        script.events.removeLast()
        script.destroy()
        #expect(script.examine().violations.first?.message == "pool 0x1000: freed at release=2, but its last event has release=1")
    }

    @Test func lostFirstRelease() {
        var script = TraceScript()
        script.hold(each: 1, 3)
        script.release(1)
        script.events.removeLast()
        script.release(3)
        #expect(script.examine().violations.first?.message == "pool 0x1000: its first event has release=2, not 1")
    }

    @Test func repeatedCounter() {
        var script = TraceScript()
        script.hold(each: 1, 3)
        script.holds[0x1000] = 1
        script.hold(5)
        #expect(script.invariants() == [.contiguousCounters])
    }

    @Test func releasesAreRecordedInAnyOrder() {
        var script = TraceScript()
        for netmem in 0..<20 as Range<UInt64> { script.hold(netmem * 2 + 1) }
        for netmem in 0..<20 as Range<UInt64> { script.release(netmem * 2 + 1) }
        for pair in stride(from: 21, to: 39, by: 2) { script.events.swapAt(pair, pair + 1) }
        #expect(script.invariants() == [])
    }

    @Test func holdsAreRecordedInOrder() {
        var script = TraceScript()
        for netmem in 0..<4 as Range<UInt64> { script.hold(netmem * 2 + 1) }
        script.events.swapAt(1, 2)
        #expect(script.invariants() == [.contiguousCounters])
        #expect(script.examine().violations.first?.message == "pool 0x1000: hold=2 after hold=3")
        // The pool went to another CPU, whose clock is behind.
        var moved = TraceScript()
        moved.hold(1, cpu: 0)
        moved.hold(3, cpu: 1, after: 50_000)
        moved.events.swapAt(0, 1)
        #expect(moved.invariants() == [])
    }

    @Test func countersWrap() {
        var script = TraceScript()
        script.holds[0x1000] = UInt32.max - 3
        script.releases[0x1000] = UInt32.max - 3
        for netmem in 0..<3 as Range<UInt64> { script.hold(netmem * 2 + 1) }
        #expect(script.invariants() == [])
    }

    @Test func holdCounterWraps() {
        var script = TraceScript()
        script.holds[0x1000] = .max - 2
        script.releases[0x1000] = .max - 2
        for netmem in [1, 3, 5, 7, 9] as [UInt64] {
            script.holds[0x1000] = (script.holds[0x1000] ?? 0) &+ 1
            let counter = script.holds[0x1000] ?? 0
            script.add(.hold(netmem: netmem, counter: counter), pool: 0x1000, cpu: 0, pid: 1, flags: 0, after: 1000)
        }
        #expect(script.invariants() == [])
        #expect(script.examine().accounts.count == 1)
    }

    @Test func implausibleCountersAreBounded() {
        let events = (0..<10_000 as Range<UInt64>).map {
            TraceEvent(time: $0, cpu: 0, pool: 8, action: .hold(netmem: $0, counter: UInt32($0) &* 40_503 &+ 9))
        }
        #expect(PoolLedger().examine(events).violations.contains { $0.message.contains("the hold counter has more than 4096 gaps") })
    }

    @Test func counterSetAgainstAPlainSet() {
        var random = SeededGenerator(seed: 42)
        for _ in 0..<200 {
            var counters = CounterSet()
            var plain: Set<UInt32> = []
            var twice = 0
            for _ in 0..<60 {
                let value = UInt32.random(in: 0..<40, using: &random) &- 20
                if !plain.insert(value).inserted { twice += 1 }
                counters.insert(value)
            }
            #expect(counters.duplicates.count == twice)
            for value in 0..<60 as Range<UInt32> { #expect(counters.contains(value &- 30) == plain.contains(value &- 30)) }
            let missing = counters.gaps.reduce(0) { $0 + Int($1.last &- $1.first) + 1 }
            let signed = plain.map { Int32(bitPattern: $0) }
            #expect(missing == Int((signed.max() ?? 0) - (signed.min() ?? 0)) + 1 - plain.count)
        }
    }
}
