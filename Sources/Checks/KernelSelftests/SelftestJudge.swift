// SPDX-License-Identifier: GPL-2.0

public import Results

/// Everything there is to judge one of the kernel's own selftests by.
public struct SelftestEvidence: Sendable {
    /// A line that the program wrote.
    public struct Line: Sendable, Equatable {
        public var text: String
        /// Guest CLOCK_MONOTONIC, nanoseconds.
        public var time: UInt64

        public init(_ text: String, time: UInt64) {
            self.text = text
            self.time = time
        }
    }

    public var plan: SelftestPlan
    public var lines: [Line]
    /// As of a scenario of the plan's name.
    public var whole: Evidence

    public init(plan: SelftestPlan, lines: [Line], whole: Evidence) {
        self.plan = plan
        self.lines = lines
        self.whole = whole
    }
}

/// Gives the verdicts on a selftest: one for each case that it reports, and one for what is around them all.
///
/// A case is what the program says of it, and fails besides where the kernel log has a splat between its result and the one before. What
/// belongs to no case in particular (a page pool that stays, a life cycle that is broken, counters that do not come back, a program that ends
/// otherwise than its cases, a plan that is not kept) fails the result that is named `LIFE_CYCLE`.
public struct SelftestJudge: Sendable {
    /// The name, behind the program's, of the result that is not a case's.
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

    public func judge(_ evidence: SelftestEvidence) -> [ScenarioResult] {
        let report = evidence.whole.report
        var output = SelftestOutput(evidence.lines)
        let trace = report.map { TraceOracle.examine(evidence.whole.trace, formats: evidence.whole.formats, report: $0) }
        let log = evidence.whole.log.flatMap { KernelLog.scope($0, to: evidence.plan.name) }
        let parts = log.map { Self.parts($0, results: output.cases.map(\.line)) }
        if let report, output.cases.isEmpty { output.takeStatus(of: report, name: evidence.plan.name) }

        var results: [ScenarioResult] = []
        for (number, found) in output.cases.enumerated() {
            var result = self.result(found, evidence)
            if let parts, number < parts.count {
                result.findings += KernelLogOracle.findings(log: parts[number], allowList: allowList, today: today)
            }
            // Pools that began after the result before, and until this one: what becomes of them later is still this case's.
            result.accounts =
                trace?.accounts.filter { account in
                    guard let began = account.began else { return false }
                    return began > found.from && began <= found.until
                } ?? []
            if trace?.events != nil, result.verdict == .pass, evidence.plan.provider != .pages, !evidence.plan.holdless.contains(found.name),
                !result.accounts.contains(where: { $0.netIovHolds > 0 })
            {
                result.findings.append(
                    Finding(oracle: "trace", message: "it passed, and none of its page pools held a net_iov of \(evidence.plan.provider.rawValue)"))
            }
            if result.verdict == .skip, guaranteed.excludesSkip(of: found.name, provider: evidence.plan.provider) {
                result.findings.append(GuaranteedNeedsOracle.finding(result.reason, what: "case", evidence: found.said))
            }
            if !result.findings.isEmpty { result.verdict = .fail }
            results.append(result)
        }
        var whole = ScenarioResult(
            scenario: "\(evidence.plan.name).\(Self.whole)", tier: .netdevsim, provider: evidence.plan.provider, verdict: .pass,
            seconds: evidence.whole.seconds)
        whole.findings = KernelLogOracle.findings(log: parts?.last ?? nil, allowList: allowList, today: today)
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
        whole.findings += output.findings(status: Self.status(report))
        if report.outcome == .failed { whole.findings.append(Finding(oracle: "scenario", message: report.reason ?? "failed without a reason")) }
        if let crash = evidence.whole.crash { whole.findings.append(Finding(oracle: "machine", message: crash.message)) }
        whole.findings += PagePoolOracle.findings(report) + CountersOracle.findings(report) + (trace?.findings ?? [])
        whole.verdict = whole.findings.isEmpty ? .pass : .fail
        // Nothing at all is never a success.
        if whole.verdict == .pass, !results.contains(where: { $0.verdict != .skip }) {
            (whole.verdict, whole.reason) = (.skip, "none of its cases ran")
        }
        return results + [whole]
    }

    private func result(_ found: SelftestOutput.Case, _ evidence: SelftestEvidence) -> ScenarioResult {
        let name = "\(evidence.plan.name).\(found.name)"
        var result = ScenarioResult(
            scenario: name, tier: .netdevsim, provider: evidence.plan.provider, verdict: .pass, seconds: Double(found.until - found.from) / 1e9)
        switch (found.result.ok, found.result.directive) {
        case (_, .skip): (result.verdict, result.reason) = (.skip, found.result.reason ?? "no reason given")
        case (_, .xfail), (_, .todo): (result.verdict, result.reason) = (.xfail, found.result.reason ?? "expected by the test itself")
        case (true, nil):
            result.verdict = .pass
            // One that has nothing but its exit status may have left out a part of it.
            let omissions = found.line.isEmpty ? found.said.filter { $0.contains("skip") } : []
            if !omissions.isEmpty { result.reason = omissions.joined(separator: "; ") }
        default:
            result.verdict = .fail
            let words = [found.result.directive?.rawValue, found.result.reason].compactMap { $0 }.joined(separator: " ")
            result.findings.append(
                Finding(oracle: "selftest", message: Self.essence(found.said) + (words.isEmpty ? "" : " (\(words))"), evidence: found.said))
        }
        return result
    }

    /// The line that says most: of a Python exception the last, and else the first that is a check's.
    private static func essence(_ said: [String]) -> String {
        let words = said.map { $0.hasPrefix("# ") ? String($0.dropFirst(2)) : $0 }
        let raised = words.filter { $0.hasPrefix("Exception| ") }.map { String($0.dropFirst("Exception| ".count)) }
        if let start = raised.lastIndex(where: { $0.hasPrefix("CMD") }), let why = Self.failure(ofCommand: raised[start...]) { return why }
        let names = raised.filter { line in !line.isEmpty && ![" ", "Traceback", "CMD"].contains { line.hasPrefix($0) } }
        if let last = names.last { return last }
        return words.first { $0.hasPrefix("Check failed") || $0.hasPrefix("Check| Check failed") } ?? words.last ?? "the test says that it failed"
    }

    /// Of a command that a test started, and whose failure it did not expect (net/lib/py/utils.py): its name, its status and, of what it wrote
    /// to standard error, the first line that speaks of an error, or the last.
    private static func failure(ofCommand lines: ArraySlice<String>) -> String? {
        guard let command = lines.first?.split(separator: ": ", maxSplits: 1).last, let program = command.split(separator: " ").first,
            let status = lines.first(where: { $0.hasPrefix("  EXIT: ") })?.dropFirst("  EXIT: ".count),
            let errors = lines.firstIndex(where: { $0.hasPrefix("  STDERR: ") })
        else { return nil }
        let said = lines[errors...].prefix { $0.hasPrefix("  ") }.map { String($0.dropFirst("  STDERR: ".count)) }
        let telling = said.first { line in ["error", "fail", "cannot"].contains { line.lowercased().contains($0) } } ?? said.last { !$0.isEmpty }
        return telling.map { "\(program.split(separator: "/").last ?? program) exited with \(status): \($0)" }
    }

    private static func status(_ report: ScenarioReport) -> Int32? {
        report.steps.last { $0.name == SelftestPlan.exitStep }?.detail.flatMap { Int32($0) }
    }

    /// The kernel's lines before each result's mark, in turn, and behind them those after the last.
    private static func parts(_ log: [String], results: [String]) -> [[String]] {
        var parts: [[String]] = [[]]
        var next = 0
        for line in log {
            if next < results.count, line.hasSuffix(KernelLogMark.result(results[next])) {
                next += 1
                parts.append([])
            } else {
                parts[parts.count - 1].append(line)
            }
        }
        return parts
    }
}

/// What a selftest wrote, taken apart.
struct SelftestOutput {
    struct Case {
        var result: KTAPLine.KTAPResult
        /// The line itself.
        var line: String
        /// What was written before it and after the result before: what it has to say for itself.
        var said: [String]
        var from: UInt64
        var until: UInt64

        /// ksft.py puts the program's name before the case's, which the group's name says already.
        var name: String {
            let name = result.name.isEmpty ? "case-\(result.number ?? 0)" : result.name
            return name.split(separator: ".", maxSplits: 1).count == 2 ? String(name.split(separator: ".", maxSplits: 1)[1]) : name
        }
    }

    private(set) var cases: [Case] = []
    private(set) var planned: Int?
    private(set) var hasTAP = false
    private var bail: String?
    private var skipped: String?
    private var last: [String] = []

    init(_ lines: [SelftestEvidence.Line]) {
        var said: [String] = []
        var from = lines.first?.time ?? 0
        for line in lines {
            switch KTAPLine(line.text) {
            case .version: hasTAP = true
            case .plan(let count, let reason):
                skipped = skipped ?? reason
                planned = planned ?? count
                hasTAP = true
            case .bailOut(let reason): bail = reason
            case .result(let result):
                hasTAP = true
                cases.append(Case(result: result, line: line.text, said: said, from: from, until: line.time))
                said = []
                from = line.time
            default: said.append(line.text)
            }
        }
        last = said
    }

    /// A program that writes no TAP says it with its exit status: 0, 4 for a skip, or anything else (tools/testing/selftests/kselftest.h).
    mutating func takeStatus(of report: ScenarioReport, name: String) {
        guard let status = report.steps.last(where: { $0.name == SelftestPlan.exitStep })?.detail.flatMap({ Int32($0) }) else { return }
        if hasTAP {
            // "1..0 # SKIP reason", and of ksft_exit_skip() the status.
            guard planned == 0, skipped != nil || status == 4 else { return }
            cases = [
                Case(
                    result: KTAPLine.KTAPResult(ok: true, number: 1, name: Self.whole, directive: .skip, reason: skipped), line: "", said: last,
                    from: 0,
                    until: report.duration)
            ]
            return
        }
        // What ksft.py makes of these, thrown by a case; a program that throws one before its first case has no cases.
        if status == 1, let word = last.last, let (directive, reason) = Self.exception(word) {
            cases = [
                Case(
                    result: KTAPLine.KTAPResult(ok: true, number: 1, name: Self.whole, directive: directive, reason: reason), line: "", said: last,
                    from: 0,
                    until: report.duration)
            ]
            return
        }
        let skipped = status == 4 || status == 77
        cases = [
            Case(
                result: KTAPLine.KTAPResult(
                    ok: status == 0 || skipped, number: 1, name: Self.whole, directive: skipped ? .skip : nil, reason: skipped ? last.last : nil),
                line: "", said: last, from: 0, until: report.duration)
        ]
    }

    /// The one result of a program that reports none.
    private static let whole = "exit-status"

    private static func exception(_ line: String) -> (KTAPLine.KTAPResult.Directive, String)? {
        let name = line.prefix { $0 != ":" && $0 != " " }
        for (ending, directive) in [("lib.py.ksft.KsftSkipEx", KTAPLine.KTAPResult.Directive.skip), ("lib.py.ksft.KsftXfailEx", .xfail)]
        where name.hasSuffix(ending) {
            let reason = line.dropFirst(name.count)
            return (directive, reason.hasPrefix(": ") ? String(reason.dropFirst(2)) : "no reason given")
        }
        return nil
    }

    /// What is wrong with it as a whole.
    func findings(status: Int32?) -> [Finding] {
        var findings: [Finding] = []
        func add(_ message: String) { findings.append(Finding(oracle: "selftest", message: message, evidence: Array(last.suffix(20)))) }
        if let bail { add("it bailed out: \(bail)") }
        if cases.isEmpty, hasTAP { add("it reported no case") }
        if let planned, planned != cases.count, planned != 0 || skipped == nil && status != 4 {
            add("it planned \(planned) cases and reported \(cases.count)")
        }
        guard hasTAP, let status else { return findings }
        let failed = cases.contains { !$0.result.ok && $0.result.directive == nil }
        switch status {
        case 4 where !cases.contains { $0.result.directive == .skip }: add("it exited with 4, which means skipped, and no case was")
        case 0, 4: if failed { add("it exited with \(status), and a case had failed") }
        default: if !failed { add("it exited with \(status), and no case had failed") }
        }
        return findings
    }
}
