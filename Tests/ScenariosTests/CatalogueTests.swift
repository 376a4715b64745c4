// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
import TestSupport
import Testing

@testable import Scenarios

@Suite struct CatalogueTests {
    @Test func namesAreUniqueAndDotted() {
        let names = Catalogue.all.map { $0.id }
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.contains(".") && $0 == $0.lowercased() && !$0.contains(" ") })
    }

    @Test func knownBugsAreOfExistingScenariosAndOfOneVersion() throws {
        for (scenario, bug) in KnownBugs.all {
            #expect(Catalogue.named(scenario) != nil, "\(scenario)")
            #expect(KnownBugs.of(scenario, release: bug.version + ".13-ppiov") == bug)
            #expect(KnownBugs.of(scenario, release: bug.version + "9.1") == nil)
        }
        #expect(KnownBugs.of("zcrx.idle", release: "7.2.13") == nil)
    }

    /// A family that is not in the list would never run.
    @Test func everyFolderOfAFamilyIsInTheList() throws {
        let folders = try Repository.names(in: "Sources/Scenarios/Families")
        let listed = Catalogue.families.map { $0.name }
        #expect(folders.count == listed.count, "folders: \(folders); families: \(listed)")
    }

    @Test func aPlainSelectionHasNothingHidden() {
        let selected = Catalogue.select(nil)
        #expect(!selected.isEmpty)
        #expect(selected.allSatisfy { !$0.hidden })
    }

    @Test func onlyAPatternThatNamesThemSelectsHiddenScenarios() {
        #expect(Catalogue.select("*").allSatisfy { !$0.hidden })
        #expect(Catalogue.select("harness.panic").map { $0.id } == ["harness.panic"])
        let hidden = Catalogue.select("harness.*")
        #expect(!hidden.isEmpty && hidden.allSatisfy { $0.hidden })
    }

    @Test func allSelectsThoroughScenariosToo() {
        let thorough = Catalogue.all.filter { $0.thorough }
        #expect(Catalogue.select(nil).allSatisfy { !$0.thorough })
        #expect(Set(Catalogue.select(nil, all: true).map { $0.id }).isSuperset(of: thorough.map { $0.id }))
        for scenario in thorough.prefix(3) { #expect(Catalogue.select(scenario.id).map { $0.id } == [scenario.id]) }
    }

    /// A script that was written for version 0.1 selects the same scenarios.
    @Test(arguments: RenamedScenario.all)
    func anOldIDSelectsTheScenarioOfTheNewOne(_ renamed: RenamedScenario) throws {
        #expect(Catalogue.all.contains { $0.id == renamed.new })
        #expect(!Catalogue.all.contains { $0.id == renamed.old })
        #expect(try Catalogue.select(any: [renamed.old]).map { $0.id } == [renamed.new])
        #expect(Catalogue.renamed(renamed.old) == [renamed])
    }

    /// The table from an old id to the new one is there.
    @Test func theChangelogHasEveryRenamedID() throws {
        let lines = Set(try Repository.text("CHANGELOG.md").split(separator: "\n"))
        let missing = RenamedScenario.all.filter { !lines.contains("| `\($0.old)` | `\($0.new)` |") }
        #expect(missing.isEmpty)
    }

    @Test func anOldPatternSelectsTheSameScenarios() throws {
        let taken = try Catalogue.select(any: ["beyond.share.*"]).map { $0.id }
        #expect(taken.count == 14 && taken.allSatisfy { $0.hasPrefix("zcrx.export.") })
        let sequences = ["soak.zcrx.bind-connect-keep-leave-end-close", "soak.zcrx.bind-away-netns-end"]
        #expect(
            try Catalogue.select(any: sequences).map { $0.id } == [
                "soak.zcrx.bind-connect-hold-unread-end-close", "soak.zcrx.bind-setnetns-exitnetns-end",
            ])
        // A pattern that matches a present id has no old ids.
        #expect(Catalogue.renamed("zcrx.*").isEmpty)
    }

    /// The notes of a run name the scenarios that it runs: "beyond.*" has thorough ones too.
    @Test(arguments: [false, true])
    func oldPatternNamesWhatItTakes(_ all: Bool) throws {
        let taken = try Catalogue.select(any: ["beyond.*"], all: all).map { $0.id }
        #expect(Set(Catalogue.renamed("beyond.*", all: all).map { $0.new }) == Set(taken))
        #expect(Catalogue.renamed("beyond.*", all: true).count > Catalogue.renamed("beyond.*").count)
    }

    @Test func severalPatternsSelectWhatEachOfThemMatches() throws {
        let selected = try Catalogue.select(any: ["devmem.idle", "zcrx.i*", "zcrx.idle", "soak.zcrx.bind-end"])
        #expect(selected.map { $0.id } == ["zcrx.idle", "devmem.idle", "soak.zcrx.bind-end"])
        #expect(try Catalogue.select(any: []).count == Catalogue.select(nil).count)
    }

    @Test func aPatternThatMatchesNothingIsNamed() throws {
        let misspelt = try #require(throws: NoScenario.self) { try Catalogue.select(any: ["zcrx.idle", "zcrx.idel"]) }
        #expect("\(misspelt)" == "no scenario matches \"zcrx.idel\"")
        let family = "fault.devmem.bind-?x"
        let thorough = Catalogue.select(family, all: true).count
        #expect(Catalogue.select(family).isEmpty && thorough > 0)
        let only = try #require(throws: NoScenario.self) { try Catalogue.select(any: [family]) }
        #expect("\(only)".hasSuffix("but with --all \(thorough) do\(thorough == 1 ? "es" : "")"))
    }

    @Test(arguments: [
        ("zcrx.*", "zcrx.idle", true), ("zcrx.*", "devmem.idle", false), ("?crx.idle", "zcrx.idle", true), ("[zd]*.idle", "devmem.idle", true),
    ])
    func globs(_ pattern: String, _ name: String, _ matches: Bool) {
        #expect(Glob.matches(pattern, name) == matches)
    }

    /// A scenario that drives a provider and expects nothing of it could not fail.
    @Test func everyProviderScenarioExpectsToExerciseIt() {
        for scenario in Catalogue.select(nil) where scenario.tier == .netdevsim {
            // The net_iovs of a dma-buf for transmit belong to no pool; the payload and the end of the dma-buf are the evidence.
            #expect(scenario.expectation.minimumHolds > 0 || scenario.group == "transmit" && scenario.expectation.payload, "\(scenario.id)")
        }
        for scenario in Catalogue.select(nil) where scenario.tier == .nodev {
            #expect(scenario.expectation.minimumHolds == 0, "\(scenario.id): there is no page pool to hold from")
            #expect(scenario.expectation.payload, "\(scenario.id)")
        }
    }

    @Test func theDocumentIsThatOfTheCatalogue() throws {
        let text = try Repository.text("docs/scenarios.md")
        #expect(text == CatalogueDocument.markdown(), "regenerate it: ppiov list --markdown > docs/scenarios.md")
    }

    @Test func everyExpectationOfZeroCopyIncludesThePayload() {
        for scenario in Catalogue.all where scenario.expectation.zeroCopy { #expect(scenario.expectation.payload, "\(scenario.id)") }
    }
}
