// SPDX-License-Identifier: GPL-2.0

/// What an exploration found.
public struct Exploration: Sendable {
    public var configuration: Configuration
    /// Distinct states reached; with symmetry, states that differ by a permutation of the buffers count once.
    public var states: Int
    /// Steps from these states.
    public var transitions: Int
    /// Steps to the state that is furthest from the initial one, by its shortest path.
    public var depth: Int
    /// Bytes of the table and the log of states.
    public var bytes: Int
    public var end: End
    /// Every state within the bounds was explored.
    public var isExhaustive: Bool { end == .exhausted }
    /// A shortest path to each broken invariant, in the order of the invariants.
    public var counterexamples: [Counterexample]
}

extension Exploration {
    /// Why the exploration ended.
    public enum End: Sendable {
        /// Every state was explored.
        case exhausted
        /// An invariant is broken, and several more levels showed no other.
        case broken
        /// More states than the given memory holds.
        case outOfMemory
    }
}
