// SPDX-License-Identifier: GPL-2.0

/// An invariant of the life cycle that a trace breaks.
public struct Violation: Equatable, Sendable {
    /// See docs/model.md.
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
        /// I5: what user space has is in flight.
        case userHeldIsInflight = "user-held-is-inflight"
        /// I7: everything comes home.
        case everythingComesHome = "everything-comes-home"
        /// Not what the model lets such a run show: see `Prediction`.
        case asPredicted = "as-predicted"

        /// The model's invariant of which this is what a trace can show; nil for a prediction.
        public var model: LifeCycle.Invariant? {
            switch self {
            case .contiguousCounters, .neverNegative: .inflightIsOut
            case .releaseOfHeld, .noSecondHold: .holdThenRelease
            case .freedStaysFreed: .poolOutlivesBuffers
            case .userHeldIsInflight: .referencedIsNotFree
            case .everythingComesHome: .everythingComesHome
            case .asPredicted: nil
            }
        }

        /// "I2 no-second-hold"
        public var label: String { model.map { "\($0.rawValue) \(rawValue)" } ?? rawValue }
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

/// Picks the events that explain violations out of a second reading of the trace, for the trace itself is not kept.
struct EvidenceCollector {
    private static let before = 8
    private static let after = 2

    private struct Wanted {
        var index: Int
        var pool: UInt64
        var netmem: UInt64?
        var earlier: [TraceEvent] = []
        var lines: [String] = []
        var missing = 0

        func matches(_ event: TraceEvent) -> Bool {
            if let netmem { return event.netmem == netmem || (event.pool == pool && event.netmem == nil) }
            return event.pool == pool
        }
    }

    private var wanted: [Wanted]
    private var open: Int

    init(_ found: ArraySlice<PoolBooks.Found>) {
        wanted = found.map { Wanted(index: $0.event, pool: $0.pool, netmem: $0.netmem) }
        open = wanted.count
    }

    /// Nothing more is needed.
    var isComplete: Bool { open == 0 }

    mutating func see(_ event: TraceEvent, at index: Int) {
        for place in wanted.indices {
            if index == wanted[place].index {
                wanted[place].lines = wanted[place].earlier.map { "  " + $0.description } + ["> " + event.description]
                wanted[place].earlier = []
                wanted[place].missing = Self.after
            } else if wanted[place].matches(event) {
                if index < wanted[place].index {
                    if wanted[place].earlier.count == Self.before { wanted[place].earlier.removeFirst() }
                    wanted[place].earlier.append(event)
                } else if wanted[place].missing > 0 {
                    wanted[place].lines.append("  " + event.description)
                    wanted[place].missing -= 1
                    if wanted[place].missing == 0 { open -= 1 }
                }
            }
        }
    }

    func lines(_ place: Int) -> [String] { wanted[place].lines }
}
