// SPDX-License-Identifier: GPL-2.0

import KernelABI

/// A bound queue restarted under its provider: each restart gives the old pool's buffers back to the provider and fills a
/// new pool from it, so a buffer that is lost on the way home is missed here.
enum Restarts {
    private static let modes = [0, 1, 2, 3]
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
            total += bytesBetween
            try run.step("\(bytesBetween) bytes received") { try receive(socket.rawValue, total) }
            try run.pools.observe()
        }
        socket.close()
    }
}
