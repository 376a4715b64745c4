// SPDX-License-Identifier: GPL-2.0

import Glibc

/// Waits for a descriptor that another object owns.
enum Readiness {
    /// Returns when there is something to read, or at the limit.
    static func wait(_ descriptor: CInt, milliseconds: CInt) throws {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        if poll(&entry, 1, milliseconds) < 0 && errno != EINTR { throw ScenarioFailure("poll failed with errno \(errno)") }
    }
}
