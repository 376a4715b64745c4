// SPDX-License-Identifier: GPL-2.0

import Foundation
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

    /// The signal is the kernel's, so that it is sent after SIGKILL, too.
    @Test(.enabled(if: Command.setpriv != nil)) func everyCommandEndsWithTheHarness() async throws {
        let dump = try await Command("setpriv", ["--dump"]).output()
        #expect(dump.contains("Parent death signal: TERM"))
        let folder = try TemporaryFolder()
        let script = try folder.write("configure", "#!/bin/sh\nexec setpriv --dump\n")
        #expect(chmod(script, 0o755) == 0)
        #expect(try await Command("./configure", [], directory: folder.path).output().contains("Parent death signal: TERM"))
    }

    /// setpriv's own status is not taken for the program's.
    @Test func aProgramThatIsMissingIsNotAToolThatFailed() async throws {
        for program in ["no-such-program-of-ppiov", "./no-such-program"] {
            let missing = await #expect(throws: HarnessError.self) { try await Command(program, []).output() }
            #expect(missing?.cause == nil && missing?.message.hasPrefix("cannot start \(program): ") == true)
        }
    }
}
