// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness
import Results

/// The measurements of a run of the benchmark, and its machine.
struct Report: Encodable, Sendable {
    var schemaVersion = 1
    /// ISO 8601.
    var started: String
    var kernel: String
    var processor: String
    var processors: Int
    /// The 1-minute load average when the run began: 0 on an idle machine.
    var load: Double
    var rows: [Measurement] = []

    init(kernel: String) {
        self.kernel = kernel
        started = Date().formatted(.iso8601)
        processors = ProcessInfo.processInfo.activeProcessorCount
        processor = Self.processorName
        load = Self.loadAverage
    }

    private static var processorName: String {
        let lines = Files.text("/proc/cpuinfo")?.split(separator: "\n") ?? []
        let line = lines.first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }

    private static var loadAverage: Double { Files.text("/proc/loadavg")?.split(separator: " ").first.flatMap { Double($0) } ?? 0 }

    /// The rows with their medians, for programs.
    func json() throws -> Data { try StableJSON.document(self) }

    /// The rows as a Markdown table, for docs/benchmarks.md.
    func table() -> String {
        var cells = [["name", "median s", "spread", "n", "compared with", "ratio", "verdict"]]
        var notes: [String] = []
        for row in rows {
            var base = row.aim.map { "aim \(Self.number($0))" } ?? ""
            if row.aim == nil, let reference = row.reference { base = "\(reference.name) \(Self.number(reference.seconds))" }
            cells.append([
                row.name, row.median.map(Self.number) ?? "", Self.spread(row.seconds), String(row.seconds.count), base,
                row.ratio.map { String(format: "%.2f", $0) } ?? "", row.verdict.rawValue,
            ])
            if let problem = row.problem { notes.append("\(row.name): \(problem)") }
            if let note = row.note { notes.append("\(row.name): \(note)") }
        }
        let widths = cells[0].indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        var lines = cells.map { row in
            "| " + row.enumerated().map { $1.padding(toLength: widths[$0], withPad: " ", startingAt: 0) }.joined(separator: " | ") + " |"
        }
        lines.insert("| " + widths.map { String(repeating: "-", count: $0) }.joined(separator: " | ") + " |", at: 1)
        let head = "\(started), \(processors) x \(processor), load \(load) at the start, \(kernel)"
        return ([head, ""] + lines + (notes.isEmpty ? [] : [""] + notes)).joined(separator: "\n") + "\n"
    }

    private static func spread(_ seconds: [Double]) -> String {
        guard seconds.count > 1, let low = seconds.min(), let high = seconds.max() else { return "" }
        return "\(number(low))-\(number(high))"
    }

    private static func number(_ value: Double) -> String { String(format: value < 10 ? "%.2f" : "%.1f", value) }
}
