// SPDX-License-Identifier: GPL-2.0

/// Compares the number of net_iovs that user space holds, by its marks, with the number in flight (I5): a pool holds each net_iov that
/// user space holds.
struct UserHoldings {
    /// A release after which fewer net_iovs were in flight than user space held.
    struct Early {
        var event: Int
        var time: UInt64
        var pool: UInt64
        var netmem: UInt64
        var held: Int64
        var inflight: Int64
    }

    private let skew: UInt64
    private var held: Int64 = 0
    private var inflight: Int64 = 0
    /// A pool is older than the recording, so the number in flight is unknown and nothing is reported.
    private var inflightIsUnknown = false
    private var early: Early?

    init(skew: UInt64) { self.skew = skew }

    @inline(__always)
    mutating func hold(isOld: Bool) {
        inflight += 1
        if isOld { inflightIsUnknown = true }
    }

    @inline(__always)
    mutating func release(_ event: TraceEvent, _ netmem: UInt64, at index: Int) {
        // A release without a hold: it was held before the recording began.
        if inflight == 0 { inflightIsUnknown = true }
        inflight -= 1
        if inflight < held && held > 0 && early == nil && !inflightIsUnknown {
            early = Early(event: index, time: event.time, pool: event.pool, netmem: netmem, held: held, inflight: inflight)
        }
    }

    mutating func mark(_ mark: TraceEvent.Mark, _ count: UInt32) {
        held = mark == .userHeld ? Int64(count) : 0
    }

    /// The early release, as soon as a difference of the clocks cannot explain it. A mark or a hold shortly after it can still explain it:
    /// then it is dropped.
    @inline(__always)
    mutating func confirmed(at time: UInt64) -> Early? {
        guard let found = early, time == .max || time > found.time &+ skew else { return nil }
        early = nil
        return inflight < held && held > 0 && !inflightIsUnknown ? found : nil
    }
}
