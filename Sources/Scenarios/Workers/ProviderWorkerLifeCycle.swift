// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

extension ProviderWorker {
    /// One life cycle: bound, connected, received and held, closed and ended.
    func lifeCycle(_ bed: any TestBed, _ run: ScenarioRun, seed: UInt64, _ provider: Provider) throws {
        try perform("bind \(seed)")
        try run.userBound()
        try perform("listen")
        try bed.peer.connect(to: bed.local, port: Connection.port, within: run.timeout(10))
        try perform("accept")
        try bed.peer.send(PayloadPattern(seed: seed), bytes: 40_000)
        let held = Int(try perform("receive 40000 hold")) ?? 0
        try run.userHolds(held)
        try run.pools.observe()
        try perform("recheck")
        try run.userEnds()
        try perform("close")
        try perform("end")
    }

    /// Its counts when they are `goal`, or when the time is over: the memory of a ring is freed asynchronously.
    func settled(_ run: ScenarioRun, within seconds: Double, at goal: String?) throws -> String {
        var counts = ""
        try run.wait(timeout: seconds) {
            counts = try perform("counts")
            return goal.map { counts == $0 } ?? counts.hasSuffix(" 0")
        }
        return counts
    }
}
