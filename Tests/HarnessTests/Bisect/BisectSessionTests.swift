// SPDX-License-Identifier: GPL-2.0

import Checks
import Foundation
import TestSupport
import Testing

@testable import Harness

@Suite struct BisectSessionTests {
    @Test func aSearchIsNotResumedOnAnotherKernel() async throws {
        let fake = try FakeKernel()
        let patch = try fake.scratch.write("a.patch", "--- a/main.c\n+++ b/main.c\n@@ -1 +1 @@\n-int main;\n+int patched;\n")
        let context = HarnessContext(
            cache: fake.cache, vm: fake.vm, agent: "/nonexistent", today: try #require(Day("2026-06-01")), progress: .discarded)
        func resume(_ sets: [String] = []) async throws -> HarnessError {
            var kernel = KernelRequest(source: fake.tree, sets: sets)
            kernel.series = [patch]
            let settings = RunSettings(
                kernel: kernel, machine: MachineOptions(), jobs: 1, buildJobs: 1, out: fake.scratch.path + "/out", command: [])
            return try await harnessError { _ = try await BisectSession(context).run(BisectRequest(settings, resumes: true)) { _ in } }
        }
        let folder = try ResultsFolder(fake.scratch.path + "/out")
        let ends = (0...1).map { BisectCommit(id: "\($0)", subject: "", author: "", date: "") }
        var state = BisectState(command: [], old: ends[0], new: ends[1], findFix: false)
        func searched(_ marks: [String]) throws {
            state.searched = marks
            try folder.write("bisect.json", json: state)
        }
        try searched(["configuration x", "y", "z"])
        let other = try await resume()
        #expect(other.kind == .input && other.message.contains("has verdicts on have changed"))
        // The search differs by an option, by a patch, or not at all.
        let now = try #require(other.message.components(separatedBy: ", now ").last?.split(separator: "\n").first.map(String.init))
        #expect(now.hasPrefix("configuration "))
        let source = KernelSource(cache: fake.cache, progress: .discarded)
        let base = try await source.resolve(fake.tree).identity
        try searched([now, base, "another patch"])
        #expect(try await resume().message.contains("it was another patch, now "))
        #expect(try await resume(["CONFIG_OTHER=y"]).message.contains("it was \(now), now configuration "))
        let patched = try #require(try await resume().message.components(separatedBy: ", now ").last?.split(separator: "\n").first.map(String.init))
        try searched([now, base, patched])
        // It continues, and fails because there is no agent.
        #expect(try await !resume().message.contains("have changed"))
    }

    @Test func aStateThatCannotBeReadIsRefused() throws {
        let scratch = try TemporaryFolder()
        for (text, expected) in [(nil, "no search"), ("{", "cannot be read"), ("{}", "cannot be read")] as [(String?, String)] {
            if let text { try scratch.write("bisect.json", text) }
            let error = #expect(throws: HarnessError.self) { try BisectSession.load(scratch.path) }
            #expect(error?.kind == .input)
            #expect(error?.message.contains(expected) == true)
        }
    }
}
