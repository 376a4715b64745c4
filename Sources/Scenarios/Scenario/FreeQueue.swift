// SPDX-License-Identifier: GPL-2.0

import Results

extension ScenarioRun {
    /// The queue of the provider is free: no pool of the provider is in use. The kernel ends a zcrx provider after close(2)
    /// (`io_ring_exit_work()`).
    ///
    /// - Parameters:
    ///   - seconds: to wait for that, before scaling.
    ///   - runningSoftirqs: makes every CPU run its receive softirq meanwhile.
    func expectFreeQueue(of provider: Provider, within seconds: Double = 10, runningSoftirqs: Bool = false) throws {
        let isFree = try pools.wait(within: timeout(seconds), runningSoftirqs: runningSoftirqs) { records in
            !records.contains { $0.provider == provider && !$0.detached }
        }
        try expect(isFree, "the queue is free", "it is still bound after \(timeout(seconds)) s")
    }
}
