// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// Restarts a bound queue under its provider. Each restart returns the old pool's buffers to the provider and fills a new pool from it, so a buffer
/// that is not returned is missing in the new pool.
enum RestartDriver {
    private static let modes = [0, 1, 2, 3]
    /// Pages of the area or dma-buf: no more than the queue posts, so that a single buffer that is not returned is found.
    static let pages = Netdevsim.certainPages
    /// One pool at bind, and one for each restart.
    static let expectedPools = ExpectedPools(count: 1 + modes.count, buffers: UInt64(pages), traffic: true)
    /// Bytes that are received before each dump of the pools, so that the driver polls the queue.
    private static let pollBytes: UInt64 = 4096
    /// Dumps after each restart.
    private static let dumps = 50
    private static let bytesBetween: UInt64 = 60_000

    /// Restarts the queue in each mode, moving bytes of one stream after each.
    ///
    /// - Parameters:
    ///   - receive: receives from the socket until that many bytes of the stream are there.
    ///   - send: makes the peer send that many bytes.
    static func drive(
        _ run: ScenarioRun, _ bed: any TestBed, receive: (CInt, UInt64) throws -> Void, send: (UInt64) throws -> Void
    ) throws {
        let socket = try bed.connect(run)
        // Otherwise a fast sender fills the socket with every buffer, and then retransmits at growing intervals.
        try socket.limitReceiveBuffer(65_536)
        // One stream until the end: the sender always has data, so the queue is always polled again.
        let tail = pollBytes * UInt64(dumps * modes.count)
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
            try run.step("every buffer was returned and posted again") {
                try allPosted(run) {
                    total += pollBytes
                    try receive(socket.rawValue, total)
                }
            }
        }
        try run.step("the rest received") { try receive(socket.rawValue, bytesBetween * UInt64(modes.count) + tail) }
        socket.close()
    }

    /// Every buffer is in flight: posted by the new pool, or in a socket. None is left in the provider's free list, because each poll of the queue posts
    /// all that are free, and none is lost.
    ///
    /// - Parameter poll: makes the driver poll the queue.
    private static func allPosted(_ run: ScenarioRun, poll: () throws -> Void) throws {
        var text = ""
        let deadline = Deadline(seconds: run.timeout(10))
        var polls = 0
        while !deadline.hasPassed {
            let seen = try account(run)
            if seen.out >= pages { return }
            text = seen.text
            if polls < dumps {
                polls += 1
                try poll()
            } else {
                // The sender continues by itself, at its next retransmission at the latest.
                _ = try run.pools.wait(within: 0.02) { _ in false }
            }
        }
        throw ScenarioFailure(text)
    }

    /// How many buffers are in flight, by the dump of the netdev family.
    private static func account(_ run: ScenarioRun) throws -> (out: Int, text: String) {
        let provider = run.scenario.expectation.provider.rawValue
        let own = try run.pools.observe().filter { $0.provider.rawValue == provider }
        let out = own.reduce(0) { $0 + Int($1.inflight) }
        let pools = own.map { "page pool \($0.id) (\(provider))\($0.detached ? ", detached," : "") has \($0.inflight) in flight" }
        return (out, "\(pools.joined(separator: "; ")): \(pages - out) of \(pages) net_iovs were not returned to the provider")
    }
}
