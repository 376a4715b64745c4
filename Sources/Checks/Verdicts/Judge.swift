// SPDX-License-Identifier: GPL-2.0

public import Results

/// Judges a scenario, on the host and inside a booted kernel alike: it passes only if every oracle ran and none found
/// anything. Where a known bug of the kernel's version explains all findings the verdict is `xfail`, which is no pass.
///
/// The oracles (`Oracle`) are independent of each other. Scenarios of tier `harness` involve no kernel: there `pagePool`, `counters`,
/// `trace` and `exercised` judge what evidence there is and require none.
public struct Judge: Sendable {
    public var allowList: AllowList
    public var today: Day
    /// Whether a known bug of the kernel's version makes a failure an `xfail`.
    public var knownBugs: Bool
    /// What the kernel under test must have.
    public var guaranteed: GuaranteedNeeds

    public init(allowList: AllowList, today: Day, knownBugs: Bool = true, guaranteed: GuaranteedNeeds) {
        self.allowList = allowList
        self.today = today
        self.knownBugs = knownBugs
        self.guaranteed = guaranteed
    }

    /// The verdict on one run of a scenario. Nothing changes it afterwards; `IsolatedRerun` adds a finding to one that is a failure already.
    public func verdict(_ evidence: Evidence) -> ScenarioResult {
        var result = ScenarioResult(
            scenario: evidence.scenario, tier: evidence.report?.tier ?? evidence.tier,
            provider: evidence.report?.expectation.provider ?? evidence.provider, verdict: .pass, seconds: evidence.seconds)
        result.findings = KernelLogOracle.findings(
            log: evidence.log, allowList: allowList, today: today, injectsFaults: evidence.needs?.contains(.faultInjection) == true,
            ended: evidence.report != nil && evidence.crash == nil ? evidence.scenario : nil, key: evidence.markKey)
        guard let report = evidence.report else {
            result.verdict = .crashed
            result.reason = evidence.crash?.message ?? "no report"
            // A hang, or an error of the agent, is another failure, also where the kernel log has a splat before it.
            if let bug = evidence.knownBug, bug.endsIn != nil, evidence.crash?.kind == .panic { excuse(&result, bug) }
            return result
        }
        result.pools = report.pools
        result.payload = report.payload
        if report.scenario != evidence.scenario {
            result.findings.append(
                Finding(oracle: .scenario, message: "the report is of \(report.scenario), not of \(evidence.scenario)"))
        }
        result.findings += MachineOracle.findings(evidence.crash)
        if report.outcome == .skipped {
            result.reason = report.reason ?? "no reason given"
            result.findings += SkipOracle.findings(report)
            // Evidence of another failure comes first: it may be the cause of the skip.
            if result.findings.isEmpty { result.findings = GuaranteedNeedsOracle.findings(report, needs: evidence.needs, guaranteed) }
            result.verdict = result.findings.isEmpty ? .skip : .fail
            return result
        }
        let trace = TraceOracle.examine(evidence.trace, formats: evidence.traceTexts, report: report)
        result.accounts = trace.accounts
        result.traceEvents = trace.events
        result.findings =
            ScenarioOracle.findings(report) + result.findings + PagePoolOracle.findings(report) + CountersOracle.findings(report)
            + PayloadOracle.findings(report) + trace.findings
        // Without a reliable trace there is nothing to count, and the trace oracle has reported that already.
        if let countable = trace.countable {
            result.findings += ExercisedOracle.findings(report.expectation, accounts: countable)
        }
        result.verdict = result.findings.isEmpty ? .pass : .fail
        if let bug = evidence.knownBug, bug.endsIn == nil { excuse(&result, bug) }
        return result
    }

    /// The result of a scenario that is not run on a booted machine, because a known bug of its kernel would end the machine and with it
    /// the results of all other scenarios.
    public static func notRun(_ scenario: String, tier: Tier, provider: Provider, because bug: KnownBug) -> ScenarioResult {
        ScenarioResult(
            scenario: scenario, tier: tier, provider: provider, verdict: .skip,
            reason: "it would end this kernel, Linux \(bug.version), in \(bug.endsIn ?? "it"): \(bug.reason)")
    }

    private func excuse(_ result: inout ScenarioResult, _ bug: KnownBug) {
        guard knownBugs, bug.explains(result.findings) else { return }
        (result.verdict, result.reason) = (.xfail, "known bug of Linux \(bug.version): \(bug.reason)")
    }
}
