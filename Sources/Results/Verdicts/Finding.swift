// SPDX-License-Identifier: GPL-2.0

/// One thing that an oracle found wrong.
public struct Finding: Codable, Sendable, Equatable, CustomStringConvertible {
    public var oracle: Oracle
    /// One line: what was expected and what was observed, with the pool and the number in flight where there is one. Line breaks and control
    /// characters in it are escaped (`oneLine`).
    public var message: String
    /// One line each: a splat, the last events.
    public var evidence: [String]

    public init(oracle: Oracle, message: String, evidence: [String] = []) {
        self.oracle = oracle
        self.message = message.oneLine
        self.evidence = evidence
    }

    /// "ORACLE: MESSAGE".
    public var description: String { "\(oracle): \(message)" }
}
