// SPDX-License-Identifier: GPL-2.0

/// Why the harness could not do what it was asked, in the words a user reads, with the exit code it leads to.
public struct HarnessError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The class of fault; its raw value is the process's exit code (docs/results.md).
    public enum Kind: Int32, Sendable {
        /// Bad usage or input: the caller can mend it (exit 2).
        case input = 2
        /// The harness could not do its work: no build, no boot, no space (exit 3).
        case harness = 3
        /// Interrupted by SIGINT or SIGTERM (exit 130).
        case interrupted = 130
    }

    /// Whose fault it is. A search over kernels goes past one that is broken, and stops where the harness is.
    public enum Blame: Sendable {
        /// The caller's, the host's, or our own.
        case harness
        /// The kernel's under test: it does not configure, build or boot.
        case kernel
    }

    public var kind: Kind
    /// What was tried and what answered.
    public var message: String
    /// What the reader can do next.
    public var hint: String?
    /// The last lines of the failing tool's output, or the path of its log.
    public var evidence: [String]
    public var blame: Blame

    public init(_ kind: Kind, _ message: String, hint: String? = nil, evidence: [String] = [], blame: Blame = .harness) {
        self.kind = kind
        self.message = message
        self.hint = hint
        self.evidence = evidence
        self.blame = blame
    }

    public var description: String {
        var lines = [message]
        lines += evidence.map { "    \($0)" }
        if let hint { lines.append("hint: \(hint)") }
        return lines.joined(separator: "\n")
    }
}
