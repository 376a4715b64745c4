// SPDX-License-Identifier: GPL-2.0

import Foundation
import Testing

@testable import Harness

@Suite struct TraceFilesTests {
    private func withFile(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "ppiov-trace-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        try body(path)
    }

    private static let magic = [0x17, 0x08, 0x44] + Array("tracing".utf8)

    @Test("the error for a trace.dat of another version has the commands that convert it")
    func otherVersion() throws {
        try withFile(Self.magic + Array("7\0\0\u{8}".utf8)) { path in
            let error = #expect(throws: HarnessError.self) { try TraceFiles.find(path) }
            #expect(error?.kind == .input)
            #expect(error?.message.contains("version 7") == true)
            #expect(error?.hint?.contains("trace-cmd convert --file-version 6 -i \(path)") == true)
            #expect(error?.hint?.contains("trace-cmd report -l -t -i \(path)") == true)
        }
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
