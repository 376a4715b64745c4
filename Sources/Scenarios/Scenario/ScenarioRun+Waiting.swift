// SPDX-License-Identifier: GPL-2.0

import KernelABI

extension ScenarioRun {
    /// Waits until `condition` holds, and makes every CPU run its receive softirq between two evaluations: an idle CPU frees what was deferred to it
    /// only then.
    ///
    /// - Parameter seconds: before scaling.
    /// - Returns: whether it held in time.
    @discardableResult
    func wait(timeout seconds: Double, pause: Double = 0.01, until condition: () throws -> Bool) throws -> Bool {
        let deadline = Deadline(seconds: timeout(seconds))
        while try !condition() {
            if deadline.hasPassed { return false }
            try pools.runSoftirqs(for: pause)
        }
        return true
    }

    /// Waits as above, and fails the scenario where the condition does not hold in time.
    ///
    /// - Parameter failure: what is wrong then; " after N s" is appended.
    func wait(
        orFail failure: @autoclosure () throws -> String, timeout seconds: Double, pause: Double = 0.01, until condition: () throws -> Bool
    ) throws {
        guard try wait(timeout: seconds, pause: pause, until: condition) else {
            throw ScenarioFailure("\(try failure()) after \(timeout(seconds)) s")
        }
    }
}
