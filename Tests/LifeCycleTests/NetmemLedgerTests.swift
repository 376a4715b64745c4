// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import LifeCycle

/// Matching of holds and releases whose events are not in order.
@Suite struct NetmemLedgerTests {
    @Test func doubleRelease() throws {
        var script = TraceScript()
        script.hold(each: 1, 65)
        script.release(each: 1, 1, 65)
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
        var script = TraceScript()
        script.hold(1)
        script.hold(3, pool: 0x2000)
        script.release(1, pool: 0x2000)
        #expect(script.invariants() == [.releaseOfHeld])
    }

    @Test func secondHold() throws {
        var script = TraceScript()
        script.hold(each: 1, 1)
        script.release(each: 1, 1)
        script.destroy()
        let outcome = script.examine()
        #expect(outcome.violations.map(\.invariant) == [.noSecondHold])
        #expect(outcome.violations.first?.message.contains("pool 0x1000 held 0x1 again while pool 0x1000 had not released it") == true)
    }

    /// Each event took the time of all holds that waited for their match.
    @Test func manyHoldsOfOneNetmem() {
        var script = TraceScript()
        for _ in 0..<20_000 { script.hold(1) }
        #expect(script.examine().violationCount == 19_999)
        var releases = TraceScript()
        for _ in 0..<20_000 { releases.release(1, pool: 0x2000) }
        for _ in 0..<20_000 { releases.hold(1) }
        #expect(releases.examine().violationCount > 19_999)
    }

    @Test func secondHoldByAnotherPoolNeverReleased() {
        var script = TraceScript()
        script.hold(1)
        script.hold(1, pool: 0x2000)
        #expect(script.invariants() == [.noSecondHold])
    }

    /// The release returned the net_iov, its context did not run for a while, and was recorded after that.
    @Test(arguments: [(40_000_000, []), (2_000_000_000, [.noSecondHold])] as [(UInt64, [Violation.Invariant])])
    func releaseRecordedLate(_ delay: UInt64, _ broken: [Violation.Invariant]) {
        var script = TraceScript()
        script.hold(1)
        script.hold(1, cpu: 0)
        script.release(1, cpu: 1, pid: 20, after: delay)
        script.release(1, cpu: 0)
        script.destroy()
        #expect(script.invariants() == broken)
    }

    /// As above, and the release of the second hold is recorded first.
    @Test func releaseRecordedAfterTheNextOne() {
        var script = TraceScript()
        script.hold(each: 1, 1)
        script.release(1)
        script.hold(1)
        script.release(1)
        script.release(1, cpu: 1, pid: 20)
        script.destroy()
        #expect(script.invariants() == [])
    }

    /// A softirq interrupts the releasing task and allocates the net_iov before the task records.
    @Test func releaseInterruptedBySoftirq() {
        var script = TraceScript()
        script.hold(1, flags: 0x10)
        script.hold(1, flags: 0x10)
        script.release(each: 1, 1)
        script.destroy()
        #expect(script.invariants() == [])
    }

    /// A context that recorded another event in between was not inside a release.
    @Test func contextWithAnotherEventDoesNotMatch() {
        var script = TraceScript()
        script.hold(1)
        script.hold(1, cpu: 0)
        script.hold(3, cpu: 1, pid: 20)
        script.release(1, cpu: 1, pid: 20)
        script.release(1, cpu: 0)
        #expect(script.invariants() == [.noSecondHold])
    }

    @Test func clocksOfTwoCPUs() {
        var script = TraceScript()
        script.release(1, cpu: 1, pid: 20)
        script.hold(1, cpu: 0, after: 400)
        script.hold(1, cpu: 0)
        script.release(1, cpu: 0)
        #expect(script.invariants() == [])
        // One CPU has one clock.
        var same = TraceScript()
        same.release(1)
        same.hold(1, after: 400)
        #expect(same.invariants() == [.releaseOfHeld])
    }

    @Test("buffers held before the recording do not explain the release of another pool's buffer")
    func releaseOfForeign() {
        var script = TraceScript()
        script.holds[0x2000] = 100
        script.hold(0x201, pool: 0x2000)
        script.hold(0x41)
        // Long after any delayed release could be recorded.
        script.release(0x41, pool: 0x2000, after: 19_000_000_000)
        script.release(0x41)
        #expect(script.invariants() == [.releaseOfHeld])
    }
}
