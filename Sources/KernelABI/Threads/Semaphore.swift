// SPDX-License-Identifier: GPL-2.0

internal import Glibc

/// A counting semaphore between threads (sem_init(3)).
public final class Semaphore: Sendable {
    // Several threads may use a sem_t at the same time; its memory is freed with this object.
    private nonisolated(unsafe) let raw: UnsafeMutablePointer<sem_t>

    /// - Parameter count: how many waits return before the first ``signal()``.
    public init(count: UInt32 = 0) {
        raw = .allocate(capacity: 1)
        raw.initialize(to: sem_t())
        sem_init(raw, 0, count)
    }

    deinit {
        sem_destroy(raw)
        raw.deallocate()
    }

    /// Lets one wait return.
    public func signal() { sem_post(raw) }

    /// Waits for one ``signal()``.
    public func wait() {
        while sem_wait(raw) != 0 {}
    }
}
