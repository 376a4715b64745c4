// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// A bound queue restarted under its provider: each restart gives the old pool's buffers back to the provider and fills a
/// new pool from it, so a buffer that is lost on the way home is missed here.
enum RestartDriver {
    private static let modes = [0, 1, 2, 3]
    /// Pages of the area or dma-buf: no more than the queue posts, so that a single buffer that does not come home is missed.
    static let pages = Netdevsim.certainPages
    /// One pool at bind, and one for each restart.
    static let expectedPools = ExpectedPools(count: 1 + modes.count, buffers: UInt64(pages), traffic: true)
    /// Bytes that each look at the pools may take, to have the queue polled.
    private static let nudge: UInt64 = 4096
    private static let looks = 50
    private static let bytesBetween: UInt64 = 60_000

    /// Restarts the queue in each mode, moving bytes of one stream after each.
    ///
    /// - Parameters:
    ///   - receive: receives from the socket until that many bytes of the stream are there.
    ///   - send: has the peer send that many bytes.
    static func drive(
        _ run: ScenarioRun, _ bed: any TestBed, receive: (CInt, UInt64) throws -> Void, send: (UInt64) throws -> Void
    ) throws {
        let socket = try bed.connect(run)
        // Else a fast sender fills the socket with all the buffers there are, and retransmits ever more slowly.
        try socket.limitReceiveBuffer(65_536)
        // One stream with more to come until the end: the sender is never out of data, so the queue is always polled again.
        let tail = nudge * UInt64(looks * modes.count)
        try send(bytesBetween * UInt64(modes.count) + tail)
        var total: UInt64 = 0
        for mode in modes {
            try run.step("queue restarted, mode \(mode)") { try bed.resetQueue(mode: mode) }
            total += bytesBetween
            try run.step("\(bytesBetween) bytes received") {
                do {
                    try receive(socket.rawValue, total)
                } catch {
                    throw ScenarioFailure("\(error); \(try account(run).text)")
                }
            }
            try run.step("every buffer came home and was posted again") {
                try allPosted(run) {
                    total += nudge
                    try receive(socket.rawValue, total)
                }
            }
        }
        try run.step("the rest received") { try receive(socket.rawValue, bytesBetween * UInt64(modes.count) + tail) }
        socket.close()
    }

    /// Every buffer is out of a pool: posted by the new one, or on its way through a socket. None is left with the provider,
    /// which a queue that can post empties at every poll, and none is lost.
    ///
    /// - Parameter poll: makes the queue take its buffers up again.
    private static func allPosted(_ run: ScenarioRun, poll: () throws -> Void) throws {
        var text = ""
        let deadline = Deadline(seconds: run.timeout(10))
        var polls = 0
        while !deadline.hasPassed {
            let seen = try account(run)
            if seen.out >= pages { return }
            text = seen.text
            if polls < looks {
                polls += 1
                try poll()
            } else {
                // The sender goes on by itself, at the latest when it retransmits.
                _ = try run.pools.wait(within: 0.02) { _ in false }
            }
        }
        throw ScenarioFailure(text)
    }

    /// Where the buffers are, as the netdev family's dump has it.
    private static func account(_ run: ScenarioRun) throws -> (out: Int, text: String) {
        let provider = run.scenario.expectation.provider.rawValue
        let own = try run.pools.observe().filter { $0.provider.rawValue == provider }
        let out = own.reduce(0) { $0 + Int($1.inflight) }
        let pools = own.map { "page pool \($0.id) (\(provider))\($0.detached ? ", detached," : "") has \($0.inflight) in flight" }
        return (out, "\(pools.joined(separator: "; ")): \(pages - out) of \(pages) net_iovs never came home to the provider")
    }
}
