// SPDX-License-Identifier: GPL-2.0

/// A bug that a released kernel version has, and how a scenario fails with it. The scenario is right to fail there, but a failure that is
/// expected in every run would hide one that is not.
public struct KnownBug: Codable, Sendable, Equatable {
    /// Findings of one oracle whose message begins in one way. In JSON it is one string, "ORACLE: BEGINNING".
    public struct Sign: Codable, Sendable, Equatable, CustomStringConvertible {
        public var oracle: Oracle
        /// The first words of the message; empty for any message.
        public var beginning: String

        public init(_ oracle: Oracle, _ beginning: String = "") {
            self.oracle = oracle
            self.beginning = beginning
        }

        public func matches(_ finding: Finding) -> Bool { finding.oracle == oracle && finding.message.hasPrefix(beginning) }

        public var description: String { "\(oracle): \(beginning)" }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            let parts = try container.decode(String.self).split(separator: ": ", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let oracle = Oracle(rawValue: String(parts[0])) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "not \"ORACLE: BEGINNING\"")
            }
            self.init(oracle, String(parts[1]))
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(description)
        }
    }

    /// The Linux version that has it, as "7.2": the stable releases of that version, until one of them passes.
    public var version: String
    /// What is wrong, in which function, and which version fixed it.
    public var reason: String
    /// The finding that the bug itself causes. It must be there.
    public var sign: Sign
    /// Findings that follow from the bug. They may be there.
    public var consequences: [Sign]
    /// For a bug that ends the kernel: the function in which it ends, or the first caller that is not a helper. Only the kernel log shows
    /// such a bug, as the scenario never reports. A crash in any other function is not this bug.
    public var endsIn: String?

    public init(version: String, reason: String, sign: Sign, consequences: [Sign] = [], endsIn: String? = nil) {
        self.version = version
        self.reason = reason
        self.sign = sign
        self.consequences = consequences
        self.endsIn = endsIn
    }

    /// Whether this bug, and no other, explains all of these findings.
    public func explains(_ findings: [Finding]) -> Bool {
        let own = findings.filter(sign.matches)
        guard !own.isEmpty, findings.allSatisfy({ finding in ([sign] + consequences).contains { $0.matches(finding) } }) else { return false }
        // One file can have several BUG()s: the message does not identify one.
        return endsIn.map { function in own.allSatisfy { Self.ends($0, in: function) } } ?? true
    }

    /// A kernel-log message ends with the frames of its call trace; the evidence has the instruction pointer.
    private static func ends(_ finding: Finding, in function: String) -> Bool {
        finding.message.contains("[\(function):") || finding.evidence.contains { $0.contains("RIP: ") && $0.contains(":\(function)+0x") }
    }
}
