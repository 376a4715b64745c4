// SPDX-License-Identifier: GPL-2.0

/// Writes results as KTAP version 1 (Documentation/dev-tools/ktap.rst): a subtest per group, a test per scenario.
public enum KTAP {
    /// The whole document, ending with a newline.
    public static func document(_ results: [ScenarioResult]) -> String {
        let groups = ResultGroup.groups(of: results)
        var lines = ["KTAP version 1", "1..\(groups.count)"]
        for (number, group) in groups.enumerated() {
            lines += ["  KTAP version 1", "  1..\(group.results.count)"]
            for (inner, result) in group.results.enumerated() {
                lines += self.lines(for: result, number: inner + 1).map { "  " + $0 }
            }
            let failed = group.results.contains { $0.verdict.isFailure }
            let skipped = group.results.allSatisfy { $0.verdict == .skip }
            lines.append("\(failed ? "not ok" : "ok") \(number + 1) \(name(group.name))\(skipped ? " # SKIP" : "")")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The diagnostic lines of one scenario and its result line, not indented.
    public static func lines(for result: ScenarioResult, number: Int) -> [String] {
        var lines: [String] = []
        for finding in result.findings {
            lines.append("# \(finding.description.oneLine)")
            lines += finding.evidence.map { "#   \($0.oneLine)" }
        }
        let description = "\(number) \(name(result.scenario))"
        switch result.verdict {
        case .pass: lines.append("ok \(description)\(unexpectedPass(result))")
        case .fail: lines.append("not ok \(description)")
        case .skip: lines.append("ok \(description) # SKIP\(reason(result).map { " " + $0 } ?? "")")
        case .xfail: lines.append("ok \(description) # XFAIL\(reason(result).map { " " + $0 } ?? "")")
        case .crashed: lines.append("not ok \(description) # crashed: \(reason(result) ?? "no reason known")")
        }
        return lines
    }

    /// A pass that a kernel selftest expected to fail.
    private static func unexpectedPass(_ result: ScenarioResult) -> String {
        let word = ScenarioResult.unexpectedPass
        guard let reason = reason(result), reason.hasPrefix(word) else { return "" }
        return " # " + word + reason.dropFirst(word.count).drop { $0 == ":" }
    }

    /// The last line of a document that has not all results.
    ///
    /// - Parameter reason: of several lines, the first.
    public static func bailOut(_ reason: String) -> String {
        "Bail out! " + (reason.unicodeScalars.split(separator: "\n").first.map { String($0).oneLine } ?? "") + "\n"
    }

    private static func reason(_ result: ScenarioResult) -> String? {
        guard let reason = result.reason, !reason.isEmpty else { return nil }
        return escaped(reason)
    }

    /// A description is anything but '#' and newline; the backslash escapes, as in TAP 14: also that of `oneLine`.
    private static func name(_ text: String) -> String { text.isEmpty ? "unnamed" : escaped(text) }

    private static func escaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        // By scalars: a "#" with a combining mark is a "#" to a reader of bytes.
        for scalar in text.oneLine.unicodeScalars {
            if scalar == "#" || scalar == "\\" { result.append("\\") }
            result.append(scalar)
        }
        return String(result)
    }
}
