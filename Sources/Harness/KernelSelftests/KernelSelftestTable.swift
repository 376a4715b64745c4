// SPDX-License-Identifier: GPL-2.0

public import Results

/// The results of the kernel's own selftests, one line for each case: the tables of docs/kernel-selftests.md.
public struct KernelSelftestTable: Sendable {
    public var release: String
    public var plans: [KernelSelftestPlan]
    public var results: [ScenarioResult]

    public init(release: String, plans: [KernelSelftestPlan], results: [ScenarioResult]) {
        self.release = release
        self.plans = plans
        self.results = results
    }

    public var markdown: String {
        var lines = ["## Linux \(release)", "", "| Program | Case | Result | net_iovs held, released | Why |", "| --- | --- | --- | --- | --- |"]
        for plan in plans {
            let own = results.filter { $0.scenario.hasPrefix(plan.name + ".") }
            for result in own {
                let held = result.accounts.reduce(0) { $0 + $1.netIovHolds }
                let released = result.accounts.reduce(0) { $0 + $1.netIovReleases }
                let why = result.reason ?? result.findings.first.map { "\($0.oracle): \($0.message)" } ?? ""
                let words = [
                    "\(plan.program)\(plan.setting == .bare ? ", bare" : "")", Self.cell(String(result.scenario.dropFirst(plan.name.count + 1))),
                    result.verdict.rawValue,
                    held + released > 0 ? "\(held), \(released)" : "", Self.cell(why),
                ]
                lines.append("| " + words.joined(separator: " | ") + " |")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Text of a guest as the text of one cell, without markup.
    static func cell(_ text: String) -> String {
        let marks: [Unicode.Scalar: String] = ["|": "\\|", "<": "&lt;", "&": "&amp;", "`": "\\`"]
        return text.oneLine.unicodeScalars.map { marks[$0] ?? String($0) }.joined()
    }

    /// Writes the table to a file: it replaces the table of the same kernel series, or is added.
    public func write(to path: String) throws { try Files.write(Self.document(Files.text(path) ?? "", with: markdown), to: path) }

    private static let head = "## Linux "

    /// Each section begins with a heading that names a release. The text before the first is not changed.
    static func document(_ old: String, with section: String) -> String {
        var parts: [[Substring]] = [[]]
        for line in old.lines {
            if line.hasPrefix(head) { parts.append([]) }
            parts[parts.count - 1].append(line)
        }
        var sections = parts.dropFirst().map { $0.joined(separator: "\n") }
        let text = section.last == "\n" ? String(section.dropLast()) : section
        if let place = sections.firstIndex(where: { series($0) == series(text) }) { sections[place] = text } else { sections.append(text) }
        sections.sort { DebianVersion(series($0)) > DebianVersion(series($1)) }
        let opening = parts[0].joined(separator: "\n")
        return ((opening.isEmpty ? [] : [opening]) + sections).map { $0.last == "\n" ? String($0.dropLast()) : $0 }.joined(separator: "\n\n") + "\n"
    }

    /// "7.3" of a section about 7.3.4.
    private static func series(_ section: String) -> String {
        section.dropFirst(head.count).prefix { $0.isNumber || $0 == "." }.split(separator: ".").prefix(2).joined(separator: ".")
    }
}
