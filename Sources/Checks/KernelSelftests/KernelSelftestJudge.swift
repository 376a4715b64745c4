// SPDX-License-Identifier: GPL-2.0

public import Results

/// Judges a kernel selftest: one for each case that it reports, and one for the program as a whole.
///
/// The verdict on a case is the one that the program reports; the case fails too where the kernel log has a splat between its result and
/// the one before. What belongs to no case (a page pool that does not end, a broken life cycle, counters that do not return to their values
/// from before, an exit status that contradicts the cases, a plan that does not match their number) fails the result `life-cycle`.
public struct KernelSelftestJudge: Sendable {
    /// The name of the result for the program as a whole, after the program's own name.
    public static let whole = "life-cycle"

    private let allowList: AllowList
    private let guaranteed: GuaranteedNeeds
    private let today: Day

    /// - Parameter guaranteed: a case of a provider whose kernel selftests have no reason to skip fails where it is skipped.
    public init(allowList: AllowList, guaranteed: GuaranteedNeeds, today: Day) {
        self.allowList = allowList
        self.guaranteed = guaranteed
        self.today = today
    }

    /// The verdicts on one run: the cases in the order of their results, then the program as a whole.
    public func verdicts(_ evidence: KernelSelftestEvidence) -> [ScenarioResult] {
        let report = evidence.whole.report
        var output = KernelSelftestOutput(evidence.lines, stem: evidence.plan.stem)
        let trace = report.map { TraceOracle.examine(evidence.whole.trace, formats: evidence.whole.traceTexts, report: $0) }
        let key = evidence.whole.markKey
        let log = evidence.whole.log.flatMap { KernelLog.scope($0, to: evidence.plan.name, key: key) }
        let parts = log.map { Self.parts($0, results: output.cases.map(\.line), key) }
        if let report, output.cases.isEmpty { output.addExitStatus(of: report) }

        var results: [ScenarioResult] = []
        for (number, found) in output.cases.enumerated() {
            var result = self.result(found, evidence)
            if let parts, number < parts.count {
                result.findings += KernelLogOracle.findings(
                    log: parts[number], allowList: allowList, today: today, injectsFaults: evidence.plan.changesCode)
            }
            // Pools whose first event is between the previous result and this one.
            result.accounts =
                trace?.accounts.filter { account in
                    guard let began = account.began else { return false }
                    return began > found.from && began <= found.until
                } ?? []
            if trace?.events != nil, result.verdict == .pass, evidence.plan.provider != .pages,
                !evidence.plan.casesWithoutNetIovs.contains(found.name),
                !result.accounts.contains(where: { $0.netIovHolds > 0 })
            {
                result.findings.append(
                    Finding(
                        oracle: .trace, message: "the case passed, but none of its page pools held a net_iov of \(evidence.plan.provider.rawValue)"))
            }
            if result.verdict == .skip, guaranteed.excludesSkip(of: found.name, provider: evidence.plan.provider) {
                result.findings.append(GuaranteedNeedsOracle.finding(result.reason, what: "case", evidence: found.output))
            }
            if !result.findings.isEmpty { result.verdict = .fail }
            results.append(result)
        }
        var whole = ScenarioResult(
            scenario: "\(evidence.plan.name).\(Self.whole)", tier: .netdevsim, provider: evidence.plan.provider, verdict: .pass,
            seconds: evidence.whole.seconds)
        whole.findings = KernelLogOracle.findings(
            log: parts?.last ?? nil, allowList: allowList, today: today, injectsFaults: evidence.plan.changesCode)
        whole.traceEvents = trace?.events
        whole.accounts = trace?.accounts.filter { account in !results.contains { $0.accounts.contains(account) } } ?? []
        guard let report else {
            whole.verdict = .crashed
            whole.reason = evidence.whole.crash?.message ?? "no report"
            if let planned = output.planned, planned > output.cases.count {
                whole.reason? += "; case \(output.cases.count + 1) of \(planned) was running"
            }
            return results + [whole]
        }
        whole.pools = report.pools
        whole.findings += output.findings(status: report.exitStatus)
        whole.findings += ScenarioOracle.findings(report) + MachineOracle.findings(evidence.whole.crash)
        whole.findings += PagePoolOracle.findings(report) + CountersOracle.findings(report) + (trace?.findings ?? [])
        whole.verdict = whole.findings.isEmpty ? .pass : .fail
        // Nothing at all is never a success.
        if whole.verdict == .pass, !results.contains(where: { $0.verdict != .skip }) {
            (whole.verdict, whole.reason) = (.skip, "none of its cases ran")
        }
        return results + [whole]
    }

    private func result(_ found: KernelSelftestOutput.Case, _ evidence: KernelSelftestEvidence) -> ScenarioResult {
        let name = "\(evidence.plan.name).\(found.name)"
        var result = ScenarioResult(
            scenario: name, tier: .netdevsim, provider: evidence.plan.provider, verdict: .pass, seconds: Double(found.until - found.from) / 1e9)
        switch (found.result.ok, found.result.directive) {
        case (_, .skip): (result.verdict, result.reason) = (.skip, found.result.reason ?? "no reason given")
        case (_, .xfail), (_, .todo): (result.verdict, result.reason) = (.xfail, found.result.reason ?? "expected by the test")
        case (true, .xpass): (result.verdict, result.reason) = (.pass, ScenarioResult.unexpectedPass + (found.result.reason.map { ": \($0)" } ?? ""))
        case (true, nil):
            result.verdict = .pass
            // A program that reports nothing but its exit status may have skipped a part of its tests.
            let omissions = found.line.isEmpty ? found.output.filter { $0.contains("skip") } : []
            if !omissions.isEmpty { result.reason = omissions.joined(separator: "; ") }
        default:
            result.verdict = .fail
            let directive = [found.result.directive?.rawValue, found.result.reason].compactMap { $0 }.joined(separator: " ")
            result.findings.append(
                Finding(
                    oracle: .kernelSelftest, message: KernelSelftestOutput.headline(of: found.output) + (directive.isEmpty ? "" : " (\(directive))"),
                    evidence: found.output))
        }
        return result
    }

    /// The kernel messages before the mark of each result, in order, and last those after the last mark. A result that has no mark, as the
    /// agent did not take its line for one, has none; a mark whose line is no result here, as the program repeated it, divides nothing.
    private static func parts(_ log: [String], results: [String], _ key: MarkKey?) -> [[String]] {
        // The numbers of the results of each text: a program may write as many marks as it likes.
        let numbers = Dictionary(grouping: results.indices) { Array(KernelLogMark.resultText(results[$0]).utf8) }
        var parts: [[String]] = [[]]
        var marks = 0
        for line in log {
            let next = parts.count - 1
            if let text = KernelLog.result(line, number: marks + 1, key) {
                marks += 1
                guard let same = numbers[Array(text.utf8)], let found = same.firstIndex(from: next).map({ same[$0] }) else { continue }
                parts[next...] = [parts[next]] + Array(repeating: [], count: found - next + 1)
            } else {
                parts[parts.count - 1].append(line)
            }
        }
        return parts + Array(repeating: [], count: results.count + 1 - parts.count)
    }
}
