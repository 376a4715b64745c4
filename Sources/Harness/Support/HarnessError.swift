// SPDX-License-Identifier: GPL-2.0

import Results

/// Why the harness could not do its work: the text that the user reads, and the exit code.
public struct HarnessError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The class of fault; its raw value is the process's exit code (docs/results.md).
    public enum Kind: Int32, Sendable {
        /// Bad usage or input: the caller can correct it (exit 2).
        case input = 2
        /// The harness could not do its work: no build, no boot, no space (exit 3).
        case harness = 3
        /// Interrupted by SIGINT or SIGTERM (exit 130).
        case interrupted = 130
    }

    /// Where the fault is. A search over kernels skips a kernel with a fault, and stops at a fault of the harness.
    public enum Blame: Sendable {
        /// In the input, the host or the harness.
        case harness
        /// In the kernel under test: it does not configure, build or boot.
        case kernel
    }

    /// What happened, where a caller handles one case in its own way.
    public enum Cause: Sendable {
        /// A tool was started and ended with a status other than 0, or by a signal.
        case toolFailed
        /// A disk or a quota is full.
        case diskFull
    }

    /// The class of fault.
    public var kind: Kind
    /// What was tried, and the error.
    public var message: String
    /// What the reader can do next.
    public var hint: String?
    /// The last lines of the failing tool's output, or the path of its log.
    public var evidence: [String]
    /// Where the fault is.
    public var blame: Blame
    /// nil where no caller treats it in its own way.
    public var cause: Cause?
    /// The path of the whole log of what failed.
    public var log: String?

    /// An error with the text that the user reads.
    public init(
        _ kind: Kind, _ message: String, hint: String? = nil, evidence: [String] = [], blame: Blame = .harness, cause: Cause? = nil,
        log: String? = nil
    ) {
        self.kind = kind
        self.message = message
        self.hint = hint
        self.evidence = evidence
        self.blame = blame
        self.cause = cause
        self.log = log
    }

    /// Message, evidence and hint, as they are printed.
    public var description: String {
        var lines = [message]
        lines += evidence.map { "    \($0.oneLine)" }
        if let hint { lines.append("hint: \(hint)") }
        return lines.joined(separator: "\n")
    }
}
