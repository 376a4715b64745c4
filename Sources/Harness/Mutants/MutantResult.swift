// SPDX-License-Identifier: GPL-2.0

public import Results

/// The outcome of one mutant.
public struct MutantResult: Codable, Sendable, Equatable {
    public enum Verdict: String, Codable, Sendable {
        /// A scenario failed or crashed in every try.
        case caught
        /// A scenario failed or crashed in some tries, and none in others.
        case flaky
        /// No scenario failed or crashed.
        case missed
        /// The compiler or the linker refused it: this does not count for or against the harness.
        case doesNotBuild
        /// The guest did not boot: this does not count for or against the harness.
        case doesNotBoot

        /// As the table prints it.
        public var word: String {
            switch self {
            case .caught: "caught"
            case .flaky: "FLAKY"
            case .missed: "MISSED"
            case .doesNotBuild: "does not build"
            case .doesNotBoot: "does not boot"
            }
        }
    }

    public var name: String
    public var kind: Mutant.Class
    public var subject: String
    public var profile: String
    public var only: Mutant.Only?
    public var verdict: Verdict
    /// Why no scenario is expected to catch it; nil where one is.
    public var explained: String?
    /// The scenarios that failed, the first one first; one, except with `--whole` or where tries differ.
    public var catches: [FirstFailure]
    /// In how many tries a scenario failed, and how many tries there were.
    public var seen: Int
    public var tries: Int
    /// How many scenarios ran, and how many of these were skipped.
    public var ran: Int
    public var skipped: Int
    /// A compiler warning, an empty filter, the error of a build or boot.
    public var note: String?
    public var buildSeconds: Double
    public var runSeconds: Double

    init(_ mutant: Mutant) {
        name = mutant.name
        kind = mutant.kind
        subject = mutant.subject
        profile = mutant.profile
        only = mutant.only
        verdict = .missed
        explained = mutant.missed
        catches = []
        (seen, tries, ran, skipped) = (0, 0, 0, 0)
        (buildSeconds, runSeconds) = (0, 0)
    }

    /// Caught in every try, or missed for the reason in its header.
    public var isGood: Bool { verdict == .caught || (verdict == .missed && explained != nil) }
}

/// The whole table, `mutants.json` in the results folder.
public struct MutantTable: Codable, Sendable, Equatable {
    /// Version of this schema.
    public static let currentSchema = 2

    public struct Totals: Codable, Sendable, Equatable {
        public var mutants: Int
        public var caught: Int
        public var flaky: Int
        public var missed: Int
        /// Of those missed, those whose header has the reason.
        public var explained: Int
        public var doesNotBuild: Int
        public var doesNotBoot: Int
        /// Caught of those that build and boot; nil where none does.
        public var percent: Double?
    }

    public var schemaVersion = Self.currentSchema
    public var toolVersion: String
    /// The unmodified source.
    public var source: String
    /// How often the scenario that catches a mutant runs.
    public var runs: Int
    public var totals: Totals
    public var mutants: [MutantResult]

    init(source: String, runs: Int, _ mutants: [MutantResult]) {
        toolVersion = ToolVersion.current
        self.source = source
        self.runs = runs
        self.mutants = mutants
        func count(_ verdict: MutantResult.Verdict) -> Int { mutants.count { $0.verdict == verdict } }
        let ran = mutants.count - count(.doesNotBuild) - count(.doesNotBoot)
        totals = Totals(
            mutants: mutants.count, caught: count(.caught), flaky: count(.flaky), missed: count(.missed),
            explained: mutants.count { $0.verdict == .missed && $0.explained != nil }, doesNotBuild: count(.doesNotBuild),
            doesNotBoot: count(.doesNotBoot), percent: ran == 0 ? nil : Double(count(.caught)) * 100 / Double(ran))
    }
}
