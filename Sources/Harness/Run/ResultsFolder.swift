// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// A run's results folder (docs/results.md). Files appear as soon as there is something to put into them.
struct ResultsFolder: Sendable {
    let path: String

    /// Makes the folder.
    ///
    /// - Parameter requested: the path that the user gave; nil for `results/TIME` in the current folder.
    /// - Throws: `HarnessError`: input where the folder exists and is not empty.
    init(_ requested: String?) throws {
        path = Self.absolute(requested ?? "results/\(Self.stamp())-\(getpid())")
        try Self.check(path)
        do {
            try FileManager.default.createDirectory(atPath: path + "/scenarios", withIntermediateDirectories: true)
        } catch {
            throw HarnessError(.input, "cannot make the results folder \(path): \(Files.reason(error))", hint: "give --out a folder you may write to")
        }
    }

    /// A folder that exists already: more results are added to it.
    init(resuming folder: String) throws {
        path = Self.absolute(folder)
        guard Files.isFolder(path) else { throw HarnessError(.input, "there is no results folder \(path)") }
        try Files.makeFolder(path + "/scenarios")
    }

    /// Throws the error of `init` before a build, which takes minutes. Makes no folder.
    ///
    /// - Throws: `HarnessError`: input where the folder exists and is not empty, or cannot be read.
    static func check(_ requested: String?) throws {
        guard let path = requested.map(absolute), FileManager.default.fileExists(atPath: path) else { return }
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            throw HarnessError(.input, "the results folder \(path) is not a folder that can be read", hint: "give --out a folder that is new")
        }
        guard names.isEmpty else {
            throw HarnessError(.input, "the results folder \(path) is not empty", hint: "give --out a folder that is new")
        }
    }

    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    private static func stamp() -> String {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "UTC")
        format.dateFormat = "yyyyMMdd'T'HHmmss'Z'"
        return format.string(from: Date())
    }

    /// A scenario's own folder.
    func scenario(_ id: String) throws -> String {
        let folder = path + "/scenarios/" + id
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw Self.failure(folder, error)
        }
        return folder
    }

    /// JSON, with its keys in order.
    func write(_ name: String, json value: some Encodable) throws {
        try write(name, Array(try StableJSON.document(value)))
    }

    func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        let file = name.hasPrefix("/") ? name : path + "/" + name
        do {
            try Data(bytes).write(to: URL(fileURLWithPath: file), options: .atomic)
        } catch {
            throw Self.failure(file, error)
        }
    }

    private static func failure(_ file: String, _ error: any Error) -> HarnessError {
        HarnessError(
            .harness, "cannot write \(file): \(Files.reason(error))",
            hint: "check the free space of the disk; results that are not written do not count")
    }

    /// Writes the results in each of their formats.
    ///
    /// - Parameter bail: why results are missing; nil where none is.
    func finish(_ results: [ScenarioResult], _ metadata: RunMetadata, bail: String?) throws {
        try write("metadata.json", json: metadata)
        try write("results.json", try RunResult(toolVersion: ToolVersion.current, results: results).json())
        try write("junit.xml", JUnit.document(results))
        try write("results.ktap", KTAP.document(results) + (bail.map { "Bail out! \($0.prefix { $0 != "\n" })\n" } ?? ""))
    }

    /// Writes what the guest sent during one scenario: events, trace, and the formats that decode it. Where the scenario had a machine of its
    /// own, its console is written already, byte for byte; of a shared machine's console this is the scenario's part.
    func keep(_ output: GuestOutput, of id: String, formats: [String: String]) throws {
        let folder = try scenario(id)
        try write(folder + "/events.jsonl", output.eventLines.map { $0 + "\n" }.joined())
        if !FileManager.default.fileExists(atPath: folder + "/console.log") {
            try write(folder + "/console.log", output.console.map { $0 + "\n" }.joined())
        }
        guard !output.trace.pages.isEmpty else { return }
        do {
            try FileManager.default.createDirectory(atPath: folder + "/trace", withIntermediateDirectories: true)
        } catch {
            throw Self.failure(folder + "/trace", error)
        }
        for (cpu, pages) in output.trace.pages { try write("\(folder)/trace/cpu\(cpu).raw", pages) }
        for (name, text) in formats { try write("\(folder)/trace/\(name).format", text) }
    }
}
