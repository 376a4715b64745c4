// SPDX-License-Identifier: GPL-2.0

import Foundation
public import Results

/// A run's results folder (docs/results.md). Files appear as soon as there is something to put into them.
struct ResultsFolder: Sendable {
    let path: String

    /// Makes the folder.
    ///
    /// - Parameter wish: where the user wants it; nil for `results/TIME` in the current folder.
    /// - Throws: `HarnessError`: input where the folder is there and not empty.
    init(_ wish: String?) throws {
        path = Self.absolute(wish ?? "results/\(Self.stamp())-\(getpid())")
        try Self.check(path)
        do {
            try FileManager.default.createDirectory(atPath: path + "/scenarios", withIntermediateDirectories: true)
        } catch {
            throw HarnessError(.input, "cannot make the results folder \(path): \(Files.reason(error))", hint: "give --out a folder you may write to")
        }
    }

    /// A folder that is there, and goes on being filled.
    init(resuming folder: String) throws {
        path = Self.absolute(folder)
        guard Files.isFolder(path) else { throw HarnessError(.input, "there is no results folder \(path)") }
        try Files.makeFolder(path + "/scenarios")
    }

    /// Says at once what `init` would say of a folder that cannot be it, and makes nothing.
    ///
    /// - Throws: `HarnessError`: input where the folder is there and not empty, or is no folder.
    static func check(_ wish: String?) throws {
        guard let path = wish.map(absolute), FileManager.default.fileExists(atPath: path) else { return }
        guard let there = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            throw HarnessError(.input, "the results folder \(path) is no folder that can be read", hint: "give --out a folder that is new")
        }
        guard there.isEmpty else {
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
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try write(name, Array(try encoder.encode(value)))
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
            hint: "results that are not written are no results; is the disk full?")
    }

    /// What a run comes to, for all who read it.
    ///
    /// - Parameter bail: why there are not all results that there should be; nil where there are.
    func finish(_ results: [ScenarioResult], _ metadata: RunMetadata, bail: String?) throws {
        try write("metadata.json", json: metadata)
        try write("results.json", try RunResult(toolVersion: Workshop.version, results: results).json())
        try write("junit.xml", JUnit.document(results))
        try write("results.ktap", KTAP.document(results) + (bail.map { "Bail out! \($0.prefix { $0 != "\n" })\n" } ?? ""))
    }

    /// What is kept of one scenario: events, trace, and the formats that decode it. The console of a machine of its own is
    /// there already, byte for byte; of a shared one this is its part.
    func keep(_ take: GuestSession.Take, of id: String, formats: [String: String]) throws {
        let folder = try scenario(id)
        try write(folder + "/events.jsonl", take.eventLines.map { $0 + "\n" }.joined())
        if !FileManager.default.fileExists(atPath: folder + "/console.log") {
            try write(folder + "/console.log", take.console.map { $0 + "\n" }.joined())
        }
        guard !take.trace.pages.isEmpty else { return }
        do {
            try FileManager.default.createDirectory(atPath: folder + "/trace", withIntermediateDirectories: true)
        } catch {
            throw Self.failure(folder + "/trace", error)
        }
        for (cpu, pages) in take.trace.pages { try write("\(folder)/trace/cpu\(cpu).raw", pages) }
        for (name, text) in formats { try write("\(folder)/trace/\(name).format", text) }
    }
}

/// `metadata.json`: what was run, on what, and how to run it again.
public struct RunMetadata: Codable, Sendable {
    public var schemaVersion = 1
    public var tool: String
    public var kernel: KernelBuild
    public var guest: GuestInfo?
    public var image: String
    public var accelerator: Accelerator
    /// Why the accelerator is not KVM.
    public var acceleratorReason: String?
    public var qemuVersion: String
    public var qemuCommandLine: [String]
    public var isolation: String
    public var timeoutScale: Double
    /// Payloads are a function of a seed that each scenario fixes; the guest's own randomness is the snapshot's.
    public var seed: String
    /// Runs the same again.
    public var reproduce: String
    /// Options that decide what the guest is: how the kernel is configured, the machine's shape. nil in files of older versions.
    public var options: [String]?
    /// Names the same by its content: what a --config file said.
    public var configuration: String?
    public var started: String
    public var seconds: Double
    /// Seconds from the start of QEMU to the agent's `started` event, for the first scenario on each machine, by its name.
    public var starts: [String: Double]?
}

extension RunMetadata {
    /// - Parameters:
    ///   - begin: when the run began, by the clock that only goes forward, and by the calendar.
    ///   - guest: without what its trace's formats say: those lie beside each trace.
    init(
        _ bench: Bench, kernel: KernelRequest, machine: MachineOptions, guest: GuestInfo?, isolation: Isolation, scale: Double, seed: String,
        reproduce: String,
        configuration: String?, begin: (clock: ContinuousClock.Instant, date: Date), starts: [String: Double]?
    ) {
        var guest = guest
        guest?.traceFormats = [:]
        self.init(
            tool: Workshop.version, kernel: bench.kernel, guest: guest, image: bench.image.key, accelerator: bench.acceleration.accelerator,
            acceleratorReason: bench.acceleration.reason, qemuVersion: bench.qemuVersion,
            qemuCommandLine: [machine.qemu] + bench.plan.line.arguments(sockets: "SOCKETS"), isolation: isolation.rawValue, timeoutScale: scale,
            seed: seed,
            reproduce: reproduce, options: kernel.configuration + machine.shape, configuration: configuration,
            started: begin.date.formatted(.iso8601),
            seconds: ScenarioTrial.seconds(ContinuousClock.now - begin.clock), starts: starts)
    }
}
