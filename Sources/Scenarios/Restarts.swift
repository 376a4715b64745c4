// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// A bound queue restarted under its provider: each restart gives the old pool's buffers back to the provider and fills a
/// new pool from it, so a buffer that is lost on the way home is missed here.
enum Restarts {
    private static let modes = [0, 1, 2, 3]
    /// Pages of the area or dma-buf: hardly more than the queue posts, so that a buffer that does not come home is missed.
    static let pages = 320
    private static let bytesBetween: UInt64 = 60_000

    /// Restarts the queue in each mode, moving bytes of one stream after each.
    ///
    /// - Parameters:
    ///   - receive: receives from the socket until that many bytes of the stream are there.
    ///   - send: has the peer send that many bytes.
    static func drive(
        _ run: ScenarioRun, _ bed: TestBed, receive: (CInt, UInt64) throws -> Void, send: (UInt64) throws -> Void
    ) throws {
        let socket = try bed.connect(run)
        // One stream, one sender: the bytes of all rounds, of which the window lets through what is read.
        try send(bytesBetween * UInt64(modes.count))
        var total: UInt64 = 0
        for mode in modes {
            try run.step("queue restarted, mode \(mode)") { try bed.resetQueue(mode: mode) }
            try filled(run)
            total += bytesBetween
            try run.step("\(bytesBetween) bytes received") { try receive(socket.rawValue, total) }
            try run.pools.observe()
        }
        socket.close()
    }

    /// The new pool could post all that the old pools do not still have out.
    private static func filled(_ run: ScenarioRun) throws {
        let provider = run.scenario.expectation.provider
        var seen = ""
        let enough = try run.pools.wait(within: run.patience(2)) { records in
            let own = records.filter { $0.provider == provider }
            let out = own.filter { $0.detached }.reduce(0) { $0 + Int($1.inflight) }
            let due = min(Netdevsim.ringSize, pages - out)
            guard let pool = own.first(where: { !$0.detached }) else {
                seen = "no pool of \(provider.rawValue) is attached"
                return false
            }
            seen = "page pool \(pool.id) (\(provider.rawValue)) has \(pool.inflight) net_iovs in flight, \(out) are out of older pools; "
                + "of \(pages) it could post \(due), so \(due - Int(pool.inflight)) did not come home"
            return Int(pool.inflight) >= due
        }
        try run.expect(enough, "every buffer came home to the provider and was posted again", seen)
    }
}
