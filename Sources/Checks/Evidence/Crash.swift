// SPDX-License-Identifier: GPL-2.0

/// Why a scenario has no report, or why its evidence is not complete.
public struct Crash: Equatable, Sendable {
    public enum Kind: Sendable {
        /// The kernel panicked.
        case panic
        /// The scenario did no step within its deadline.
        case hang
        /// The agent ended, or met an error that it could not handle.
        case agent
        /// The machine ended without a panic, or its trace or console did not arrive.
        case machine
    }

    public var kind: Kind
    /// One line.
    public var message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}
