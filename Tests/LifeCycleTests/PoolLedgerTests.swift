// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import LifeCycle

/// Accounts of pools, and pools that are older than the recording.
@Suite struct PoolLedgerTests {
    @Test func cleanRun() throws {
        var script = TraceScript()
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
        var script = TraceScript()
        script.hold(each: 1, 65)
        script.release(1)
        script.destroy()
        let outcome = script.examine()
        #expect(outcome.violations == [])
        let account = try #require(outcome.accounts.first)
        #expect(account.inflight == 1 && !account.freed)
        #expect(account.lastRelease?.inflight == 1)
    }

    @Test func poolOlderThanTheRecording() throws {
        var script = TraceScript()
        script.holds[0x1000] = 256
        script.releases[0x1000] = 250
        script.hold(101)
        script.release(1, cpu: 1, pid: 20)
        // Held again at once, by another CPU: the release of this hold is still to come.
        script.hold(1, after: 300)
        script.release(each: 3, 1)
        let outcome = script.examine()
        #expect(outcome.violations == [])
        let account = try #require(outcome.accounts.first)
        #expect(account.isOlderThanRecording)
        #expect(account.carriedIn == 6 && account.inflight == 5)
        // It cannot release more than it held.
        for netmem in 10..<16 as Range<UInt64> { script.release(netmem * 2 + 1) }
        #expect(script.invariants() == [.releaseOfHeld, .releaseOfHeld])
    }

    @Test func violationsAreBounded() {
        var script = TraceScript()
        for netmem in 0..<500 as Range<UInt64> {
            script.hold(netmem * 2 + 1)
            script.hold(netmem * 2 + 1)
        }
        let outcome = script.examine()
        #expect(outcome.violations.count == PoolLedger.violationLimit)
        #expect(outcome.violationCount == 500)
    }

    @Test("a pool whose release event has 0 in flight can still have unreleased holds")
    func freedWithBuffersOut() {
        var script = TraceScript()
        for netmem in [1, 3, 5] as [UInt64] { script.hold(netmem) }
        script.release(1)
        let wrong = TraceEvent.Action.poolRelease(inflight: 0, hold: 3, release: 1, attempts: 1)
        script.add(wrong, pool: 0x1000, cpu: 0, pid: 10, flags: 0, after: 1_000_000)
        let messages = script.examine().violations.map(\.message)
        #expect(messages.contains("pool 0x1000: 0 in flight by the kernel's count, but hold=3 release=1"))
        #expect(messages.contains("pool 0x1000 was freed with 2 in flight (held 3, released 1)"))
    }

    @Test("a pool with very many buffers can be older than the recording")
    func manyCarriedIn() {
        var script = TraceScript()
        script.holds[0x1000] = 70_000
        for netmem in 1...70_000 as ClosedRange<UInt64> { script.release(netmem * 2, after: 1000) }
        script.destroy()
        #expect(script.invariants() == [])
    }

    @Test("buffers held before the recording are not counted as the user's")
    func markOfAnOldPool() {
        var script = TraceScript()
        script.holds[0x1000] = 8
        for netmem in [1, 3, 5, 7] as [UInt64] { script.release(netmem) }
        script.add(.mark(.userHeld, count: 4), pool: 0, cpu: 0, pid: 9, flags: 0, after: 1_000_000)
        for netmem in [9, 11, 13, 15] as [UInt64] { script.release(netmem) }
        script.destroy()
        #expect(script.invariants() == [])
    }

    @Test("a trace with more pools than can be checked is not reported as clean")
    func tooManyPools() {
        let events = (1...100_002 as ClosedRange<UInt64>).map {
            TraceEvent(time: $0, cpu: 0, pool: $0 * 64, action: .hold(netmem: $0 * 64 + 1, counter: 1))
        }
        #expect(!PoolLedger().examine(events).losses.isEmpty)
        #expect(throws: TraceReadError.self) { try PoolLedger().examine(.events(events)) }
    }
}
