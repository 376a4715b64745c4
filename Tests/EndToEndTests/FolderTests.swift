// SPDX-License-Identifier: GPL-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// One run with every verdict in it, compared with docs/results.md.
    @Suite struct Folder {
        private static let verdicts = [
            "harness.pass pass", "harness.fail fail", "harness.skip skip", "harness.warn fail", "harness.exit crashed",
        ]

        @Test func holdsWhatTheDocumentLists() async throws {
            let scratch = try TemporaryFolder()
            let outcome = try await Product.run(filter: "harness.[pfswe][akx]??", ["--cpus", "1"], in: scratch)
            #expect(outcome.code == 1, "\(outcome.errors)")
            let files = try RunFiles(scratch)
            #expect(outcome.errors.contains("results: \(scratch.results)"))
            try checkResults(files)
            try checkKTAP(files, outcome.output)
            try checkJUnit(files)
            try checkMetadata(files)
            try checkScenarios(files)
        }

        private func checkResults(_ files: RunFiles) throws {
            let results = files.results
            #expect(results.schemaVersion == 2 && !results.toolVersion.isEmpty)
            #expect(results.totals == ["passed": 1, "failed": 2, "crashed": 1, "skipped": 1])
            #expect(files.verdicts == Self.verdicts)
            for result in results.results {
                #expect(result.tier == "harness" && result.provider == "pages" && result.seconds > 0)
                #expect((result.reason != nil) == ["skip", "crashed"].contains(result.verdict))
                #expect(result.findings.isEmpty == (result.verdict != "fail"))
                for finding in result.findings { #expect(!finding.message.contains("\n") && !finding.evidence.isEmpty) }
            }
            let text = try files.text("results.json")
            #expect(text.hasSuffix("}\n") && !text.contains("null"))
        }

        private func checkKTAP(_ files: RunFiles, _ output: String) throws {
            #expect(try files.text("results.ktap") == output)
            let groups = try StrictKTAPReader.read(output)
            #expect(groups.map(\.name) == ["harness"] && groups.map(\.ok) == [false])
            let tests = groups.flatMap(\.subtests)
            #expect(tests.map(\.name) == files.results.results.map(\.scenario))
            #expect(tests.map(\.ok) == [true, false, true, false, false])
            #expect(tests.map(\.skip) == [nil, nil, "it is skipped on purpose", nil, nil])
            #expect(tests.map(\.note) == [nil, nil, nil, nil, "crashed: ppiov-init: agent exited with status 3"])
            for (test, result) in zip(tests, files.results.results) {
                let expected = result.findings.flatMap { finding in ["\(finding.oracle): \(finding.message)"] + finding.evidence.map { "  " + $0 } }
                #expect(test.diagnostics == expected.map { $0.replacing("\t", with: " ") })
            }
        }

        private func checkJUnit(_ files: RunFiles) throws {
            let elements = try #require(XMLElements.read(try files.text("junit.xml")), "junit.xml is not well-formed")
            for suite in elements.filter({ ["testsuites", "testsuite"].contains($0.name) }) {
                let counts = ["tests", "failures", "errors", "skipped"].map { suite.attributes[$0] }
                #expect(counts == ["5", "2", "1", "1"], "\(suite.name)")
            }
            #expect(elements.prefix(2).map(\.name) == ["testsuites", "testsuite"])
            let cases = elements.filter { $0.name == "testcase" && $0.depth == 2 }
            #expect(cases.map { $0.attributes["name"] } == files.results.results.map(\.scenario))
            #expect(cases.allSatisfy { Double($0.attributes["time"] ?? "") ?? 0 > 0 && $0.attributes["classname"] == "harness.harness" })
            let outcomes = elements.filter { $0.depth == 3 && $0.name != "system-err" }
            #expect(outcomes.map(\.name) == ["failure", "skipped", "failure", "error"])
            #expect(outcomes.map { $0.attributes["message"] ?? "" }[1] == "it is skipped on purpose")
        }

        private func checkMetadata(_ files: RunFiles) throws {
            let metadata = try files.metadata()
            #expect(metadata.schemaVersion == 1 && metadata.tool == files.results.toolVersion)
            #expect(metadata.guest.kernelRelease == metadata.kernel.release && metadata.guest.cpus == 1)
            #expect(metadata.kernel.profile == "fast" && metadata.kernel.compiler.contains("gcc") && metadata.kernel.configHash.count == 64)
            #expect(["kvm", "tcg"].contains(metadata.accelerator) && (metadata.accelerator == "kvm") == (metadata.acceleratorReason == nil))
            #expect(metadata.qemuVersion.hasPrefix("QEMU emulator version "))
            #expect(metadata.qemuCommandLine.first == "qemu-system-x86_64" && metadata.qemuCommandLine.contains(metadata.kernel.vmlinux))
            #expect(metadata.isolation == "group" && metadata.timeoutScale >= 1 && metadata.seconds > 0)
            #expect(metadata.reproduce.hasPrefix("ppiov run ") && metadata.reproduce.contains("'harness.[pfswe][akx]??'"))
            #expect((try? Date(metadata.started, strategy: .iso8601)).map { abs($0.timeIntervalSinceNow) < 3600 } == true)
        }

        /// Each scenario has its console, and its events: the first is `started`, the last `finished`, except where the agent ended first.
        private func checkScenarios(_ files: RunFiles) throws {
            struct Event: Decodable {
                var version: Int
                var kind: String
            }
            for result in files.results.results {
                #expect(try files.console(result.scenario).contains("ppiov: begin \(result.scenario)"))
                let lines = try files.text("scenarios/\(result.scenario)/events.jsonl").split(separator: "\n")
                let events = try lines.map { try JSONDecoder().decode(Event.self, from: Data($0.utf8)) }
                #expect(events.first?.kind == "started" && events.allSatisfy { $0.version == 2 })
                #expect((events.last?.kind == "finished") == (result.verdict != "crashed"))
            }
        }
    }
}
