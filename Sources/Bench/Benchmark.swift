// SPDX-License-Identifier: GPL-2.0

import Harness

/// What can be measured, in the order it is measured in.
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
    /// How often short things are measured.
    let repeats: Int
    let say: @Sendable (String) -> Void

    var userTree: UserTree { UserTree(path: folder.tree) }

    /// How often things are measured that take half a minute.
    var longRepeat: Int { min(repeats, 3) }

    /// Measures the subjects and hands on the rows of each; what cannot be measured becomes a row that says why.
    ///
    /// - Throws: `CancellationError`.
    func run(_ subjects: [Subject], each: (Subject, [Measurement]) throws -> Void) async throws {
        if subjects.contains(where: \.takesKernel), !subjects.contains(.cold) { try await folder.seed(from: Cache()) }
        for subject in subjects {
            try Task.checkCancellation()
            say("measuring: \(subject.rawValue)")
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
