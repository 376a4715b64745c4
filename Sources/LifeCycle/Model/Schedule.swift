// SPDX-License-Identifier: GPL-2.0

/// A legal run of the model, drawn at random, as the trace that a kernel would record of it.
///
/// The other half of the conformance checker: whatever the model can do, the checker must accept.
public struct Schedule: Sendable {
    public var configuration: Configuration
    /// What was done, in order.
    public private(set) var steps: [Step] = []
    /// What a trace of it shows, in the order of time.
    public private(set) var events: [TraceEvent] = []

    private static let patience = 10_000

    /// Runs the model until everything is home, or for as long as a fault keeps it from that.
    ///
    /// - Parameters:
    ///   - length: steps before the ends are looked for; after that, whatever leads home is preferred.
    ///   - time: of the first event, ns.
    ///   - base: addresses of pools and net_iovs are counted from here; the same base gives the same addresses again.
    public init<Random: RandomNumberGenerator>(
        _ configuration: Configuration, length: Int, time: UInt64 = 1_000_000, base: UInt64 = 0xffff_8880_0000_0000,
        using random: inout Random
    ) {
        var plain = configuration
        plain.symmetry = false
        self.configuration = plain
        var recorder = Recorder(plain, time: time, base: base)
        let transitions = Transitions(plain)
        var state = ModelState(initial: plain)
        // Without a fault it ends by itself, sooner.
        while steps.count < length + Self.patience {
            var choices = Choices()
            transitions.forEach(from: state, into: &choices)
            guard let chosen = choices.pick(ending: steps.count >= length, using: &random) else { break }
            recorder.record(chosen.step, from: state, to: chosen.state, using: &random)
            steps.append(chosen.step)
            state = chosen.state
        }
        events = recorder.events
    }
}

private struct Choices: SuccessorSink {
    var all: [(state: ModelState, step: Step)] = []

    mutating func take(_ state: ModelState, _ step: Step) { all.append((state, step)) }

    /// Before the end is looked for, it comes seldom; then nothing new is begun where anything else can be done.
    func pick<Random: RandomNumberGenerator>(ending: Bool, using random: inout Random) -> (state: ModelState, step: Step)? {
        let finishing = all.filter { !$0.step.kind.begins }
        let going = all.filter { !$0.step.kind.ends }
        let pool = ending ? (finishing.isEmpty ? all : finishing) : (going.isEmpty || Int.random(in: 0..<64, using: &random) == 0 ? all : going)
        return pool.randomElement(using: &random)
    }
}

extension Step.Kind {
    /// Gives somebody a buffer that did not have it.
    fileprivate var begins: Bool {
        switch self {
        case .allocate, .takeFromCache, .takeFromRing, .refillReuse, .copyFallback, .takeReference, .startDelivery, .post, .restart: true
        default: false
        }
    }

    /// After it, something is gone for good.
    fileprivate var ends: Bool {
        switch self {
        case .restart, .close, .dropHandle, .closeSocket, .removeDevice, .freeProvider: true
        default: false
        }
    }
}

/// Writes down what the kernel's tracepoints, and whoever drives the kernel, would.
private struct Recorder {
    private let configuration: Configuration
    private let base: UInt64
    private var time: UInt64
    private var holds: [Int: UInt32] = [:]
    private var releases: [Int: UInt32] = [:]
    /// Given back and not counted yet, each in a context of its own.
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
            if old.state != .destroying && new.state == .destroying && new.inflight != 0 { look(pool, new, 1, &random) }
            if old.state == .destroying && new.state == .freed { look(pool, new, 2, &random) }
        }
        if after > before { add(.mark(.userHeld, count: after), 0, pid: 50, &random) }
    }

    /// `page_pool_release()` counts.
    private mutating func look<Random: RandomNumberGenerator>(_ pool: Int, _ now: Pool, _ attempts: UInt64, _ random: inout Random) {
        let release = TraceEvent.Action.poolRelease(
            inflight: Int32(now.inflight), hold: holds[pool] ?? 0, release: releases[pool] ?? 0, attempts: attempts)
        add(release, address(pool), pid: 60, &random)
    }

    private mutating func add<Random: RandomNumberGenerator>(
        _ action: TraceEvent.Action, _ pool: UInt64, pid: Int32, _ random: inout Random
    ) {
        // Further apart than clocks of two CPUs may be: what comes later here came later.
        time += UInt64.random(in: 150_000...2_000_000, using: &random)
        // NAPI stays on its CPU; everybody else is wherever the scheduler put them.
        let cpu = pid == 0 ? 0 : UInt32.random(in: 0..<4, using: &random)
        events.append(TraceEvent(time: time, cpu: cpu, pid: pid, flags: pid == 0 ? 0x10 : 0, pool: pool, action: action))
    }
}
