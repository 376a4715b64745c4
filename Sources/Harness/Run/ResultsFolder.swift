// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import Results

/// A run's results folder (docs/results.md). Files appear as soon as there is something to put into them.
///
/// It stays the folder that it was at the start: where it was removed or replaced during the run, writing to it throws, and no folder is made
/// in its place that would have a part of the results.
struct ResultsFolder: Sendable {
    let path: String
    /// The folder and its `scenarios`.
    private let held: [HeldFolder]

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
        held = try Self.hold(path)
    }

    /// A folder that exists already: more results are added to it.
    init(resuming folder: String) throws {
        path = Self.absolute(folder)
        guard Files.isFolder(path) else { throw HarnessError(.input, "there is no results folder \(path)") }
        try Files.makeFolder(path + "/scenarios")
        held = try Self.hold(path)
    }

    private static func hold(_ path: String) throws -> [HeldFolder] {
        try [path, path + "/scenarios"].map { path in
            guard let folder = HeldFolder(path) else {
                throw HarnessError(.harness, "cannot open the results folder \(path): \(String(cString: strerror(errno)))")
            }
            return folder
        }
    }

    /// - Throws: `HarnessError` where the folder is not there any more.
    private func requirePresent() throws {
        guard !held.allSatisfy(\.isInPlace) else { return }
        throw HarnessError(
            .harness, "the results folder \(path) was removed or replaced while the run went on",
            hint: "what it had is lost: results that are not written do not count; run again")
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
        try requirePresent()
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
        try requirePresent()
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

    /// Writes the results in each of their formats. Where one cannot be written, the others are tried.
    ///
    /// - Parameter bail: why results are missing; nil where none is.
    /// - Throws: the first error, with the names of the files that are there and of those that are not.
    func finish(_ results: [ScenarioResult], _ metadata: RunMetadata, bail: String?) throws {
        let files: [(name: String, write: (String) throws -> Void)] = [
            ("results.ktap", { try write($0, KTAP.document(results) + (bail.map(KTAP.bailOut) ?? "")) }),
            ("results.json", { try write($0, try RunResult(toolVersion: ToolVersion.current, results: results).json()) }),
            ("junit.xml", { try write($0, JUnit.document(results)) }),
            ("metadata.json", { try write($0, json: metadata) }),
        ]
        var failure: (any Error)?
        var (kept, lost): ([String], [String]) = ([], [])
        for (name, write) in files {
            do {
                try write(name)
                kept.append(name)
            } catch {
                failure = failure ?? error
                lost.append(name)
            }
        }
        guard let failure else { return }
        guard var error = failure as? HarnessError else { throw failure }
        error.evidence += [
            "in \(path): \(kept.isEmpty ? "nothing" : kept.joined(separator: ", ")) of this run's results",
            "missing: \(lost.joined(separator: ", "))",
        ]
        throw error
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

/// A folder that is open: as long as it is, no other folder gets its inode number.
private final class HeldFolder: Sendable {
    private let path: String
    private let descriptor: Int32

    /// nil where it cannot be opened.
    init?(_ path: String) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Whether its path still leads to it.
    var isInPlace: Bool {
        var (now, held) = (stat(), stat())
        guard stat(path, &now) == 0, fstat(descriptor, &held) == 0 else { return false }
        return now.st_ino == held.st_ino && now.st_dev == held.st_dev
    }
}
