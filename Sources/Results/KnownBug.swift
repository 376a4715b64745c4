// SPDX-License-Identifier: GPL-2.0

/// A bug that a released kernel version has, and how it shows in a scenario. The scenario is right to fail there; a red that everybody
/// knows would hide the one that nobody knows.
public struct KnownBug: Codable, Sendable, Equatable {
    /// The Linux version that has it, as "7.2": the stable releases of that version, until one of them passes.
    public var version: String
    /// What is wrong, in which function, and which version mended it.
    public var reason: String
    /// The finding that is the bug's own, which must be there: the first words of "ORACLE: MESSAGE".
    public var sign: String
    /// Findings that follow from it, which may be there.
    public var consequences: [String]
    /// The function that the kernel ends in, or the first that called it there, for a bug that ends it: nothing but the kernel's log tells of it, for the scenario never reports.
    /// Any other crash is one.
    public var endsIn: String?

    public init(version: String, reason: String, sign: String, consequences: [String] = [], endsIn: String? = nil) {
        self.version = version
        self.reason = reason
        self.sign = sign
        self.consequences = consequences
        self.endsIn = endsIn
    }

    /// Whether these findings are this bug's and no other's.
    public func explains(_ findings: [Finding]) -> Bool {
        let texts = findings.map { "\($0.oracle): \($0.message)" }
        guard texts.contains(where: { $0.hasPrefix(sign) }) else { return false }
        if let endsIn {
            // A file has many a BUG().
            let own = zip(findings, texts).filter { $1.hasPrefix(sign) }.map { $0.0 }
            let there = own.allSatisfy { finding in
                // A message ends with the frames of its call trace.
                finding.message.contains("[\(endsIn):") || finding.evidence.contains { $0.contains("RIP: ") && $0.contains(":\(endsIn)+0x") }
            }
            guard there else { return false }
        }
        return texts.allSatisfy { text in ([sign] + consequences).contains { text.hasPrefix($0) } }
    }
}
