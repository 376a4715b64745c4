// SPDX-License-Identifier: GPL-2.0

@testable import LifeCycle

/// Builds a trace in the order of the kernel; the time goes up by 1 ms per event by default.
struct TraceScript {
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

    /// Holds by the pool at 0x1000, one after the other.
    mutating func hold(each netmems: UInt64...) { for netmem in netmems { hold(netmem) } }

    /// Releases by the pool at 0x1000, one after the other.
    mutating func release(each netmems: UInt64...) { for netmem in netmems { release(netmem) } }

    /// A page_pool_release event with the kernel's own counts; the pool is freed if they are equal.
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
