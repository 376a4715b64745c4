// SPDX-License-Identifier: GPL-2.0

/// An invariant of the life cycle that a trace breaks.
public struct Violation: Equatable, Sendable {
    /// See "The life-cycle model" in docs/architecture.md.
    public enum Invariant: String, Sendable, CaseIterable {
        /// The kernel's counters go up by one per event: no value twice, none left out.
        case contiguousCounters = "contiguous-counters"
        /// I1: hold - release is never negative.
        case neverNegative = "never-negative"
        /// I2: a release has a hold of the same netmem by the same pool before it.
        case releaseOfHeld = "release-of-held"
        /// I2: a netmem held is released before it is held again, by whichever pool.
        case noSecondHold = "no-second-hold"
        /// I3: a freed pool is never named again.
        case freedStaysFreed = "freed-stays-freed"
    }

    public var invariant: Invariant
    /// One line: pool, netmem, counts.
    public var message: String
    /// Kernel address of the pool.
    public var pool: UInt64
    public var netmem: UInt64?
    /// The events around it that name the same pool or netmem, a line each.
    public var evidence: [String]

    public init(invariant: Invariant, message: String, pool: UInt64, netmem: UInt64? = nil, evidence: [String] = []) {
        self.invariant = invariant
        self.message = message
        self.pool = pool
        self.netmem = netmem
        self.evidence = evidence
    }
}

/// Picks the events that explain a violation.
struct EvidenceWindow {
    private static let before = 8
    private static let after = 2
    /// How far to look, so that a thousand violations in a long trace stay cheap.
    private static let reach = 20_000

    let events: [TraceEvent]

    /// The events around `index` that name `netmem`, or `pool` where it is nil or too few do.
    func lines(at index: Int, pool: UInt64, netmem: UInt64?) -> [String] {
        guard events.indices.contains(index) else { return [] }
        func matches(_ event: TraceEvent) -> Bool {
            if let netmem { return event.netmem == netmem || (event.pool == pool && event.netmem == nil) }
            return event.pool == pool
        }
        var chosen: [Int] = [index]
        var at = index - 1
        while at >= max(0, index - Self.reach), chosen.count <= Self.before {
            if matches(events[at]) { chosen.append(at) }
            at -= 1
        }
        chosen.reverse()
        let wanted = chosen.count + Self.after
        at = index + 1
        while at < min(events.count, index + Self.reach), chosen.count < wanted {
            if matches(events[at]) { chosen.append(at) }
            at += 1
        }
        return chosen.map { ($0 == index ? "> " : "  ") + events[$0].description }
    }
}
