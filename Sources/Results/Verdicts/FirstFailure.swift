// SPDX-License-Identifier: GPL-2.0

/// The first thing that went wrong in a scenario: what a table of many runs has of it.
public struct FirstFailure: Codable, Sendable, Equatable {
    public var scenario: String
    /// The first finding's, or "machine" where the guest crashed or hung.
    public var oracle: Oracle
    public var message: String
    /// What the failure is recognized by in another run (`Fingerprint`).
    public var fingerprint: String

    /// nil where the scenario passed, was skipped, or failed as its kernel version is known to.
    public init?(_ result: ScenarioResult) {
        guard let fingerprint = Fingerprint.of(result) else { return nil }
        scenario = result.scenario
        self.fingerprint = fingerprint
        let first = result.findings.first
        if result.verdict == .crashed {
            (oracle, message) = (.machine, result.reason ?? first?.message ?? "crashed")
            // The kernel's message is more precise than that the machine ended.
            if let splat = result.findings.first(where: { $0.oracle == .kernelLog }) { (oracle, message) = (splat.oracle, splat.message) }
        } else {
            (oracle, message) = (first?.oracle ?? .scenario, first?.message ?? result.reason ?? "failed")
        }
    }

    /// "SCENARIO  ORACLE: MESSAGE", as one line.
    public var line: String { "\(scenario)  \(oracle): \(message)".oneLine }
}

extension Finding {
    /// "ORACLE: MESSAGE", as one line.
    public var line: String { description.oneLine }
}

extension ScenarioResult {
    /// The first finding as "ORACLE: MESSAGE", or the reason for a skip or a crash; nil where there is neither.
    public var headline: String? { findings.first?.line ?? reason?.oneLine }
}
