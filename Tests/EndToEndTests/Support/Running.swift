// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import SystemPackage
import TestSupport

/// A `ppiov` that runs: its output so far, and the processes with its mark.
struct Running: Sendable {
    static let markName = "PPIOV_TEST_MARK"

    let scratch: TemporaryFolder
    /// In the environment of every process that it starts, directly or not.
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

    /// Folders for the sockets and temporary files of this `ppiov` only.
    var environment: [String: String] {
        [Self.markName: mark, "XDG_RUNTIME_DIR": folder + "/run", "TMPDIR": folder + "/tmp", "NO_COLOR": "1"]
    }

    var outputText: String { Self.text(folder + "/output") }
    var errorText: String { Self.text(folder + "/errors") }

    var leftFiles: [String] {
        ["run", "tmp"].flatMap { name in
            ((try? FileManager.default.contentsOfDirectory(atPath: folder + "/" + name)) ?? ["the folder \(name) was removed"]).map {
                "\(name)/\($0)"
            }
        }
    }

    private static func text(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    func send(_ signal: Int32) { kill(processID, signal) }

    /// Waits until `ppiov` has printed `text` on standard error.
    func prints(_ text: String) async throws {
        try await waitUntil("ppiov prints \"\(text)\"; it printed:\n\(errorText)") { errorText.contains(text) }
    }

    /// Waits until the guest has started the scenario.
    func begins(_ scenario: String) async throws {
        let folder = scratch.results + "/scenarios"
        // The console of a machine is in the folder of the first scenario on it.
        try await waitUntil("a console in \(folder) shows the begin of \(scenario)") {
            let folders = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            return folders.flatMap { ["\(folder)/\($0)/console.log", "\(folder)/\($0)/machine.log"] }.contains {
                Self.text($0).contains("ppiov: begin \(scenario)")
            }
        }
    }
}
