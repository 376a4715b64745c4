// SPDX-License-Identifier: GPL-2.0

import Foundation

/// One row of the table: what was measured, how often, and what it is compared with.
struct Measurement: Sendable {
    /// What a time is compared with where it has no aim: another tool, or the part of it that is not ours.
    struct Reference: Codable, Sendable {
        var name: String
        var seconds: Double
    }

    enum Verdict: String, Codable, Sendable {
        case ok, missed, failed
        /// There is no aim to meet.
        case measured = "-"
    }

    var name: String
    /// Seconds, in the order they were taken.
    var seconds: [Double]
    /// Seconds, at most.
    var aim: Double?
    var reference: Reference?
    /// What the reader should know of these numbers.
    var note: String?
    /// Why there is no number, or none to believe.
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

    var verdict: Verdict {
        guard problem == nil, let median else { return .failed }
        guard let aim else { return .measured }
        return median <= aim ? .ok : .missed
    }
}
