// SPDX-License-Identifier: GPL-2.0

import KernelABI

/// A thread that restarts a queue as often as it is allowed to, so that restarts happen under traffic.
final class BackgroundRestarts {
    private let times: Int
    private let permits: Semaphore
    private let thread: WorkerThread<Int>
    private var allowed = 0

    /// - Parameters:
    ///   - times: restarts to do.
    ///   - reset: one restart.
    init(_ times: Int, reset: @escaping @Sendable () throws -> Void) throws {
        self.times = times
        let permits = Semaphore()
        self.permits = permits
        thread = try WorkerThread("restarts") { stop in
            for done in 0..<times {
                permits.wait()
                if stop.isRequested { return done }
                do {
                    try reset()
                } catch {
                    throw ScenarioFailure("restart \(done + 1) of \(times): \(error)")
                }
            }
            return times
        }
    }

    /// Allows one restart more; the thread does it when it is scheduled.
    func allowOne() {
        allowed += 1
        permits.signal()
    }

    /// Allows the restarts that are left, and waits for all.
    func join() throws {
        allowRest()
        let done = try thread.join()
        guard done == times else { throw ScenarioFailure("\(done) of \(times) restarts were done") }
    }

    /// Ends the thread, however many restarts are left. A second call does nothing.
    func abandon() {
        thread.requestStop()
        allowRest()
        thread.wait()
    }

    private func allowRest() {
        while allowed < times { allowOne() }
    }
}
