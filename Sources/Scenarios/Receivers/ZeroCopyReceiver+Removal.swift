// SPDX-License-Identifier: GPL-2.0

import Results

extension ZeroCopyReceiver {
    /// Receives over a new connection, holds all payload, and removes the interface: the pool is detached then.
    func receiveAndRemove(_ run: ScenarioRun, _ bed: any TestBed, _ pattern: PayloadPattern, bytes: UInt64 = 50_000) throws {
        let socket = try bed.connect(run)
        try run.step("\(bytes) bytes received and held") {
            try bed.peer.send(pattern, bytes: bytes)
            try receive(from: socket.rawValue, total: bytes, hold: true, within: run.timeout(20))
        }
        try run.userHolds(heldNetIovs)
        try run.pools.observe()
        try run.step("interface removed") { try bed.remove() }
        try run.expectDetachedPool(of: .zcrx)
    }
}
