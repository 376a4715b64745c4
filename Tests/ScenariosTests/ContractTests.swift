// SPDX-License-Identifier: GPL-2.0

import Foundation
import KernelABI
import TestSupport
import Testing

@testable import Scenarios

@Suite struct ContractTests {
    /// Each file of Tables/ is compiled in under its version.
    @Test(arguments: ContractTables.all.map { $0.version })
    func theTablesAreTheFiles(_ version: String) throws {
        let file = try Repository.text("Sources/Scenarios/Families/Contract/Tables/linux-\(version).txt")
        #expect(ContractTables.all.first { $0.version == version }?.text == file)
    }

    @Test func everyScenarioHasASectionInEveryTable() {
        for table in ContractTables.all {
            for scenario in ContractScenarios.all {
                let section = ContractText.section(String(scenario.id.dropFirst("contract.".count)), of: table.text)
                #expect(section.count > 5, "\(scenario.id) in \(table.version)")
                #expect(Set(section).count == section.count)
            }
        }
    }

    /// Each pair has the result of its first condition: the conditions are in the order of the kernel's checks.
    @Test func theNewestTableIsInTheOrderOfTheChecks() throws {
        let table = try #require(ContractTables.all.first)
        for scenario in ContractScenarios.all {
            let lines = ContractText.section(String(scenario.id.dropFirst("contract.".count)), of: table.text)
            let answers = Dictionary(
                uniqueKeysWithValues: lines.compactMap { line -> (String, String)? in
                    guard let colon = line.range(of: ": ", options: .backwards) else { return nil }
                    return (String(line[..<colon.lowerBound]), String(line[colon.upperBound...]))
                })
            for (pair, answer) in answers {
                guard let plus = pair.range(of: " + "), let first = answers[String(pair[..<plus.lowerBound])] else { continue }
                #expect(answer == first, "\(scenario.id): \(pair)")
            }
        }
    }

    @Test(arguments: [("7.3.4-ppiov", "7.3"), ("7.4.0-rc1", "7.4"), ("6.12.107", "6.12"), ("7.3-rc7", "7.3"), ("next", nil)] as [(String, String?)])
    func versions(_ release: String, _ version: String?) { #expect(ContractText.version(release) == version) }

    @Test func aChangedResultIsOneRemovedAndOneAddedLine() {
        let expected = ["a: EINVAL", "b: ERANGE", "c: EEXIST"]
        #expect(ContractText.difference(expected: expected, observed: expected).isEmpty)
        #expect(ContractText.difference(expected: expected, observed: ["a: EINVAL", "b: EPERM", "c: EEXIST"]) == ["-b: ERANGE", "+b: EPERM"])
        #expect(ContractText.difference(expected: expected, observed: ["a: EINVAL", "c: EEXIST"]) == ["-b: ERANGE"])
        #expect(ContractText.difference(expected: expected, observed: expected + ["d: granted"]) == ["+d: granted"])
    }

    @Test func messagesWithoutTheirVaryingParts() {
        let text = "dmabuf sg entry (addr=0x0000000012f3b000, len=106496) not aligned to niov size "
        #expect(ContractText.plain(text) == "dmabuf sg entry (...) not aligned to niov size")
        let error = KernelError("bind-rx", code: 17, message: "designated queue already memory provider bound")
        #expect(ContractText.line("queue bound", error) == "queue bound: EEXIST \"designated queue already memory provider bound\"")
        #expect(ContractText.line("valid request", nil) == "valid request: granted")
    }
}
