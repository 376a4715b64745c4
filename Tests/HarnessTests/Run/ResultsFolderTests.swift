// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
import TestSupport
import Testing

@testable import Harness

/// A results folder that cannot take the results.
@Suite struct ResultsFolderTests {
    private func failure(_ body: () throws -> Void) -> HarnessError? { #expect(throws: HarnessError.self, performing: body) }

    @Test func removedWhileTheRunGoesOn() throws {
        let scratch = try TemporaryFolder()
        let folder = try ResultsFolder(scratch.path + "/results")
        try folder.write("a.json", "{}")
        _ = try folder.scenario("zcrx.a")
        try scratch.remove("results")
        for body in [{ try folder.write("b.json", "{}") }, { _ = try folder.scenario("zcrx.b") }] as [() throws -> Void] {
            let error = failure(body)
            #expect(error?.kind == .harness && error?.message.hasSuffix("was removed or replaced while the run went on") == true)
        }
        // No folder is made that would have a part of the results.
        #expect(!scratch.has("results"))
    }

    @Test(arguments: ["results", "results/scenarios"]) func replaced(_ name: String) throws {
        let scratch = try TemporaryFolder()
        let folder = try ResultsFolder(scratch.path + "/results")
        try scratch.remove(name)
        try scratch.makeFolder("results/scenarios")
        #expect(failure { try folder.write("b.json", "{}") } != nil)
    }

    @Test func aLinkedFolderIsTheSame() throws {
        let scratch = try TemporaryFolder()
        try scratch.makeFolder("real")
        try FileManager.default.createSymbolicLink(atPath: scratch.path + "/link", withDestinationPath: "real")
        let folder = try ResultsFolder(scratch.path + "/link")
        try folder.write("a.json", "{}")
        #expect(scratch.has("real/a.json"))
    }

    /// A log on a full disk: the machine runs on, and the run fails.
    @Test func aConsoleLogThatIsNotWhole() throws {
        let log = try ConsoleLog("/dev/full")
        log.write(Array("one\n".utf8))
        log.close()
        let error = failure { try log.requireWhole() }
        #expect(error?.cause == .diskFull && error?.message == "cannot write /dev/full: No space left on device")
        let scratch = try TemporaryFolder()
        let whole = try ConsoleLog(scratch.path + "/log")
        whole.write(Array("one\r\ntwo".utf8))
        whole.close()
        try whole.requireWhole()
        #expect(scratch.text("log") == "one\ntwo")
    }
}

@Suite struct CommandMarkTests {
    @Test func onlyItsOwnMarkEndsACommand() {
        let (mark, other) = (CommandMark(), CommandMark())
        func line(_ mark: CommandMark, _ status: String) -> String { "\(CommandMark.word) \(mark.token) \(status)" }
        #expect(mark.end(in: line(mark, "7"))?.status == 7)
        #expect(mark.end(in: "no line end" + line(mark, "0"))?.before == "no line end")
        for text in ["", "ppiov-command-status 0", line(other, "0"), line(mark, ""), line(mark, "0 x"), "\(CommandMark.word) 0"] {
            #expect(mark.end(in: text) == nil, "\(text)")
        }
        #expect(mark.end(in: line(other, "0") + line(mark, "3"))?.status == 3)
    }
}
