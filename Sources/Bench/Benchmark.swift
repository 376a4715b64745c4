// SPDX-License-Identifier: GPL-2.0

import Harness

/// The measurements, in the order in which they are made.
enum Subject: String, CaseIterable, Sendable {
    case cold, rebuild, unchanged, boot, snapshot, suite, edit, virtme, step, model, check

    /// It runs on a kernel, or builds one.
    var takesKernel: Bool { self != .model && self != .check }
}

/// One run of the benchmark.
struct Benchmark: Sendable {
    let product: Product
    let folder: BenchFolder
    /// As `ppiov --kernel` takes it.
    let kernel: String
    /// How often short measurements are made.
    let repeats: Int
    let report: @Sendable (String) -> Void

    var userTree: UserTree { UserTree(path: folder.tree) }

    /// How often measurements of half a minute are made.
    var longRepeat: Int { min(repeats, 3) }

    /// Measures the subjects and passes the rows of each to `each`. A subject that cannot be measured becomes a row with the reason.
    ///
    /// - Throws: `CancellationError`.
    func run(_ subjects: [Subject], each: (Subject, [Measurement]) throws -> Void) async throws {
        if subjects.contains(where: \.takesKernel), !subjects.contains(.cold) { try await folder.seed(from: Cache()) }
        for subject in subjects {
            try Task.checkCancellation()
            report("measuring: \(subject.rawValue)")
            let rows: [Measurement]
            do {
                rows = try await measure(subject)
            } catch let error as HarnessError {
                try Task.checkCancellation()
                rows = [
                    Measurement(name: subject.rawValue, seconds: [], problem: ([error.message] + error.evidence.suffix(5)).joined(separator: "; "))
                ]
            }
            try each(subject, rows)
        }
    }

    private func measure(_ subject: Subject) async throws -> [Measurement] {
        switch subject {
        case .cold: try await cold()
        case .rebuild: try await rebuild()
        case .unchanged: try await unchanged()
        case .boot: try await boot()
        case .snapshot: try await snapshot()
        case .suite: try await suite()
        case .edit: try await edit()
        case .virtme: try await virtme()
        case .step: try await step()
        case .model: try await model()
        case .check: try await check()
        }
    }
}
