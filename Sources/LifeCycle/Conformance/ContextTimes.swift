// SPDX-License-Identifier: GPL-2.0

/// When each context recorded its latest event. A trace has few contexts, and mostly several events of one in a row.
struct ContextTimes {
    private var times: [UInt64: UInt64] = [:]
    private var current: UInt64 = 0
    private var currentTime: UInt64?

    /// Stores the time of an event and returns the time of the context's previous event.
    mutating func exchange(_ context: UInt64, _ time: UInt64) -> UInt64? {
        if context != current || currentTime == nil {
            if let currentTime { times[current] = currentTime }
            current = context
            currentTime = times[context]
        }
        defer { currentTime = time }
        return currentTime
    }
}
