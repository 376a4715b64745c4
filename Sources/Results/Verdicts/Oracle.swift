// SPDX-License-Identifier: GPL-2.0

/// Which check made a finding. The raw value is what is printed, and what results.json has.
public enum Oracle: String, Codable, Sendable, CaseIterable, CustomStringConvertible {
    /// A step of the scenario failed.
    case scenario
    /// A page pool was not freed, or was not observed detached.
    case pagePool = "page-pool"
    /// The page-pool trace does not conform to the life cycle, or is not complete.
    case trace
    /// The kernel log has a splat that the allow-list does not cover.
    case kernelLog = "kernel-log"
    /// A resource counter did not return to its value from before.
    case counters
    /// The received bytes are not those sent, or were copied where zero copy is claimed.
    case payload
    /// The provider under test did not hold and release what the scenario expects.
    case exercised
    /// The scenario was skipped although the kernel must have all that it needs (`Checks.GuaranteedNeeds`).
    case guaranteedNeeds = "guaranteed-needs"
    /// The guest or QEMU ended after the report, or the evidence did not arrive.
    case machine
    /// A kernel selftest reports a failure, or its output is inconsistent.
    case kernelSelftest = "selftest"
    /// The result of a second run of a failed scenario, on a machine of its own. Not a failure itself.
    case isolatedRerun = "isolated-rerun"

    public var description: String { rawValue }

    /// - Throws: `DecodingError` for a name that is none of these. Files of schema 1 have "alone" for `isolatedRerun`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let name = try container.decode(String.self)
        guard let oracle = Oracle(rawValue: name) ?? (name == "alone" ? .isolatedRerun : nil) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "there is no oracle \(name)")
        }
        self = oracle
    }
}
