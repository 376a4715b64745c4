// SPDX-License-Identifier: GPL-2.0

import Foundation
import LifeCycle
import TestSupport
import Testing
import TraceForms

@testable import Harness

@Suite struct TraceFilesTests {
    private func withFile(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "ppiov-trace-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        try body(path)
    }

    private static let magic = [0x17, 0x08, 0x44] + Array("tracing".utf8)

    @Test("the error for a trace.dat of another version has the command that makes a text of it")
    func otherVersion() throws {
        try withFile(Self.magic + Array("8\0\0\u{8}".utf8)) { path in
            let error = #expect(throws: HarnessError.self) { try TraceFiles.find(path) }
            #expect(error?.kind == .input)
            #expect(error?.message.contains("version 8") == true)
            #expect(error?.hint?.contains("trace-cmd report -l -t -i \(path)") == true)
        }
    }

    @Test("the error for a compression without a library has the command that leaves it out")
    func otherCompression() throws {
        try withFile(try DatWriter { $0.compressionName = "lzo" }.bytes([])) { path in
            let error = #expect(throws: HarnessError.self) { try TraceFiles.find(path) }
            #expect(error?.message.contains("lzo") == true)
            #expect(error?.hint?.contains("trace-cmd convert --compression none -i \(path)") == true)
        }
    }

    private static func outcomes(_ path: String) throws -> [PoolLedger.Outcome] {
        try TraceFiles.find(path).map { try PoolLedger(begin: .noPools, end: .allPools).examine($0.input) }
    }

    @Test("a compressed trace.dat has the outcome of its pages, and a damaged one is an error", arguments: RealCompression.allCases)
    func compressed(_ compression: RealCompression) async throws {
        let events = Recording.events(9, marks: true)
        let expected = PoolLedger(begin: .noPools, end: .allPools).examine(events)
        let bytes = try await DatWriter().bytes([("", Recording.pages(events))], compression)
        try withFile(bytes) { path in
            let outcomes = try Self.outcomes(path)
            #expect(outcomes == [expected])
        }
        // Bytes of the compressed chunks, and of the compressed formats.
        var random = SeededGenerator(seed: 1)
        for _ in 0..<60 {
            var damaged = bytes
            damaged[Int.random(in: 48..<bytes.count, using: &random)] ^= 1 << UInt8(random.next() % 8)
            try withFile(damaged) { path in
                guard let outcomes = try? Self.outcomes(path) else { return }
                for outcome in outcomes where outcome.conforms { #expect(outcome.accounts == expected.accounts) }
            }
        }
    }

    /// Made by `trace-cmd convert --file-version 7` of trace-cmd 3.1.6 from a file with two buffers.
    @Test("a file of trace-cmd is read, each buffer as a trace")
    func realFile() throws {
        let path = Repository.path("Tests/Fixtures/trace-cmd-3.1.6.dat")
        #expect(try TraceFiles.find(path).map(\.name) == [path, path + ", buffer net"])
        let outcomes = try Self.outcomes(path)
        #expect(outcomes.map(\.events) == [6, 6])
        #expect(outcomes.allSatisfy { $0.conforms && $0.accounts.map(\.holds) == [2] })
    }

    @Test("files of CPUs have ASCII digits in their names, and formats may have CR LF")
    func folder() throws {
        let scratch = try TemporaryFolder()
        let events = Recording.events(9, marks: false)
        for (cpu, bytes) in Recording.pages(events) { try Data(bytes).write(to: URL(fileURLWithPath: "\(scratch.path)/cpu\(cpu).raw")) }
        try scratch.write("cpu٣.raw", "no page")
        for (name, text) in Texts.marked { try scratch.write("\(name).format", text.replacing("\n", with: "\r\n")) }
        #expect(try Self.outcomes(scratch.path).map(\.events) == [events.count])
    }

    @Test("half a trace.dat is an error")
    func truncated() throws {
        try withFile(Self.magic + Array("6\0\0\u{8}".utf8)) { path in
            let error = #expect(throws: HarnessError.self) { try TraceFiles.find(path) }
            #expect(error?.message.contains("truncated") == true)
        }
    }

    @Test("a pipe is refused before a byte of it is read")
    func pipe() throws {
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data("text".utf8))
        let path = "/proc/self/fd/\(pipe.fileHandleForReading.fileDescriptor)"
        let error = #expect(throws: HarnessError.self) { try TraceFiles.find(path) }
        #expect(error?.message.contains("pipe") == true)
        #expect(pipe.fileHandleForReading.availableData == Data("text".utf8))
    }
}
