// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
import Testing

@testable import Scenarios

@Suite struct CatalogueTests {
    @Test func namesAreUniqueAndDotted() {
        let names = Catalogue.all.map { $0.id }
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.contains(".") && $0 == $0.lowercased() && !$0.contains(" ") })
    }

    @Test func aPlainSelectionHasNothingHidden() {
        let selected = Catalogue.select(nil)
        #expect(!selected.isEmpty)
        #expect(selected.allSatisfy { !$0.hidden })
    }

    @Test func onlyAPatternThatNamesThemFindsTheHiddenOnes() {
        #expect(Catalogue.select("*").allSatisfy { !$0.hidden })
        #expect(Catalogue.select("selftest.panic").map { $0.id } == ["selftest.panic"])
        #expect(Catalogue.select("selftest.*").allSatisfy { $0.hidden })
    }

    @Test func allTakesTheThoroughOnesToo() {
        let thorough = Catalogue.all.filter { $0.thorough }
        #expect(Catalogue.select(nil).allSatisfy { !$0.thorough })
        #expect(Set(Catalogue.select(nil, all: true).map { $0.id }).isSuperset(of: thorough.map { $0.id }))
        for scenario in thorough.prefix(3) { #expect(Catalogue.select(scenario.id).map { $0.id } == [scenario.id]) }
    }

    @Test(arguments: [("zcrx.*", "zcrx.idle", true), ("zcrx.*", "devmem.idle", false), ("?crx.idle", "zcrx.idle", true), ("[zd]*.idle", "devmem.idle", true)])
    func globs(_ pattern: String, _ name: String, _ matches: Bool) {
        #expect(Glob.matches(pattern, name) == matches)
    }

    /// A scenario that drives a provider and expects nothing of it could not fail.
    @Test func everyProviderScenarioExpectsToExerciseIt() {
        for scenario in Catalogue.select(nil) where scenario.tier == .netdevsim {
            // What is sent from a dma-buf belongs to no pool; there the payload and the dma-buf's end are the evidence.
            #expect(scenario.expectation.minimumHolds > 0 || scenario.group == "transmit" && scenario.expectation.payload, "\(scenario.id)")
        }
        for scenario in Catalogue.select(nil) where scenario.tier == .nodev {
            #expect(scenario.expectation.minimumHolds == 0, "\(scenario.id): there is no page pool to hold from")
            #expect(scenario.expectation.payload, "\(scenario.id)")
        }
    }

    @Test func theDocumentIsThatOfTheCatalogue() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../docs/scenarios.md").standardized
        let kept = try String(contentsOf: file, encoding: .utf8)
        #expect(kept == CatalogueDocument.markdown(), "make it again: ppiov list --markdown > docs/scenarios.md")
    }

    @Test func whatClaimsZeroCopyIsHeldToThePayload() {
        for scenario in Catalogue.all where scenario.expectation.zeroCopy { #expect(scenario.expectation.payload, "\(scenario.id)") }
    }
}
