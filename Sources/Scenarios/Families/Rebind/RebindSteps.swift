// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// Steps that the scenarios of this family share.
extension RebindFamily {
    /// Bytes of each connection.
    static let bytes: UInt64 = 60_000

    static func scenario(
        _ provider: Provider, _ name: String, _ summary: String, detached: Bool = false, pools: Int = 2, needs: Set<Need> = [],
        thorough: Bool = false, _ body: @escaping @Sendable (ScenarioRun) throws -> Void
    ) -> Scenario {
        Scenario(
            "rebind.\(provider.rawValue).\(name)", "\(provider.rawValue) bound again at once \(summary)", tier: .netdevsim,
            needs: provider.needs.union(needs),
            expects: Expectation(
                provider: provider, minimumHolds: 512, zeroCopy: true, detachedPool: detached, payload: true,
                pools: ExpectedPools(count: pools, traffic: true)),
            thorough: thorough, body)
    }

    /// The payload of all bindings of a run.
    struct Total {
        var sent: UInt64 = 0
        var zeroCopy: UInt64 = 0
        var copied: UInt64 = 0

        var payload: PayloadRecord {
            PayloadRecord(
                sent: sent, received: zeroCopy + copied, zeroCopy: zeroCopy, copied: copied, firstMismatch: nil, complete: true)
        }
    }

    /// Binds, and tries again while the queue is still bound (EEXIST). The step reports the number of refusals and the time.
    ///
    /// - Parameter retrying: false where no refusal is expected at all.
    static func bind(_ run: ScenarioRun, _ provider: Provider, _ bed: any TestBed, retrying: Bool = true) throws -> MultiStreamReceiver {
        var made: MultiStreamReceiver?
        try run.measuredStep("bound again") {
            let began = MonotonicClock.now
            let deadline = Deadline(seconds: run.timeout(5))
            var refusals = 0
            while true {
                let tried = MonotonicClock.now
                do {
                    made = try provider.bindOnce(run, bed: bed)
                    // A try takes time of its own, most of it before the request for the queue.
                    return "\(refusals) \(refusals == 1 ? "refusal" : "refusals"); the try that began after \(milliseconds(tried - began)) ms "
                        + "was granted, and took \(milliseconds(MonotonicClock.now - tried)) ms"
                } catch let error as KernelError {
                    guard retrying, error.code == EEXIST else { throw error }
                    refusals += 1
                    guard !deadline.hasPassed else { throw ScenarioFailure("still bound after \(refusals) tries: \(error)") }
                    sched_yield()
                }
            }
        }
        guard let made else { throw ScenarioFailure("nothing was bound") }
        try run.userBound()
        return made
    }

    private static func milliseconds(_ nanoseconds: UInt64) -> String {
        let tenths = (nanoseconds + 50_000) / 100_000
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// Receives ``bytes`` over a new connection.
    ///
    /// - Parameter hold: the user holds the payload.
    static func receive(
        _ run: ScenarioRun, _ bed: any TestBed, _ streams: MultiStreamReceiver, _ total: inout Total, seed: UInt64, hold: Bool = false
    ) throws {
        let number = Int(seed)
        let pattern = PayloadPattern(seed: 900 + seed)
        let socket = try bed.connect(run, number)
        let stream = streams.add(socket, pattern)
        try run.step("\(bytes) bytes received and \(hold ? "held" : "returned")") {
            try bed.peer.write(number, pattern, bytes: bytes, sizes: [4096])
            try streams.receive([stream: bytes], hold: hold, within: run.timeout(20))
        }
        let sent = try bed.peer.written(number, within: run.timeout(10))
        total.sent += sent
        let payload = try streams.payload(sent: sent)
        total.zeroCopy += payload.zeroCopy
        total.copied += payload.copied
        try run.pools.observe()
        // Tokens of devmem TCP belong to the socket, so the socket stays open where they are held.
        if !hold {
            socket.close()
            try bed.peer.shut(number)
        }
    }

    static func finish(_ run: ScenarioRun, _ streams: MultiStreamReceiver, _ total: Total) throws {
        run.payload = total.payload
        try run.step("provider ended") { streams.end() }
    }
}
