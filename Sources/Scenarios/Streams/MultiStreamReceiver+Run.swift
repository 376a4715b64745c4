// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results

/// Steps that many scenarios take with a receiver of several streams.
extension MultiStreamReceiver {
    /// The usual end: the payload is recorded, the socket closes, then the provider ends.
    func finish(_ run: ScenarioRun, _ socket: Connection, sent: UInt64) throws {
        run.payload = try payload(sent: sent)
        try run.pools.observe()
        socket.close()
        try run.step("provider ended") { end() }
    }

    /// Checks that what the user holds is unchanged, and returns it.
    func returnHeld(_ run: ScenarioRun) throws {
        try run.step("\(held.count) held deliveries are unchanged") { try recheckHeld() }
        try run.userHolds(0)
        try run.step("all returned") {
            try returnBuffers()
            try settle()
        }
    }

    /// Receives up to byte `goal` of a stream, and submits another receive each time the completion queue was full (`ENOSPC`).
    ///
    /// - Parameters:
    ///   - hold: the user holds the deliveries.
    ///   - between: done before a receive is submitted again.
    /// - Returns: how often the completion queue was full.
    func receiveRearming(
        _ stream: Int, _ goal: UInt64, hold: Bool = false, within seconds: Double, between: () throws -> Void = {}
    ) throws -> Int {
        let deadline = Deadline(seconds: seconds)
        var full = 0
        while true {
            do {
                try receive([stream: goal], hold: hold, within: seconds)
                return full
            } catch {
                guard failure(stream)?.code == ENOSPC, !deadline.hasPassed else { throw error }
                clearFailure(stream)
                full += 1
                try between()
            }
        }
    }
}
