// SPDX-License-Identifier: GPL-2.0

/// Matches the holds and releases of every netmem (invariant I2). The events are almost, but not always, in order.
///
/// The reason: `page_pool_return_netmem()` (net/core/page_pool.c) first returns the net_iov to its provider, then counts, then
/// records. Another context (on another CPU, or a softirq or task that interrupts this one) can allocate the net_iov in between, and
/// its hold is recorded first. If the host does not run the vCPU in that window, the window has no bound. So a hold of a netmem that
/// is still held is first an *unmatched hold*. It is matched by a release from a context that recorded nothing since before that
/// hold, because only such a context can have been inside the window. A hold that stays unmatched is a violation.
///
/// A hold is recorded before its netmem is passed on, so a release before its hold can only come from a difference of the clocks.
struct NetmemLedger {
    /// Where an event is in the trace.
    struct Mark {
        /// Index in `PoolAccounting.pools`.
        var pool: Int32
        var cpu: UInt32
        /// Index of the event.
        var event: Int
        var time: UInt64
    }

    /// A hold of a netmem that a pool still holds, without a matching release so far.
    private struct UnmatchedHold {
        var hold: Mark
        /// The pool that holds the netmem already.
        var holder: Int32
    }

    /// A netmem whose holds and releases do not alternate so far.
    private struct Ambiguous {
        var held: [Mark] = []
        var unmatchedHolds: [UnmatchedHold] = []
        var early: [EarlyRelease] = []
    }

    /// A release without a hold so far.
    private struct EarlyRelease {
        var release: Mark
        /// Its hold can be before the recording.
        var first: Bool
    }

    /// A release without a hold in the trace.
    struct UnmatchedRelease {
        var release: Mark
        var netmem: UInt64
        /// The netmem has no earlier event: its hold can be before the recording.
        var first: Bool
    }

    /// A hold of a netmem that a pool still held.
    struct SecondHold {
        var hold: Mark
        var netmem: UInt64
        var holder: Int32
    }

    /// The most findings of a kind that are stored; further ones are only counted.
    private static let limit = 4096

    /// The most holds, and the most releases, of one netmem that wait for their match. As many CPUs cannot be inside the window at once, and each
    /// event of the netmem takes the time of all that wait.
    private static let stateLimit = 64

    private let tolerance: PoolLedger.Tolerance
    /// The common case: held by one pool, or released.
    private var table = NetmemTable()
    private var ambiguous: [UInt64: Ambiguous] = [:]

    private(set) var secondHolds: [SecondHold] = []
    private(set) var unmatchedReleases: [UnmatchedRelease] = []
    /// Findings that exceed `limit`.
    private(set) var dropped = 0

    /// Netmems that can be followed: as many as 64 GiB of pages.
    private static let netmemLimit = 1 << 24
    /// The trace has more netmems than can be followed.
    var isFull: Bool { table.count > Self.netmemLimit }

    init(tolerance: PoolLedger.Tolerance) {
        self.tolerance = tolerance
    }

    /// - Returns: how many times this pool has held this netmem, this time included.
    @inline(__always)
    mutating func hold(_ netmem: UInt64, _ mark: Mark) -> UInt32 {
        let slot = table.slot(of: netmem)
        let before = table[slot]
        let times = before.state != .unknown && before.mark.pool == mark.pool ? before.holds &+ 1 : 1
        switch before.state {
        case .unknown, .released: table[slot] = NetmemTable.Entry(netmem: netmem, state: .held, holds: times, mark: mark)
        case .held, .ambiguous: holdAmbiguous(netmem, mark, slot, times)
        }
        return times
    }

    private mutating func holdAmbiguous(_ netmem: UInt64, _ mark: Mark, _ slot: Int, _ times: UInt32) {
        let before = table[slot]
        table[slot] = NetmemTable.Entry(netmem: netmem, state: .ambiguous, holds: times, mark: mark)
        guard before.state == .ambiguous, var state = ambiguous[netmem] else {
            ambiguous[netmem] = Ambiguous(
                held: [before.mark, mark], unmatchedHolds: [UnmatchedHold(hold: mark, holder: before.mark.pool)])
            return
        }
        guard state.held.count < Self.stateLimit else {
            report(SecondHold(hold: mark, netmem: netmem, holder: before.mark.pool))
            return
        }
        pairEarly(&state)
        if state.held.count > state.unmatchedHolds.count, let holder = state.held.last {
            state.unmatchedHolds.append(UnmatchedHold(hold: mark, holder: holder.pool))
        }
        state.held.append(mark)
        resolve(netmem, state, slot)
    }

    /// - Parameter noEventSince: when the context of the release recorded its previous event. nil if there is none, or if the trace does not
    ///   distinguish contexts: then any context can have been inside the window.
    @inline(__always)
    mutating func release(_ netmem: UInt64, _ mark: Mark, noEventSince: UInt64?) {
        let slot = table.slot(of: netmem)
        if table[slot].state == .held && table[slot].mark.pool == mark.pool {
            table[slot].state = .released
            return
        }
        releaseAmbiguous(netmem, mark, noEventSince, slot)
    }

    private mutating func releaseAmbiguous(_ netmem: UInt64, _ mark: Mark, _ noEventSince: UInt64?, _ slot: Int) {
        let before = table[slot]
        guard before.state == .ambiguous, var state = ambiguous[netmem] else {
            // The hold of another pool can be recorded before this release, within the time that a release can take to be recorded.
            // A second release of a released netmem is not a first one.
            let late = before.state == .held && explains(mark, before: before.mark, noEventSince: noEventSince)
            let first = before.state == .unknown || late
            ambiguous[netmem] = Ambiguous(
                held: before.state == .held ? [before.mark] : [], early: [EarlyRelease(release: mark, first: first)])
            let shown = before.state == .unknown ? mark : before.mark
            table[slot] = NetmemTable.Entry(netmem: netmem, state: .ambiguous, holds: before.holds, mark: shown)
            return
        }
        if let index = state.held.firstIndex(where: { $0.pool == mark.pool }) {
            state.held.remove(at: index)
            if let match = state.unmatchedHolds.firstIndex(where: { matches(mark, $0, noEventSince: noEventSince) }) {
                state.unmatchedHolds.remove(at: match)
            } else if state.unmatchedHolds.count > state.held.count {
                let unmatched = state.unmatchedHolds.removeFirst()
                report(SecondHold(hold: unmatched.hold, netmem: netmem, holder: unmatched.holder))
            }
        } else if state.early.count < Self.stateLimit {
            state.early.append(EarlyRelease(release: mark, first: false))
        } else {
            dropped += 1
        }
        resolve(netmem, state, slot)
    }

    private mutating func report(_ second: SecondHold) {
        if secondHolds.count < Self.limit { secondHolds.append(second) } else { dropped += 1 }
    }

    /// The recording has ended: what is still unmatched is a violation.
    mutating func finish() {
        for (netmem, state) in ambiguous {
            var state = state
            pairEarly(&state)
            for unmatched in state.unmatchedHolds {
                report(SecondHold(hold: unmatched.hold, netmem: netmem, holder: unmatched.holder))
            }
            unmatchedReleases += state.early.map { UnmatchedRelease(release: $0.release, netmem: netmem, first: $0.first) }
        }
        ambiguous = [:]
        secondHolds.sort { $0.hold.event < $1.hold.event }
        unmatchedReleases.sort { $0.release.event < $1.release.event }
    }

    /// The pool that holds the netmem, by its newest hold; nil if none does.
    mutating func holder(of netmem: UInt64) -> Int32? {
        let entry = table[table.slot(of: netmem)]
        switch entry.state {
        case .held: return entry.mark.pool
        case .ambiguous: return ambiguous[netmem]?.held.last?.pool
        case .released, .unknown: return nil
        }
    }

    /// Pairs releases with holds that were recorded after them. Used only after all else, as such a release can also belong to a hold before the
    /// recording, and the release of the later hold can still follow.
    private func pairEarly(_ state: inout Ambiguous) {
        for hold in state.held.indices.reversed() {
            let mark = state.held[hold]
            guard
                let release = state.early.firstIndex(where: {
                    $0.release.pool == mark.pool && clocksExplain(earlier: $0.release, mark)
                })
            else { continue }
            state.early.remove(at: release)
            state.held.remove(at: hold)
        }
    }

    /// Stores an ambiguous state, or returns to the common case.
    private mutating func resolve(_ netmem: UInt64, _ state: Ambiguous, _ slot: Int) {
        guard state.unmatchedHolds.isEmpty && state.early.isEmpty && state.held.count <= 1 else {
            ambiguous[netmem] = state
            return
        }
        ambiguous[netmem] = nil
        table[slot].state = state.held.isEmpty ? .released : .held
        if let mark = state.held.first { table[slot].mark = mark }
    }

    /// The clocks of two CPUs can have reversed the order of the two events.
    private func clocksExplain(earlier: Mark, _ later: Mark) -> Bool {
        earlier.cpu != later.cpu && later.time &- earlier.time <= tolerance.clockSkew
    }

    /// The release matches the hold: it is of the pool that held the netmem before.
    private func matches(_ release: Mark, _ unmatched: UnmatchedHold, noEventSince: UInt64?) -> Bool {
        release.pool == unmatched.holder && explains(release, before: unmatched.hold, noEventSince: noEventSince)
    }

    /// The context of the release can have returned the netmem before that hold, and recorded it after.
    private func explains(_ release: Mark, before hold: Mark, noEventSince: UInt64?) -> Bool {
        if clocksExplain(earlier: hold, release) { return true }
        guard release.time &- hold.time <= tolerance.recordingDelay else { return false }
        guard let noEventSince else { return true }
        return release.cpu == hold.cpu ? noEventSince < hold.time : noEventSince <= hold.time &+ tolerance.clockSkew
    }
}
