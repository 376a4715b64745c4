// SPDX-License-Identifier: GPL-2.0

internal import Glibc
internal import Synchronization

/// Handles that went out of scope without being closed.
///
/// A handle's end is an event of its scenario (a binding goes, a provider is torn down), so it is said with `close()`. A handle
/// that is merely dropped still frees what it owns, for an error on its way up must not leak and must not kill the agent; but it
/// says so on standard error, and is counted here, so that a scenario that passed with dropped handles can be failed.
public enum DroppedHandles {
    private static let counter = Atomic<Int>(0)

    /// How many handles of this process were dropped so far.
    public static var count: Int { counter.load(ordering: .relaxed) }

    static func note(_ what: String) {
        counter.add(1, ordering: .relaxed)
        let line = "ppiov: \(what) was dropped without close()\n"
        var bytes = Array(line.utf8)
        _ = write(STDERR_FILENO, &bytes, bytes.count)
    }
}
