// SPDX-License-Identifier: GPL-2.0

import LifeCycle
import TraceForms

/// An input of one of the readers that was changed. Everything follows from the seed.
///
/// Every third is a changed trace (`TraceMutant`), in one of the forms that `ppiov check` reads, with the decompression that it has.
public struct ReaderMutant {
    public enum Subject: Sendable {
        case trace
        case reader(ForeignReader)

        public var name: String {
            switch self {
            case .trace: "changed trace"
            case .reader(let reader): reader.rawValue
            }
        }
    }

    public let seed: UInt64
    public let subject: Subject
    private let random: SeededGenerator

    public init(seed: UInt64) {
        self.seed = seed
        let readers = ForeignReader.allCases
        subject = seed % 3 == 0 ? .trace : .reader(readers[Int(seed / 3 * 2 + seed % 3 - 1) % readers.count])
        random = SeededGenerator(seed: seed)
    }

    private static let writers =
        TraceForm.writers + [DatWriter { $0.compression = .storedZlib }, DatWriter { ($0.compression, $0.chunkPages) = (.storedZstd, 1) }]

    /// The bytes; nil for a changed trace, which `TraceMutant` makes.
    public func bytes(_ examples: ReaderExamples, limit: Int = 1 << 16) -> [UInt8]? {
        guard case .reader(let reader) = subject else { return nil }
        var random = random
        let all = examples[reader]
        guard let one = all.randomElement(using: &random) else { return nil }
        var mutation = ByteMutation(one, random, others: all, limit: max(limit, one.count))
        mutation.change()
        return mutation.bytes
    }

    /// Reads it.
    ///
    /// - Returns: what is wrong with the answer; nil where it is right.
    public func examine(_ examples: ReaderExamples, limit: Int = 1 << 16) -> String? {
        switch subject {
        case .trace:
            var mutant = TraceMutant(seed: seed / 3, writers: Self.writers, decompressors: ForeignReader.decompressors)
            return mutant.examine()
        case .reader(let reader):
            guard let bytes = bytes(examples, limit: limit) else { return "there is no example for \(reader.rawValue)" }
            return reader.examine(bytes)
        }
    }
}
