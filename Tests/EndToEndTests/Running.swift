// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import SystemPackage
import TestSupport

/// A `ppiov` that is at work: what it has said so far, and what carries its mark.
struct Running: Sendable {
    static let markName = "PPIOV_TEST_MARK"

    let scratch: TemporaryFolder
    /// In the environment of every process that comes of it, whatever its parent is by then.
    let mark: String
    let output: FileDescriptor
    let errors: FileDescriptor
    private(set) var processID: Int32 = 0
    private let folder: String

    init(_ scratch: TemporaryFolder) throws {
        self.scratch = scratch
        mark = UUID().uuidString
        folder = scratch.path + "/" + mark.prefix(8)
        for name in ["run", "tmp"] { try FileManager.default.createDirectory(atPath: folder + "/" + name, withIntermediateDirectories: true) }
        output = try Self.open(folder + "/output")
        errors = try Self.open(folder + "/errors")
    }

    private static func open(_ path: String) throws -> FileDescriptor {
        try FileDescriptor.open(
            SystemPackage.FilePath(path), .writeOnly, options: [.create, .append, .closeOnExec], permissions: .ownerReadWrite)
    }

    func close() {
        try? output.close()
        try? errors.close()
    }

    func started(_ processID: Int32) -> Running {
        var running = self
        running.processID = processID
        return running
    }

    /// Folders for sockets and temporary files of its own, so that what is left there is nobody else's.
    var environment: [String: String] {
        [Self.markName: mark, "XDG_RUNTIME_DIR": folder + "/run", "TMPDIR": folder + "/tmp", "NO_COLOR": "1"]
    }

    var outputText: String { Self.text(folder + "/output") }
    var errorText: String { Self.text(folder + "/errors") }

    var leftFiles: [String] {
        ["run", "tmp"].flatMap { name in
            ((try? FileManager.default.contentsOfDirectory(atPath: folder + "/" + name)) ?? ["\(name) itself is gone"]).map { "\(name)/\($0)" }
        }
    }

    private static func text(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    func send(_ signal: Int32) { kill(processID, signal) }

    /// Waits until `ppiov` has said `words` on standard error.
    func says(_ words: String) async throws {
        try await waitUntil("ppiov says \"\(words)\"; it said:\n\(errorText)") { errorText.contains(words) }
    }

    /// Waits until the guest has begun the scenario.
    func begins(_ scenario: String) async throws {
        let folder = scratch.results + "/scenarios"
        // The machine's console lies in the folder of the first that runs on it.
        try await waitUntil("a console in \(folder) shows the begin of \(scenario)") {
            let folders = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            return folders.flatMap { ["\(folder)/\($0)/console.log", "\(folder)/\($0)/machine.log"] }.contains {
                Self.text($0).contains("ppiov: begin \(scenario)")
            }
        }
    }
}
