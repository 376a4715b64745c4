// SPDX-License-Identifier: GPL-2.0

internal import Glibc
internal import Synchronization

/// Handles that went out of scope without `close()`.
///
/// The end of a handle is an event of its scenario (a binding is removed, a provider is torn down), so scenarios call `close()`. A handle that is
/// dropped frees what it owns all the same, so that an error does not leak and does not end the agent. It is reported on standard error and counted
/// here, so that a scenario that passed with dropped handles can be failed.
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
