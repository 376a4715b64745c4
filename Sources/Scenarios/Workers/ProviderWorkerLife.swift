// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

extension ProviderWorker {
    /// One life cycle: bound, connected, received and held, closed and ended.
    func life(_ bed: any TestBed, _ run: ScenarioRun, seed: UInt64, _ provider: Provider) throws {
        try ask("bind \(seed)")
        try run.userBound()
        try ask("listen")
        try bed.peer.connect(to: bed.local, port: Connection.port, within: run.timeout(10))
        try ask("accept")
        try bed.peer.send(PayloadPattern(seed: seed), bytes: 40_000)
        let held = Int(try ask("receive 40000 hold")) ?? 0
        try run.userHolds(held)
        try run.pools.observe()
        try ask("recheck")
        try run.userEnds()
        try ask("close")
        try ask("end")
    }

    /// Its counts when they are `goal`, or when the time is over: the memory of a ring is freed asynchronously.
    func settled(_ run: ScenarioRun, within seconds: Double, at goal: String?) throws -> String {
        var counts = ""
        try run.wait(timeout: seconds) {
            counts = try ask("counts")
            return goal.map { counts == $0 } ?? counts.hasSuffix(" 0")
        }
        return counts
    }
}
