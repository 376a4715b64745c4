// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import LifeCycle

/// Builds traces in kernel order; time goes up by 1 ms per event unless set.
private struct Script {
    var events: [TraceEvent] = []
    var time: UInt64 = 1_000_000
    var holds: [UInt64: UInt32] = [:]
    var releases: [UInt64: UInt32] = [:]

    mutating func add(_ action: TraceEvent.Action, pool: UInt64, cpu: UInt32, pid: Int32, flags: UInt8, after: UInt64) {
        time += after
        events.append(TraceEvent(time: time, cpu: cpu, pid: pid, flags: flags, pool: pool, action: action))
    }

    mutating func hold(
        _ netmem: UInt64, pool: UInt64 = 0x1000, cpu: UInt32 = 0, pid: Int32 = 10, flags: UInt8 = 0, after: UInt64 = 1_000_000
    ) {
        holds[pool, default: 0] += 1
        add(.hold(netmem: netmem, counter: holds[pool] ?? 0), pool: pool, cpu: cpu, pid: pid, flags: flags, after: after)
    }

    mutating func release(
        _ netmem: UInt64, pool: UInt64 = 0x1000, cpu: UInt32 = 0, pid: Int32 = 10, flags: UInt8 = 0, after: UInt64 = 1_000_000
    ) {
        releases[pool, default: 0] += 1
        add(.release(netmem: netmem, counter: releases[pool] ?? 0), pool: pool, cpu: cpu, pid: pid, flags: flags, after: after)
    }

    /// The kernel's own count, and the end of the pool where it is zero.
    mutating func destroy(pool: UInt64 = 0x1000) {
        let hold = holds[pool] ?? 0
        let release = releases[pool] ?? 0
        let inflight = Int32(bitPattern: hold &- release)
        add(
            .poolRelease(inflight: inflight, hold: hold, release: release, attempts: 1), pool: pool, cpu: 0, pid: 10, flags: 0,
            after: 1_000_000)
        if inflight == 0 { (holds[pool], releases[pool]) = (0, 0) }
    }

    func examine() -> PoolLedger.Outcome { PoolLedger().examine(events) }
    func invariants() -> [Violation.Invariant] { examine().violations.map(\.invariant) }
}

@Suite struct PoolLedgerTests {
    @Test func cleanRun() throws {
        var script = Script()
        for round in 0..<3 as Range<UInt64> {
            for netmem in 0..<64 as Range<UInt64> { script.hold(netmem * 64 + 1 + round, cpu: 0) }
            for netmem in (0..<64 as Range<UInt64>).reversed() { script.release(netmem * 64 + 1 + round, cpu: 1, pid: 11) }
        }
        script.destroy()
        let outcome = script.examine()
        #expect(outcome.violations == [])
        let account = try #require(outcome.accounts.first)
        #expect(outcome.accounts.count == 1)
        #expect(account.holds == 192 && account.releases == 192 && account.peakInflight == 64)
        #expect(account.netIovHolds == 128 && account.netIovReleases == 128)
        #expect(account.freed && account.inflight == 0 && !account.isOlderThanRecording)
    }

    @Test func leak() throws {
        var script = Script()
        script.hold(1)
        script.hold(65)
        script.release(1)
        script.destroy()
        let outcome = script.examine()
        #expect(outcome.violations == [])
        let account = try #require(outcome.accounts.first)
        #expect(account.inflight == 1 && !account.freed)
        #expect(account.lastRelease?.inflight == 1)
    }

    @Test func doubleRelease() throws {
        var script = Script()
        script.hold(1)
        script.hold(65)
        script.release(1)
        script.release(1)
        script.release(65)
        script.destroy()
        let outcome = script.examine()
        #expect(outcome.violations.map(\.invariant) == [.releaseOfHeld, .neverNegative])
        let violation = try #require(outcome.violations.first)
        #expect(violation.message.contains("pool 0x1000 released 0x1 that it did not hold (held 2, released 3)"))
        #expect(violation.netmem == 1)
        #expect(violation.evidence.contains { $0.hasPrefix("> ") && $0.contains("release 0x1 by pool 0x1000: release=2") })
        #expect(violation.evidence.count == 4)
    }

    @Test func releaseByAnotherPool() {
        var script = Script()
        script.hold(1)
        script.hold(3, pool: 0x2000)
        script.release(1, pool: 0x2000)
        #expect(script.invariants() == [.releaseOfHeld])
    }

    @Test func lostEvent() {
        var script = Script()
        for netmem in 0..<10 as Range<UInt64> { script.hold(netmem * 2 + 1) }
        script.events.remove(at: 4)
        let outcome = script.examine()
        #expect(outcome.violations.map(\.invariant) == [.contiguousCounters])
        #expect(outcome.violations.first?.message == "pool 0x1000: no event for hold=5")
    }

    @Test func lostLastEvent() {
        var script = Script()
        script.hold(1)
        script.hold(3)
        script.release(1)
        script.release(3)
        script.events.removeLast()
        script.destroy()
        #expect(script.examine().violations.first?.message == "pool 0x1000: freed at release=2, but its last event has release=1")
    }

    @Test func lostFirstRelease() {
        var script = Script()
        script.hold(1)
        script.hold(3)
        script.release(1)
        script.events.removeLast()
        script.release(3)
        #expect(script.examine().violations.first?.message == "pool 0x1000: its first event has release=2, not 1")
    }

    @Test func repeatedCounter() {
        var script = Script()
        script.hold(1)
        script.hold(3)
        script.holds[0x1000] = 1
        script.hold(5)
        #expect(script.invariants() == [.contiguousCounters])
    }

    @Test func releasesAreRecordedInAnyOrder() {
        var script = Script()
        for netmem in 0..<20 as Range<UInt64> { script.hold(netmem * 2 + 1) }
        for netmem in 0..<20 as Range<UInt64> { script.release(netmem * 2 + 1) }
        for pair in stride(from: 21, to: 39, by: 2) { script.events.swapAt(pair, pair + 1) }
        #expect(script.invariants() == [])
    }

    @Test func holdsAreRecordedInOrder() {
        var script = Script()
        for netmem in 0..<4 as Range<UInt64> { script.hold(netmem * 2 + 1) }
        script.events.swapAt(1, 2)
        #expect(script.invariants() == [.contiguousCounters])
        #expect(script.examine().violations.first?.message == "pool 0x1000: hold=2 after hold=3")
        // The pool went to another CPU, whose clock is behind.
        var moved = Script()
        moved.hold(1, cpu: 0)
        moved.hold(3, cpu: 1, after: 50_000)
        moved.events.swapAt(0, 1)
        #expect(moved.invariants() == [])
    }

    @Test func countersWrap() {
        var script = Script()
        script.holds[0x1000] = UInt32.max - 3
        script.releases[0x1000] = UInt32.max - 3
        for netmem in 0..<3 as Range<UInt64> { script.hold(netmem * 2 + 1) }
        #expect(script.invariants() == [])
    }

    @Test func secondHold() throws {
        var script = Script()
        script.hold(1)
        script.hold(1)
        script.release(1)
        script.release(1)
        script.destroy()
        let outcome = script.examine()
        #expect(outcome.violations.map(\.invariant) == [.noSecondHold])
        #expect(outcome.violations.first?.message.contains("pool 0x1000 held 0x1 again while pool 0x1000 had not released it") == true)
    }

    @Test func secondHoldByAnotherPoolNeverReleased() {
        var script = Script()
        script.hold(1)
        script.hold(1, pool: 0x2000)
        #expect(script.invariants() == [.noSecondHold])
    }

    /// The release gave the net_iov back, lost its CPU for 40 ms, and recorded only then.
    @Test func releaseRecordedLate() {
        var script = Script()
        script.hold(1)
        script.hold(1, cpu: 0)
        script.release(1, cpu: 1, pid: 20, after: 40_000_000)
        script.release(1, cpu: 0)
        script.destroy()
        #expect(script.invariants() == [])
    }

    /// The same, the new holder being faster with its own release.
    @Test func releaseRecordedAfterTheNextOne() {
        var script = Script()
        script.hold(1)
        script.hold(1)
        script.release(1)
        script.hold(1)
        script.release(1)
        script.release(1, cpu: 1, pid: 20)
        script.destroy()
        #expect(script.invariants() == [])
    }

    /// A softirq on top of the releasing task takes the net_iov again before the task records.
    @Test func releaseInterruptedBySoftirq() {
        var script = Script()
        script.hold(1, flags: 0x10)
        script.hold(1, flags: 0x10)
        script.release(1)
        script.release(1)
        script.destroy()
        #expect(script.invariants() == [])
    }

    /// A context that recorded other events meanwhile was not in the middle of a release.
    @Test func busyContextIsNoExcuse() {
        var script = Script()
        script.hold(1)
        script.hold(1, cpu: 0)
        script.hold(3, cpu: 1, pid: 20)
        script.release(1, cpu: 1, pid: 20)
        script.release(1, cpu: 0)
        #expect(script.invariants() == [.noSecondHold])
    }

    @Test func tooLateIsNoExcuse() {
        var script = Script()
        script.hold(1)
        script.hold(1, cpu: 0)
        script.release(1, cpu: 1, pid: 20, after: 2_000_000_000)
        script.release(1, cpu: 0)
        #expect(script.invariants() == [.noSecondHold])
    }

    @Test func clocksOfTwoCPUs() {
        var script = Script()
        script.release(1, cpu: 1, pid: 20)
        script.hold(1, cpu: 0, after: 400)
        script.hold(1, cpu: 0)
        script.release(1, cpu: 0)
        #expect(script.invariants() == [])
        // One CPU has one clock.
        var same = Script()
        same.release(1)
        same.hold(1, after: 400)
        #expect(same.invariants() == [.releaseOfHeld])
    }

    @Test func poolOlderThanTheRecording() throws {
        var script = Script()
        script.holds[0x1000] = 256
        script.releases[0x1000] = 250
        script.hold(101)
        script.release(1, cpu: 1, pid: 20)
        // At once held again by another CPU: this one's release is still to come.
        script.hold(1, after: 300)
        script.release(3)
        script.release(1)
        let outcome = script.examine()
        #expect(outcome.violations == [])
        let account = try #require(outcome.accounts.first)
        #expect(account.isOlderThanRecording)
        #expect(account.carriedIn == 6 && account.inflight == 5)
        // It cannot bring home more than it had.
        for netmem in 10..<16 as Range<UInt64> { script.release(netmem * 2 + 1) }
        #expect(script.invariants() == [.releaseOfHeld, .releaseOfHeld])
    }

    @Test func addressReuse() throws {
        var script = Script()
        for _ in 0..<3 {
            script.hold(1)
            script.release(1)
            script.destroy()
        }
        // A pool that never held anything.
        script.destroy()
        let outcome = script.examine()
        #expect(outcome.violations == [])
        #expect(outcome.accounts.map(\.generation) == [0, 1, 2, 3])
        #expect(outcome.accounts.map(\.holds) == [1, 1, 1, 0])
        #expect(outcome.accounts.allSatisfy { $0.freed && !$0.isOlderThanRecording })
    }

    @Test func freedPoolNamedAgain() {
        var script = Script()
        script.hold(1)
        script.release(1)
        script.destroy()
        script.holds[0x1000] = 1
        script.hold(3)
        let outcome = script.examine()
        #expect(outcome.violations.first?.invariant == .freedStaysFreed)
        #expect(outcome.violations.first?.message == "pool 0x1000 was freed and is named again (held 1, released 1)")
    }

    @Test func releaseAfterTheEnd() {
        var script = Script()
        script.hold(1)
        script.release(1)
        script.destroy()
        script.releases[0x1000] = 1
        script.release(1)
        #expect(script.invariants().contains(.freedStaysFreed))
    }

    /// The release that let the pool go is recorded after the pool's end, and even after the next pool's beginning.
    @Test(arguments: [false, true]) func lastReleaseRecordedAfterTheEnd(reused: Bool) {
        var script = Script()
        script.hold(1)
        script.hold(3)
        script.release(1)
        script.release(3, cpu: 1, pid: 20)
        script.destroy()
        let late = script.events.remove(at: 3)
        if reused { script.hold(9) }
        script.events.append(late)
        script.events[script.events.count - 1].time = script.time + 1000
        if reused {
            script.time += 5000
            script.release(9)
            script.destroy()
        }
        let outcome = script.examine()
        #expect(outcome.violations == [])
        #expect(outcome.accounts.allSatisfy { $0.inflight == 0 && $0.freed })
    }

    @Test func newPoolWithoutTheEndOfTheOld() {
        var script = Script()
        script.hold(1)
        script.hold(3)
        script.holds[0x1000] = 0
        script.hold(5)
        #expect(script.invariants() == [.freedStaysFreed])
    }

    @Test func endOfTheOldRecordedAfterTheNew() {
        var script = Script()
        script.hold(1)
        script.hold(3)
        script.release(3)
        script.release(1)
        script.destroy()
        script.hold(5, cpu: 1, pid: 20)
        script.events.swapAt(4, 5)
        script.release(5)
        script.destroy()
        let outcome = script.examine()
        #expect(outcome.violations == [])
        #expect(outcome.accounts.map(\.freed) == [true, true])
    }

    @Test func violationsAreBounded() {
        var script = Script()
        for netmem in 0..<500 as Range<UInt64> {
            script.hold(netmem * 2 + 1)
            script.hold(netmem * 2 + 1)
        }
        let outcome = script.examine()
        #expect(outcome.violations.count == PoolLedger.violationLimit)
        #expect(outcome.violationCount == 500)
    }

    @Test func senselessCountersAreBounded() {
        let events = (0..<10_000 as Range<UInt64>).map {
            TraceEvent(time: $0, cpu: 0, pool: 8, action: .hold(netmem: $0, counter: UInt32($0) &* 40_503 &+ 9))
        }
        #expect(PoolLedger().examine(events).violations.contains { $0.message.contains("jumps about") })
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

    // MARK: - Found by a review

    @Test("a pool is not freed because it says so")
    func freedWithBuffersOut() {
        var script = Script()
        for netmem in [1, 3, 5] as [UInt64] { script.hold(netmem) }
        script.release(1)
        let lie = TraceEvent.Action.poolRelease(inflight: 0, hold: 3, release: 1, attempts: 1)
        script.add(lie, pool: 0x1000, cpu: 0, pid: 10, flags: 0, after: 1_000_000)
        let messages = script.examine().violations.map(\.message)
        #expect(messages.contains("pool 0x1000: 0 in flight by its own count, and hold=3 release=1"))
        #expect(messages.contains("pool 0x1000 was freed with 2 in flight (held 3, released 1)"))
    }

    @Test("an old pool's buffers do not excuse the release of another's")
    func releaseOfForeign() {
        var script = Script()
        script.holds[0x2000] = 100
        script.hold(0x201, pool: 0x2000)
        script.hold(0x41)
        // Long after any release could still be on its way into the trace.
        script.release(0x41, pool: 0x2000, after: 19_000_000_000)
        script.release(0x41)
        #expect(script.invariants() == [.releaseOfHeld])
    }

    @Test("a pool of more buffers than anybody counts on may be older than the recording")
    func manyCarriedIn() {
        var script = Script()
        script.holds[0x1000] = 70_000
        for netmem in 1...70_000 as ClosedRange<UInt64> { script.release(netmem * 2, after: 1000) }
        script.destroy()
        #expect(script.invariants() == [])
    }

    @Test func holdCounterWraps() {
        var script = Script()
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

    @Test("what was out before the recording is not what the user has")
    func markOfAnOldPool() {
        var script = Script()
        script.holds[0x1000] = 8
        for netmem in [1, 3, 5, 7] as [UInt64] { script.release(netmem) }
        script.add(.mark(.userHeld, count: 4), pool: 0, cpu: 0, pid: 9, flags: 0, after: 1_000_000)
        for netmem in [9, 11, 13, 15] as [UInt64] { script.release(netmem) }
        script.destroy()
        #expect(script.invariants() == [])
    }
}
