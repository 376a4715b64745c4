// SPDX-License-Identifier: GPL-2.0

import TestSupport
import Testing

@testable import Harness

@Suite struct CommandTests {
    private func failure(_ script: String) async -> HarnessError? {
        await #expect(throws: HarnessError.self) { try await Command("sh", ["-c", script]).output(orThrow: .input) }
    }

    @Test func theCauseOfAFailureIsACase() async throws {
        let failed = await failure("echo no >&2; exit 3")
        #expect(failed?.cause == .toolFailed && failed?.kind == .input && failed?.evidence == ["no"])
        let killed = await failure("kill -9 $$")
        #expect(killed?.cause == .toolFailed)
        let full = await failure("echo 'x: No space left on device' >&2; exit 1")
        #expect(full?.cause == .diskFull && full?.kind == .harness && full?.message.hasSuffix("the disk is full") == true)
        let missing = await #expect(throws: HarnessError.self) { try await Command("/no/such/program", []).output() }
        #expect(missing != nil && missing?.cause == nil)
    }

    @Test func theOutputOfAnEarlierCommandInTheLogDoesNotCount() async throws {
        let folder = try TemporaryFolder()
        let log = try folder.write("log", "x: No space left on device\n")
        let failed = await #expect(throws: HarnessError.self) { try await Command("sh", ["-c", "echo no; exit 1"]).run(log: log) }
        #expect(failed?.cause == .toolFailed && failed?.evidence.count == 2 && failed?.evidence.last == "no")
    }
}
