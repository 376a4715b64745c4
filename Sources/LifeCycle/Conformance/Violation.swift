// SPDX-License-Identifier: GPL-2.0

/// A place where a trace breaks an invariant of the life cycle.
public struct Violation: Equatable, Sendable {
    /// What the checker can check in a trace. docs/trace.md describes each; I1 to I7 are the invariants of docs/model.md.
    public enum Invariant: String, Sendable, CaseIterable {
        /// I1: the kernel's counters go up by one per event: no value twice, none missing.
        case contiguousCounters = "contiguous-counters"
        /// I1: hold - release is never negative.
        case neverNegative = "never-negative"
        /// I2: a release has a hold of the same netmem by the same pool before it.
        case releaseOfHeld = "release-of-held"
        /// I2: a netmem held is released before it is held again, by any pool.
        case noSecondHold = "no-second-hold"
        /// I3: a freed pool is not used again.
        case freedStaysFreed = "freed-stays-freed"
        /// I5: buffers that user space holds are in flight.
        case userHeldIsInflight = "user-held-is-inflight"
        /// I7: every hold is released.
        case allReleased = "all-released"
        /// The accounts differ from those of a legal run: see `Prediction`.
        case asPredicted = "as-predicted"

        /// The model's invariant that this is a part of; nil for a prediction.
        public var model: LifeCycle.Invariant? {
            switch self {
            case .contiguousCounters, .neverNegative: .inflightIsExact
            case .releaseOfHeld, .noSecondHold: .holdThenRelease
            case .freedStaysFreed: .poolOutlivesBuffers
            case .userHeldIsInflight: .referencedIsNotFree
            case .allReleased: .allReleased
            case .asPredicted: nil
            }
        }

        /// "I2 no-second-hold"
        public var label: String { model.map { "\($0.rawValue) \(rawValue)" } ?? rawValue }
    }

    public var invariant: Invariant
    /// One line with pool, netmem and counts.
    public var message: String
    /// Kernel address of the pool.
    public var pool: UInt64
    /// The `netmem_ref`; nil if the violation is of the pool.
    public var netmem: UInt64?
    /// The events around it with the same pool or netmem, a line each; `>` marks the event itself.
    public var evidence: [String]

    public init(invariant: Invariant, message: String, pool: UInt64, netmem: UInt64? = nil, evidence: [String] = []) {
        self.invariant = invariant
        self.message = message
        self.pool = pool
        self.netmem = netmem
        self.evidence = evidence
    }
}
