// SPDX-License-Identifier: GPL-2.0

internal import Results

/// The output of a kernel selftest, divided into cases.
struct KernelSelftestOutput {
    struct Case {
        var result: KTAPLine.KTAPResult
        /// The line itself.
        var line: String
        /// What the program wrote between the result before and this one.
        var output: [String]
        var from: UInt64
        var until: UInt64
        /// Without the program's name, which ksft.py puts before the name of the case. No two cases have the same name.
        var name = ""
    }

    private(set) var cases: [Case] = []
    private(set) var planned: Int?
    private(set) var hasTAP = false
    private var bail: String?
    private var skipped: String?
    private var last: [String] = []
    /// What contradicts itself in the plans and numbers.
    private var contradictions: [String] = []

    /// - Parameter stem: the program's name without its extension.
    init(_ lines: [KernelSelftestEvidence.Line], stem: String) {
        var output: [String] = []
        var from = lines.first?.time ?? 0
        let documents = KTAPDocument.documents(of: lines.map(\.text))
        for document in documents {
            hasTAP = hasTAP || document.isTAP
            bail = bail ?? document.bail
            skipped = skipped ?? document.skipped
            if let count = document.planned {
                let (sum, overflow) = (planned ?? 0).addingReportingOverflow(count)
                planned = overflow ? .max : sum
            }
            contradictions += document.contradictions
            for part in document.parts {
                output += part.output
                guard let result = part.result else { continue }
                let time = lines[part.line].time
                cases.append(Case(result: result, line: lines[part.line].text, output: output, from: from, until: time))
                (output, from) = ([], time)
            }
        }
        last = output
        nameCases(stem)
    }

    private mutating func nameCases(_ stem: String) {
        var counts: [String: Int] = [:]
        // The program as a whole has that name.
        var used: Set = [KernelSelftestJudge.whole]
        for index in cases.indices {
            let result = cases[index].result
            var name = result.name.isEmpty ? "case-\(result.number ?? 0)" : result.name
            let prefix = Array((stem + ".").utf8)
            if !stem.isEmpty, name.utf8.count > prefix.count, name.utf8.starts(with: prefix) {
                name = String(decoding: name.utf8.dropFirst(prefix.count), as: UTF8.self)
            }
            var count = counts[name] ?? 0
            repeat {
                count += 1
                cases[index].name = count == 1 ? name : "\(name) (\(count))"
            } while !used.insert(cases[index].name).inserted
            counts[name] = count
        }
    }

    /// Adds the one case of a program that reports none, by its exit status: 0, 4 for a skip, or anything else
    /// (tools/testing/selftests/kselftest.h).
    mutating func addExitStatus(of report: ScenarioReport) {
        guard let status = report.exitStatus else { return }
        if hasTAP {
            // "1..0 # SKIP reason", and of ksft_exit_skip() the status.
            guard planned == 0, skipped != nil || status == 4 else { return }
            return addOnly(ok: true, .skip, reason: skipped, until: report.duration)
        }
        // ksft.py reports these exceptions of a case so. A program that throws one before its first case has no cases.
        if status == 1, let word = last.last, let (directive, reason) = Self.exception(word) {
            return addOnly(ok: true, directive, reason: reason, until: report.duration)
        }
        let isSkip = status == 4 || status == 77
        addOnly(ok: status == 0 || isSkip, isSkip ? .skip : nil, reason: isSkip ? last.last : nil, until: report.duration)
    }

    private mutating func addOnly(ok: Bool, _ directive: KTAPLine.KTAPResult.Directive?, reason: String?, until: UInt64) {
        let result = KTAPLine.KTAPResult(ok: ok, number: 1, name: Self.whole, directive: directive, reason: reason)
        cases = [Case(result: result, line: "", output: last, from: 0, until: until, name: Self.whole)]
    }

    /// The name of the one case of a program that reports none.
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

    /// What is inconsistent in the output as a whole.
    func findings(status: Int32?) -> [Finding] {
        var findings: [Finding] = []
        func add(_ message: String) { findings.append(Finding(oracle: .kernelSelftest, message: message, evidence: Array(last.suffix(20)))) }
        if let bail { add("it bailed out: \(bail)") }
        if cases.isEmpty, hasTAP { add("it reported no case") }
        if let planned, planned != cases.count, planned != 0 || skipped == nil && status != 4 {
            add("it planned \(planned) cases and reported \(cases.count)")
        }
        contradictions.forEach(add)
        guard hasTAP, let status else { return findings }
        func has(_ directive: KTAPLine.KTAPResult.Directive) -> Bool { cases.contains { $0.result.directive == directive } }
        let failed = cases.contains { $0.isFailure }
        switch status {
        // Of kselftest.h: KSFT_XFAIL and KSFT_XPASS.
        case 2 where has(.xfail) && !failed, 3 where has(.xpass) && !failed: break
        case 4 where !cases.contains { $0.result.directive == .skip }: add("it exited with status 4 (skip), but no case was skipped")
        case 0, 4: if failed { add("it exited with status \(status), but a case failed") }
        default: if !failed { add("it exited with status \(status), but no case failed") }
        }
        return findings
    }
}

extension KernelSelftestOutput.Case {
    var isFailure: Bool {
        switch result.directive {
        case .skip, .xfail, .todo: false
        case .xpass, .timeout, .error, nil: !result.ok
        }
    }
}

extension KernelSelftestOutput {
    /// The line that describes a failure best: the last line of a Python exception, otherwise the first line of a failed check.
    static func headline(of output: [String]) -> String {
        let lines = output.map { $0.hasPrefix("# ") ? String($0.dropFirst(2)) : $0 }
        let raised = lines.filter { $0.hasPrefix("Exception| ") }.map { String($0.dropFirst("Exception| ".count)) }
        if let start = raised.lastIndex(where: { $0.hasPrefix("CMD") }), let why = Self.failure(ofCommand: raised[start...]) { return why }
        let names = raised.filter { line in !line.isEmpty && ![" ", "Traceback", "CMD"].contains { line.hasPrefix($0) } }
        if let last = names.last { return last }
        return lines.first { $0.hasPrefix("Check failed") || $0.hasPrefix("Check| Check failed") } ?? lines.last ?? "the test reports a failure"
    }

    /// For a command of the test that failed unexpectedly (net/lib/py/utils.py): its name, its status and, from its standard error, the first
    /// line that contains "error", "fail" or "cannot", otherwise the last.
    private static func failure(ofCommand lines: ArraySlice<String>) -> String? {
        guard let command = lines.first?.split(separator: ": ", maxSplits: 1).last, let program = command.split(separator: " ").first,
            let status = lines.first(where: { $0.hasPrefix("  EXIT: ") })?.dropFirst("  EXIT: ".count),
            let errors = lines.firstIndex(where: { $0.hasPrefix("  STDERR: ") })
        else { return nil }
        let written = lines[errors...].prefix { $0.hasPrefix("  ") }.map { String($0.dropFirst("  STDERR: ".count)) }
        let best = written.first { line in ["error", "fail", "cannot"].contains { line.lowercased().contains($0) } } ?? written.last { !$0.isEmpty }
        return best.map { "\(program.split(separator: "/").last ?? program) exited with \(status): \($0)" }
    }
}

extension ScenarioReport {
    /// The exit status of a kernel selftest's program; nil where it did not end.
    var exitStatus: Int32? { steps.last { $0.name == KernelSelftestPlan.exitStep }?.detail.flatMap { Int32($0) } }
}
