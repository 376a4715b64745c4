// SPDX-License-Identifier: GPL-2.0

import Foundation
import Synchronization

/// The results of mutants as they arrive, in the order of the request.
final class MutantLedger: Sendable {
    private let order: [String]
    private let source: String
    private let runs: Int
    private let folder: ResultsFolder
    private let report: @Sendable (MutantResult) -> Void
    private let results = Mutex<[String: MutantResult]>([:])

    /// - Parameters:
    ///   - source: the unmodified source, as the table names it.
    ///   - runs: how often the scenario that catches a mutant runs.
    ///   - report: called with each result, with one at a time.
    init(_ mutants: [Mutant], source: String, runs: Int, folder: ResultsFolder, report: @escaping @Sendable (MutantResult) -> Void) {
        order = mutants.map(\.name)
        self.source = source
        self.runs = runs
        self.folder = folder
        self.report = report
    }

    var table: MutantTable { results.withLock { table(of: $0) } }

    /// Reports a result, and writes the table so far: the run may be interrupted.
    func add(_ result: MutantResult) throws {
        try results.withLock { results in
            results[result.name] = result
            report(result)
            try folder.write("mutants.json", json: table(of: results))
        }
    }

    private func table(of results: [String: MutantResult]) -> MutantTable {
        MutantTable(source: source, runs: runs, order.compactMap { results[$0] })
    }
}
