// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import LifeCycle

/// Several pools at one address, one after the other.
@Suite struct PoolAddressTests {
    @Test func addressReuse() throws {
        var script = TraceScript()
        for _ in 0..<3 {
            script.hold(1)
            script.release(1)
            script.destroy()
        }
        // A pool that held nothing.
        script.destroy()
        let outcome = script.examine()
        #expect(outcome.violations == [])
        #expect(outcome.accounts.map(\.generation) == [0, 1, 2, 3])
        #expect(outcome.accounts.map(\.holds) == [1, 1, 1, 0])
        #expect(outcome.accounts.allSatisfy { $0.freed && !$0.isOlderThanRecording })
    }

    /// A pool that held and released one netmem and was freed.
    private static var freedPool: TraceScript {
        var script = TraceScript()
        script.hold(1)
        script.release(1)
        script.destroy()
        return script
    }

    @Test func freedPoolUsedAgain() {
        var script = Self.freedPool
        script.holds[0x1000] = 1
        script.hold(3)
        let outcome = script.examine()
        #expect(outcome.violations.first?.invariant == .freedStaysFreed)
        #expect(outcome.violations.first?.message == "pool 0x1000 was freed and is used again (held 1, released 1)")
    }

    @Test func releaseAfterTheEnd() {
        var script = Self.freedPool
        script.releases[0x1000] = 1
        script.release(1)
        #expect(script.invariants().contains(.freedStaysFreed))
    }

    /// The last release of the pool is recorded after the pool was freed, and even after the next pool began.
    @Test(arguments: [false, true]) func lastReleaseRecordedAfterTheEnd(reused: Bool) {
        var script = TraceScript()
        script.hold(each: 1, 3)
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
        var script = TraceScript()
        script.hold(each: 1, 3)
        script.holds[0x1000] = 0
        script.hold(5)
        #expect(script.invariants() == [.freedStaysFreed])
    }

    @Test func endOfTheOldRecordedAfterTheNew() {
        var script = TraceScript()
        script.hold(each: 1, 3)
        script.release(each: 3, 1)
        script.destroy()
        script.hold(5, cpu: 1, pid: 20)
        script.events.swapAt(4, 5)
        script.release(5)
        script.destroy()
        let outcome = script.examine()
        #expect(outcome.violations == [])
        #expect(outcome.accounts.map(\.freed) == [true, true])
    }
}
