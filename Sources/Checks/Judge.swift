// SPDX-License-Identifier: GPL-2.0

public import Results

/// Everything there is to judge one scenario by.
public struct Evidence: Sendable {
    public var scenario: String
    /// Tier and provider as planned; a report's own take precedence.
    public var tier: Tier
    public var provider: Provider
    /// What the agent said; nil where it never reported.
    public var report: ScenarioReport?
    /// Raw ring-buffer pages per CPU; nil where the trace never came to its end.
    public var trace: [UInt32: [UInt8]]?
    /// tracefs texts by name (`GuestInfo.traceFormats`).
    public var formats: [String: String]
    /// The console lines of this scenario (`KernelLog.scope`); nil where the console could not be read or has no begin mark.
    public var log: [String]?
    /// Why the machine ended before its time: a panic, a hang, QEMU gone.
    public var crash: String?
    /// Host seconds from the command to the verdict.
    public var seconds: Double
    /// What the agent said, before it began, that the kernel is known to do wrong.
    public var knownBug: KnownBug?

    public init(
        scenario: String, tier: Tier, provider: Provider, report: ScenarioReport?, trace: [UInt32: [UInt8]]?,
        formats: [String: String], log: [String]?, crash: String? = nil, seconds: Double = 0
    ) {
        self.scenario = scenario
        self.tier = tier
        self.provider = provider
        self.report = report
        self.trace = trace
        self.formats = formats
        self.log = log
        self.crash = crash
        self.seconds = seconds
    }
}

/// Gives the verdict on a scenario: it passes only if every oracle ran and none found anything. What was found may be a known bug of
/// the kernel's version, and nothing besides: `xfail`, which is no pass.
///
/// The oracles do not know of each other: "scenario", "page-pool", "kernel-log", "counters", "payload", "trace", "exercised", and
/// "machine" for a crash after the report. Scenarios of tier `harness` involve no kernel: there, "page-pool", "counters", "trace" and
/// "exercised" judge what evidence there is and ask for none.
public struct Judge: Sendable {
    public var allowList: AllowList
    public var today: Day
    /// Whether a known bug of the kernel's version is told apart from a failure.
    public var knownBugs: Bool

    public init(allowList: AllowList, today: Day, knownBugs: Bool = true) {
        self.allowList = allowList
        self.today = today
        self.knownBugs = knownBugs
    }

    public func judge(_ evidence: Evidence) -> ScenarioResult {
        var result = ScenarioResult(
            scenario: evidence.scenario, tier: evidence.report?.tier ?? evidence.tier,
            provider: evidence.report?.expectation.provider ?? evidence.provider, verdict: .pass, seconds: evidence.seconds)
        result.findings = KernelLogOracle.findings(log: evidence.log, allowList: allowList, today: today)
        guard let report = evidence.report else {
            result.verdict = .crashed
            result.reason = evidence.crash ?? "no report"
            // A hang, or an agent that gave up, is something else, whatever the kernel said before.
            if let bug = evidence.knownBug, bug.endsIn != nil, evidence.crash?.hasPrefix("Kernel panic") == true { excuse(&result, bug) }
            return result
        }
        result.pools = report.pools
        result.payload = report.payload
        if report.scenario != evidence.scenario {
            result.findings.append(
                Finding(oracle: "scenario", message: "the report is of \(report.scenario), not of \(evidence.scenario)"))
        }
        if let crash = evidence.crash { result.findings.append(Finding(oracle: "machine", message: crash)) }
        if report.outcome == .skipped {
            // One that skipped after it had begun is held to what it left behind.
            if report.before != nil {
                result.findings += CountersOracle.findings(report)
                result.findings += report.pools.filter { !$0.gone && ($0.pool.provider != .pages || $0.pool.detached) }.map {
                    Finding(oracle: "page-pool", message: "page pool \($0.pool.id) is still there after a skip")
                }
            }
            result.verdict = result.findings.isEmpty ? .skip : .fail
            result.reason = report.reason ?? "no reason given"
            return result
        }
        let trace = TraceOracle.examine(evidence.trace, formats: evidence.formats, report: report)
        result.accounts = trace.accounts
        result.traceEvents = trace.events
        result.findings =
            ScenarioOracle.findings(report) + result.findings + PagePoolOracle.findings(report) + CountersOracle.findings(report)
            + PayloadOracle.findings(report) + trace.findings
        // Without a trace that can be believed there is nothing to count: the "trace" finding says so already.
        if let believable = trace.believable {
            result.findings += ExercisedOracle.findings(report.expectation, accounts: believable)
        }
        result.verdict = result.findings.isEmpty ? .pass : .fail
        if let bug = evidence.knownBug, bug.endsIn == nil { excuse(&result, bug) }
        return result
    }

    private func excuse(_ result: inout ScenarioResult, _ bug: KnownBug) {
        guard knownBugs, bug.explains(result.findings) else { return }
        (result.verdict, result.reason) = (.xfail, "Linux \(bug.version) is known for it: \(bug.reason)")
    }
}

/// A step of the scenario failed.
enum ScenarioOracle {
    static func findings(_ report: ScenarioReport) -> [Finding] {
        let steps = report.steps.map { "\($0.ok ? "ok" : "failed"): \($0.name)\($0.detail.map { ": " + $0 } ?? "")" }
        // The way there is told once: where the peer is gone, every clean-up fails after it.
        var findings = report.steps.filter { !$0.ok }.enumerated().map { number, step in
            Finding(
                oracle: "scenario", message: "step \"\(step.name)\" failed\(step.detail.map { ": " + $0 } ?? "")", evidence: number == 0 ? steps : [])
        }
        if report.outcome == .failed && findings.isEmpty {
            findings.append(Finding(oracle: "scenario", message: report.reason ?? "failed without a reason", evidence: steps))
        }
        return findings
    }
}

/// Splats between the scenario's marks that the allow-list does not cover.
enum KernelLogOracle {
    static func findings(log: [String]?, allowList: AllowList, today: Day) -> [Finding] {
        guard let log else {
            return [Finding(oracle: "kernel-log", message: "could not run: there are no console lines of this scenario")]
        }
        return KernelLog.splats(in: log).compactMap { splat in
            var message = "\(splat.kind.rawValue): \(splat.firstLine)"
            if !splat.fingerprint.isEmpty { message += " [\(splat.fingerprint.joined(separator: ":"))]" }
            switch allowList.answer(splat, today: today) {
            case .allowed: return nil
            case .notListed: break
            case .expired(let entry):
                message +=
                    " (the allow-list entry for \"\(entry.pattern)\" expired on \(entry.expires): "
                    + "\(entry.reason), \(entry.link))"
            }
            return Finding(oracle: "kernel-log", message: message, evidence: splat.lines)
        }
    }
}
