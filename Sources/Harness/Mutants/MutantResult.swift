// SPDX-License-Identifier: GPL-2.0

public import Results

/// What became of one mutant.
public struct MutantResult: Codable, Sendable, Equatable {
    public enum Verdict: String, Codable, Sendable {
        /// A scenario failed or crashed, every time it was tried.
        case caught
        /// A scenario failed or crashed, and another time none did.
        case luck
        case missed
        /// The compiler or the linker refused it: no statement about the harness.
        case doesNotBuild
        /// No guest came up with it: no statement about the harness.
        case doesNotBoot

        /// As the table has it.
        public var word: String {
            switch self {
            case .caught: "caught"
            case .luck: "LUCK"
            case .missed: "MISSED"
            case .doesNotBuild: "does not build"
            case .doesNotBoot: "does not boot"
            }
        }
    }

    /// A scenario that noticed it.
    public struct Catch: Codable, Sendable, Equatable {
        public var scenario: String
        /// The first finding's, or "machine" where the guest crashed or hung.
        public var oracle: Oracle
        public var message: String

        /// nil where the scenario passed, was skipped, or failed as the kernel is known to.
        init?(_ result: ScenarioResult) {
            switch result.verdict {
            case .pass, .skip, .xfail: return nil
            case .crashed:
                (oracle, message) = (.machine, result.reason ?? result.findings.first?.message ?? "crashed")
                // The kernel's own words say more than "the machine is gone".
                if let splat = result.findings.first(where: { $0.oracle == .kernelLog }) { (oracle, message) = (splat.oracle, splat.message) }
            case .fail:
                (oracle, message) = (result.findings.first?.oracle ?? .scenario, result.findings.first?.message ?? result.reason ?? "failed")
            }
            scenario = result.scenario
        }
    }

    public var name: String
    public var kind: Mutant.Class
    public var subject: String
    public var profile: String
    public var only: Mutant.Only?
    public var verdict: Verdict
    /// Why nothing is expected to catch it; nil where something is.
    public var explained: String?
    /// The scenarios that noticed it, the first one first; one, unless all were asked or tries differed.
    public var catches: [Catch]
    /// In how many tries it was noticed, and how many there were.
    public var seen: Int
    public var tries: Int
    /// Scenarios that were run with it, and those skipped.
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

    /// Whether it needs no excuse: caught each time, or missed for a reason that is written down.
    public var isGood: Bool { verdict == .caught || (verdict == .missed && explained != nil) }
}

/// The whole table, `mutants.json` in the results folder.
public struct MutantTable: Codable, Sendable, Equatable {
    /// Version of this schema.
    public static let currentSchema = 1

    public struct Totals: Codable, Sendable, Equatable {
        public var mutants: Int
        public var caught: Int
        public var luck: Int
        public var missed: Int
        /// Of those missed, those whose header says why.
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
    /// How many times each was tried.
    public var runs: Int
    public var totals: Totals
    public var mutants: [MutantResult]

    init(source: String, runs: Int, _ mutants: [MutantResult]) {
        toolVersion = Workshop.version
        self.source = source
        self.runs = runs
        self.mutants = mutants
        func count(_ verdict: MutantResult.Verdict) -> Int { mutants.count { $0.verdict == verdict } }
        let ran = mutants.count - count(.doesNotBuild) - count(.doesNotBoot)
        totals = Totals(
            mutants: mutants.count, caught: count(.caught), luck: count(.luck), missed: count(.missed),
            explained: mutants.count { $0.verdict == .missed && $0.explained != nil }, doesNotBuild: count(.doesNotBuild),
            doesNotBoot: count(.doesNotBoot), percent: ran == 0 ? nil : Double(count(.caught)) * 100 / Double(ran))
    }
}
