// SPDX-License-Identifier: GPL-2.0

import Foundation

/// One row of the table: a measurement, its times, and what it is compared with.
struct Measurement: Encodable, Sendable {
    /// What a time without an aim is compared with: another tool, or the part of the time that is not ppiov's.
    struct Reference: Codable, Sendable {
        var name: String
        var seconds: Double
    }

    enum Verdict: String, Codable, Sendable {
        case ok, missed, failed
        /// There is no aim.
        case measured = "-"
    }

    var name: String
    /// Seconds, in the order they were taken.
    var seconds: [Double]
    /// Seconds, at most.
    var aim: Double?
    var reference: Reference?
    /// A remark on the numbers.
    var note: String?
    /// Why there is no number, or no valid one.
    var problem: String?

    var median: Double? {
        guard !seconds.isEmpty else { return nil }
        let sorted = seconds.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// To the aim, or to the reference where there is none.
    var ratio: Double? {
        guard let median, let base = aim ?? reference?.seconds, base > 0 else { return nil }
        return median / base
    }

    private enum CodingKeys: CodingKey { case name, seconds, median, minimum, maximum, aim, reference, ratio, verdict, note, problem }

    /// Also encodes the values that follow from the seconds.
    func encode(to encoder: any Encoder) throws {
        var row = encoder.container(keyedBy: CodingKeys.self)
        try row.encode(name, forKey: .name)
        try row.encode(seconds, forKey: .seconds)
        try row.encodeIfPresent(median, forKey: .median)
        try row.encodeIfPresent(seconds.min(), forKey: .minimum)
        try row.encodeIfPresent(seconds.max(), forKey: .maximum)
        try row.encodeIfPresent(aim, forKey: .aim)
        try row.encodeIfPresent(reference, forKey: .reference)
        try row.encodeIfPresent(ratio, forKey: .ratio)
        try row.encode(verdict, forKey: .verdict)
        try row.encodeIfPresent(note, forKey: .note)
        try row.encodeIfPresent(problem, forKey: .problem)
    }

    var verdict: Verdict {
        guard problem == nil, let median else { return .failed }
        guard let aim else { return .measured }
        return median <= aim ? .ok : .missed
    }
}
