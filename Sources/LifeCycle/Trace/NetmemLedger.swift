// SPDX-License-Identifier: GPL-2.0

/// Follows every netmem's holds and releases (invariant I2) through events that are only nearly in order.
///
/// Why nearly: `page_pool_return_netmem()` (net/core/page_pool.c) first gives the net_iov back to its provider, then counts, then
/// records. Whoever takes it from the provider meanwhile (another CPU; a softirq or a task that preempted this one) records its
/// hold first, and a vCPU that lost its host CPU in that window widens it to whatever the host likes. So a hold of a netmem that
/// is held is only a *debt*: it is paid by a release from a context that recorded nothing since before that hold, because only
/// such a context can have been inside that window. Unpaid, it is a violation.
///
/// A hold is recorded before its netmem is handed to anyone, so a release before its hold is explained by the CPUs' clocks alone.
struct NetmemLedger {
    struct Mark {
        /// Index of the pool generation.
        var pool: Int32
        var cpu: UInt32
        /// Index of the event.
        var event: Int
        var time: UInt64
    }

    private struct Debt {
        var hold: Mark
        /// The pool that held the netmem already.
        var holder: Int32
    }

    /// A netmem for which something is out of the ordinary.
    private struct Unsettled {
        var held: [Mark] = []
        var debts: [Debt] = []
        var early: [Early] = []
    }

    /// A release without a hold, so far.
    private struct Early {
        var release: Mark
        /// Nothing says that the recording should have its hold: that may have come before.
        var first: Bool
    }

    /// A release that no hold explains.
    struct Unmatched {
        var release: Mark
        var netmem: UInt64
        /// Nothing of this netmem was seen before: its hold may lie before the recording.
        var first: Bool
    }

    struct SecondHold {
        var hold: Mark
        var netmem: UInt64
        var holder: Int32
    }

    /// More than this of a kind help nobody; they are counted.
    private static let limit = 4096

    private let tolerance: PoolLedger.Tolerance
    /// The ordinary case: held by one pool, or at home.
    private var table = NetmemTable()
    private var unsettled: [UInt64: Unsettled] = [:]

    private(set) var secondHolds: [SecondHold] = []
    private(set) var unmatched: [Unmatched] = []
    /// Beyond `limit`.
    private(set) var dropped = 0

    /// 64 GiB of pages: more is no trace, or too much to follow.
    private static let netmemLimit = 1 << 24
    var isFull: Bool { table.count > Self.netmemLimit }

    init(tolerance: PoolLedger.Tolerance) {
        self.tolerance = tolerance
    }

    /// - Returns: how often this pool has held this netmem, this time included.
    @inline(__always)
    mutating func hold(_ netmem: UInt64, _ mark: Mark) -> UInt32 {
        let place = table.place(of: netmem)
        let before = table[place]
        let times = before.state != .unknown && before.mark.pool == mark.pool ? before.holds &+ 1 : 1
        switch before.state {
        case .unknown, .home: table[place] = NetmemTable.Entry(netmem: netmem, state: .held, holds: times, mark: mark)
        case .held, .unsettled: holdUnsettled(netmem, mark, place, times)
        }
        return times
    }

    private mutating func holdUnsettled(_ netmem: UInt64, _ mark: Mark, _ place: Int, _ times: UInt32) {
        let before = table[place]
        table[place] = NetmemTable.Entry(netmem: netmem, state: .unsettled, holds: times, mark: mark)
        guard before.state == .unsettled, var state = unsettled[netmem] else {
            unsettled[netmem] = Unsettled(held: [before.mark, mark], debts: [Debt(hold: mark, holder: before.mark.pool)])
            return
        }
        pairEarly(&state)
        if state.held.count > state.debts.count, let holder = state.held.last {
            state.debts.append(Debt(hold: mark, holder: holder.pool))
        }
        state.held.append(mark)
        settle(netmem, state, place)
    }

    /// - Parameter silentSince: when the context that recorded the release had recorded its event before; nil where it never had, or where the trace
    ///   does not tell contexts apart, which is then to the trace's favour.
    @inline(__always)
    mutating func release(_ netmem: UInt64, _ mark: Mark, silentSince: UInt64?) {
        let place = table.place(of: netmem)
        if table[place].state == .held && table[place].mark.pool == mark.pool {
            table[place].state = .home
            return
        }
        releaseUnsettled(netmem, mark, silentSince, place)
    }

    private mutating func releaseUnsettled(_ netmem: UInt64, _ mark: Mark, _ silentSince: UInt64?, _ place: Int) {
        let before = table[place]
        guard before.state == .unsettled, var state = unsettled[netmem] else {
            // Another pool's hold may be recorded before this release, within the time that a release may take to be recorded; a
            // second release of a netmem at home is no first one.
            let late = before.state == .held && explains(mark, taken: before.mark, silentSince: silentSince)
            let first = before.state == .unknown || late
            unsettled[netmem] = Unsettled(
                held: before.state == .held ? [before.mark] : [], early: [Early(release: mark, first: first)])
            let shown = before.state == .unknown ? mark : before.mark
            table[place] = NetmemTable.Entry(netmem: netmem, state: .unsettled, holds: before.holds, mark: shown)
            return
        }
        if let index = state.held.firstIndex(where: { $0.pool == mark.pool }) {
            state.held.remove(at: index)
            if let paid = state.debts.firstIndex(where: { pays(mark, $0, silentSince: silentSince) }) {
                state.debts.remove(at: paid)
            } else if state.debts.count > state.held.count {
                let debt = state.debts.removeFirst()
                report(SecondHold(hold: debt.hold, netmem: netmem, holder: debt.holder))
            }
        } else if state.early.count < Self.limit {
            state.early.append(Early(release: mark, first: false))
        } else {
            dropped += 1
        }
        settle(netmem, state, place)
    }

    private mutating func report(_ second: SecondHold) {
        if secondHolds.count < Self.limit { secondHolds.append(second) } else { dropped += 1 }
    }

    /// What is still unsettled at the end of the recording is wrong.
    mutating func finish() {
        for (netmem, state) in unsettled {
            var state = state
            pairEarly(&state)
            for debt in state.debts { report(SecondHold(hold: debt.hold, netmem: netmem, holder: debt.holder)) }
            unmatched += state.early.map { Unmatched(release: $0.release, netmem: netmem, first: $0.first) }
        }
        unsettled = [:]
        secondHolds.sort { $0.hold.event < $1.hold.event }
        unmatched.sort { $0.release.event < $1.release.event }
    }

    /// The pool generation that has the netmem, by the newest hold.
    mutating func holder(of netmem: UInt64) -> Int32? {
        let entry = table[table.place(of: netmem)]
        switch entry.state {
        case .held: return entry.mark.pool
        case .unsettled: return unsettled[netmem]?.held.last?.pool
        case .home, .unknown: return nil
        }
    }

    /// Pairs releases that were recorded before their holds with these. Only when nothing else explains them: a release that
    /// came first can as well be of a hold before the recording, and the hold after it have its own release still to come.
    private func pairEarly(_ state: inout Unsettled) {
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

    /// Keeps what is out of the ordinary, and takes the rest back to the ordinary case.
    private mutating func settle(_ netmem: UInt64, _ state: Unsettled, _ place: Int) {
        guard state.debts.isEmpty && state.early.isEmpty && state.held.count <= 1 else {
            unsettled[netmem] = state
            return
        }
        unsettled[netmem] = nil
        table[place].state = state.held.isEmpty ? .home : .held
        if let mark = state.held.first { table[place].mark = mark }
    }

    private func clocksExplain(earlier: Mark, _ later: Mark) -> Bool {
        earlier.cpu != later.cpu && later.time &- earlier.time <= tolerance.clockSkew
    }

    private func pays(_ release: Mark, _ debt: Debt, silentSince: UInt64?) -> Bool {
        release.pool == debt.holder && explains(release, taken: debt.hold, silentSince: silentSince)
    }

    /// The context that recorded the release can have given the netmem back before that hold took it.
    private func explains(_ release: Mark, taken hold: Mark, silentSince: UInt64?) -> Bool {
        if clocksExplain(earlier: hold, release) { return true }
        guard release.time &- hold.time <= tolerance.recordingDelay else { return false }
        guard let silentSince else { return true }
        return release.cpu == hold.cpu ? silentSince < hold.time : silentSince <= hold.time &+ tolerance.clockSkew
    }
}
