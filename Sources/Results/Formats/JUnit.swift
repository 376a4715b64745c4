// SPDX-License-Identifier: GPL-2.0

/// Writes results as junit.xml: a `testsuite` per group, a `testcase` per scenario.
///
/// A failed scenario has a `failure` per finding, a crashed one an `error`, a skipped one a `skipped`. JUnit has no element for
/// a known failure: it is `skipped`, with its findings in `system-err`.
public enum JUnit {
    /// The whole document, ending with a newline.
    public static func document(_ results: [ScenarioResult]) -> String {
        var lines = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<testsuites name=\"ppiov\" \(counts(results))>",
        ]
        for group in ResultGroup.groups(of: results) {
            lines.append("  <testsuite name=\"\(escaped(group.name))\" \(counts(group.results))>")
            for result in group.results { lines += testCase(result, group: group.name) }
            lines.append("  </testsuite>")
        }
        lines.append("</testsuites>")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func counts(_ results: [ScenarioResult]) -> String {
        func count(_ verdict: ScenarioResult.Verdict) -> Int { results.count { $0.verdict == verdict } }
        let time = seconds(results.reduce(0) { $0 + $1.seconds })
        return "tests=\"\(results.count)\" failures=\"\(count(.fail))\" errors=\"\(count(.crashed))\" "
            + "skipped=\"\(count(.skip) + count(.xfail))\" time=\"\(time)\""
    }

    private static func testCase(_ result: ScenarioResult, group: String) -> [String] {
        let classname = "\(group).\(result.tier.rawValue)"
        let open =
            "    <testcase name=\"\(escaped(result.scenario))\" classname=\"\(escaped(classname))\" "
            + "time=\"\(seconds(result.seconds))\""
        var body: [String] = []
        switch result.verdict {
        case .pass: break
        case .skip: body.append("      <skipped message=\"\(escaped(result.reason ?? ""))\"/>")
        case .xfail: body.append("      <skipped message=\"known to fail: \(escaped(result.reason ?? ""))\"/>")
        case .crashed:
            body.append("      <error type=\"crashed\" message=\"\(escaped(result.reason ?? "no reason known"))\"/>")
        case .fail:
            if result.findings.isEmpty {
                body.append("      <failure type=\"scenario\" message=\"\(escaped(result.reason ?? "failed"))\"/>")
            }
        }
        body += result.findings.map { finding in
            let tag = result.verdict != .fail || finding.oracle == .isolatedRerun ? "system-err" : "failure"
            let evidence = finding.evidence.joined(separator: "\n")
            if tag == "system-err" {
                return "      <system-err>\(escaped("\(finding)\n\(evidence)"))</system-err>"
            }
            return "      <failure type=\"\(escaped(finding.oracle.rawValue))\" message=\"\(escaped(finding.message))\">"
                + "\(escaped(evidence))</failure>"
        }
        return body.isEmpty ? [open + "/>"] : [open + ">"] + body + ["    </testcase>"]
    }

    /// Milliseconds are enough, and a plain number has no locale and no exponent.
    private static func seconds(_ value: Double) -> String {
        guard value.isFinite, value > 0, value < 1e12 else { return "0.000" }
        let milliseconds = Int64((value * 1000).rounded())
        let fraction = String(milliseconds % 1000)
        return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
    }

    /// For text and attributes alike. Characters that a terminal obeys or does not show, and those that XML 1.0 forbids even when escaped
    /// (control characters, U+FFFE, U+FFFF), are escaped as elsewhere.
    static func escaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result.append(contentsOf: "&amp;".unicodeScalars)
            case "<": result.append(contentsOf: "&lt;".unicodeScalars)
            case ">": result.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
            case "'": result.append(contentsOf: "&apos;".unicodeScalars)
            // An attribute's line break would be read as a space.
            case "\n": result.append(contentsOf: "&#10;".unicodeScalars)
            case "\t": result.append(contentsOf: "&#9;".unicodeScalars)
            default: result.append(contentsOf: String(scalar).oneLine.unicodeScalars)
            }
        }
        return String(result)
    }
}
