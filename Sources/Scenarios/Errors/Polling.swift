// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI

/// Waits for conditions that no event reports: the condition is evaluated again and again, with pauses between, until it holds or the time is
/// over.
enum Polling {
    /// Pause between two evaluations, in milliseconds.
    private static let pause: CInt = 5

    /// Waits until `condition` holds.
    ///
    /// - Returns: whether it held within `seconds`. It is evaluated once at least.
    @discardableResult
    static func wait(within seconds: Double, pause: CInt = pause, until condition: () throws -> Bool) rethrows -> Bool {
        let deadline = Deadline(seconds: seconds)
        while try !condition() {
            if deadline.hasPassed { return false }
            _ = poll(nil, 0, pause)
        }
        return true
    }

    /// Waits until `condition` holds.
    ///
    /// - Parameter failure: what is wrong where it does not hold; " after N s" is appended.
    /// - Throws: `ScenarioFailure` where it did not hold within `seconds`.
    static func wait(
        within seconds: Double, orFail failure: @autoclosure () -> String, pause: CInt = pause, until condition: () throws -> Bool
    ) throws {
        guard try wait(within: seconds, pause: pause, until: condition) else { throw ScenarioFailure("\(failure()) after \(seconds) s") }
    }

    /// Waits until `body` has a value, and returns it.
    ///
    /// - Throws: `ScenarioFailure` where it had none within `seconds`.
    static func value<Value>(
        within seconds: Double, orFail failure: @autoclosure () -> String, pause: CInt = pause, _ body: () throws -> Value?
    ) throws -> Value {
        var value: Value?
        try wait(within: seconds, orFail: failure(), pause: pause) {
            value = try body()
            return value != nil
        }
        guard let value else { throw ScenarioFailure(failure()) }
        return value
    }
}
