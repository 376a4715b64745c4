// SPDX-License-Identifier: GPL-2.0

/// Records the events of the kernel's tracepoints and the marks of user space for the steps of a run.
struct ScheduleRecorder {
    private let configuration: Configuration
    private let base: UInt64
    private var time: UInt64
    private var holds: [Int: UInt32] = [:]
    private var releases: [Int: UInt32] = [:]
    /// Buffers returned and not counted yet, each in a context of its own.
    private var pending: [Int: [(netmem: UInt64, pid: Int32)]] = [:]
    private var nextPid: Int32 = 100
    private(set) var events: [TraceEvent] = []

    init(_ configuration: Configuration, time: UInt64, base: UInt64) {
        self.configuration = configuration
        self.time = time
        self.base = base
    }

    private func netmem(_ buffer: UInt8) -> UInt64 {
        let address = base + 0x10_0000 + UInt64(buffer) * 64
        return configuration.provider == .none ? address : address | 1
    }

    private func address(_ pool: Int) -> UInt64 { base + UInt64(pool) * 0x1000 }

    private func userHeld(_ state: ModelState) -> UInt32 {
        var count: UInt32 = 0
        for index in 0..<configuration.buffers where state.buffer(index).user > 0 && state.buffer(index).owner != 0 { count += 1 }
        return count
    }

    /// Adds the events of one step.
    mutating func record<Random: RandomNumberGenerator>(
        _ step: Step, from: ModelState, to: ModelState, using random: inout Random
    ) {
        let (before, after) = (userHeld(from), userHeld(to))
        if step.kind == .close || step.kind == .closeSocket { add(.mark(.closed, count: 0), 0, pid: 50, &random) }
        if after < before { add(.mark(.userHeld, count: after), 0, pid: 50, &random) }
        for pool in 1...configuration.pools {
            let (old, new) = (from.pool(pool), to.pool(pool))
            if old.state != .absent && new.inflight > old.inflight {
                holds[pool, default: 0] += 1
                add(.hold(netmem: netmem(step.buffer), counter: holds[pool] ?? 0), address(pool), pid: 0, &random)
            }
            if new.pending > old.pending {
                nextPid += 1
                pending[pool, default: []].append((netmem(step.buffer), nextPid))
            }
            if step.kind == .countRelease && Int(step.pool) == pool, var waiting = pending[pool], !waiting.isEmpty {
                let (netmem, pid) = waiting.remove(at: Int.random(in: 0..<waiting.count, using: &random))
                pending[pool] = waiting
                releases[pool, default: 0] += 1
                add(.release(netmem: netmem, counter: releases[pool] ?? 0), address(pool), pid: pid, &random)
            }
            if old.state != .destroying && new.state == .destroying && new.inflight != 0 { poolRelease(pool, new, 1, &random) }
            if old.state == .destroying && new.state == .freed { poolRelease(pool, new, 2, &random) }
        }
        if after > before { add(.mark(.userHeld, count: after), 0, pid: 50, &random) }
    }

    /// The event of `page_pool_release()`.
    private mutating func poolRelease<Random: RandomNumberGenerator>(_ pool: Int, _ now: Pool, _ attempts: UInt64, _ random: inout Random) {
        let release = TraceEvent.Action.poolRelease(
            inflight: Int32(now.inflight), hold: holds[pool] ?? 0, release: releases[pool] ?? 0, attempts: attempts)
        add(release, address(pool), pid: 60, &random)
    }

    private mutating func add<Random: RandomNumberGenerator>(
        _ action: TraceEvent.Action, _ pool: UInt64, pid: Int32, _ random: inout Random
    ) {
        // Further apart than the clocks of two CPUs may differ, so that the order of the times is the order of the events.
        time += UInt64.random(in: 150_000...2_000_000, using: &random)
        // NAPI stays on its CPU; other contexts run on any CPU.
        let cpu = pid == 0 ? 0 : UInt32.random(in: 0..<4, using: &random)
        events.append(TraceEvent(time: time, cpu: cpu, pid: pid, flags: pid == 0 ? 0x10 : 0, pool: pool, action: action))
    }
}
