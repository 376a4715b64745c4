// SPDX-License-Identifier: GPL-2.0

import ForeignReaders
import Foundation
import Testing

/// A share of what `reader-mutants` tries (CONTRIBUTING.md). PPIOV_READER_MUTANTS is the number of inputs, PPIOV_READER_SEED the first seed.
@Suite struct ReaderMutantTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let count = environment["PPIOV_READER_MUTANTS"].flatMap { UInt64($0) } ?? 1500
    private static let first = environment["PPIOV_READER_SEED"].flatMap { UInt64($0) } ?? 0
    private static let shares: UInt64 = 8
    private static let examples = Result { try ReaderExamples() }

    @Test("no changed input stops a reader, and no changed trace conforms", arguments: 0..<shares)
    func mutants(_ share: UInt64) throws {
        let examples = try Self.examples.get()
        for number in stride(from: share, to: Self.count, by: Int(Self.shares)) {
            let mutant = ReaderMutant(seed: Self.first + number)
            let fault = mutant.examine(examples, limit: 1 << 12)
            #expect(fault == nil, "seed \(mutant.seed), \(mutant.subject.name)")
        }
    }

    @Test(arguments: ForeignReader.allCases) func eachReaderHasExamplesThatItReads(_ reader: ForeignReader) throws {
        let examples = try Self.examples.get()[reader]
        #expect(examples.count > 0)
        for example in examples { #expect(reader.examine(example) == nil) }
    }
}
