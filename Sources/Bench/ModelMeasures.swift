// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness
import Results

/// `ppiov model`, compared with its aim and with SPIN on the same model.
extension Benchmark {
    /// The default bound must be explored at this rate, states a second.
    private static let rate = 1e6
    /// The bound of both explorers: the default one, without what either does not have.
    private static let buffers = 3
    private static let devmem = ["--design", "unifiedRefCount", "--provider", "devmem", "--buffers", "\(buffers)"]

    func model() async throws -> [Measurement] {
        var zcrx = Measurement(name: "model, zcrx", seconds: [])
        for number in 0...repeats {
            let (seconds, found) = try await explored(["--design", "unifiedRefCount", "--provider", "zcrx"], name: "model-zcrx")
            if number > 0 { zcrx.seconds.append(seconds) }
            zcrx.aim = Double(found.states) / Self.rate
            zcrx.note = "the default bound: \(found); the aim is 1.0 million states a second"
        }
        return [zcrx] + (try await comparedWithSPIN())
    }

    /// The counts of an explorer.
    struct Count: CustomStringConvertible, Sendable {
        var states: Int
        /// Steps taken from these states.
        var steps: Int
        var bytesPerState: Int

        var description: String { "\(states) states, \(steps) steps, \(bytesPerState) bytes a state" }
    }

    /// One exploration, in which every invariant must hold.
    private func explored(_ arguments: [String], name: String) async throws -> (seconds: Double, found: Count) {
        let run = try await product(["model", "--quiet"] + arguments, name: name)
        guard let found = Self.count(ofModel: run.output) else {
            throw HarnessError(.harness, "`ppiov model` printed no count", evidence: [folder.log(name)])
        }
        return (run.seconds, found)
    }

    /// Runs of the explorer and of SPIN alternate, so that other load on the machine affects both.
    private func comparedWithSPIN() async throws -> [Measurement] {
        var plain = Measurement(name: "model, devmem, --no-symmetry", seconds: [])
        var reduced = Measurement(name: "model, devmem", seconds: [])
        var spinRow = Measurement(name: "SPIN, devmem", seconds: [])
        let spin: SPIN?
        do {
            spin = try await SPIN(folder: folder.path + "/spin", buffers: Self.buffers)
            spinRow.name = "SPIN \(spin?.version ?? ""), devmem"
        } catch let error as HarnessError where error.kind != .interrupted {
            try Task.checkCancellation()
            spinRow.problem = ([error.message] + error.evidence.suffix(3)).joined(separator: "; ")
            spin = nil
        }
        for number in 0...repeats {
            let (seconds, found) = try await explored(Self.devmem + ["--no-symmetry"], name: "model-devmem-plain")
            let (fewer, classes) = try await explored(Self.devmem, name: "model-devmem")
            if number > 0 {
                plain.seconds.append(seconds)
                reduced.seconds.append(fewer)
            }
            plain.note = "\(found)"
            reduced.note = "\(classes): states that differ only in the numbering of buffers are one"
            guard let spin, spinRow.problem == nil else { continue }
            do {
                let (seconds, theirs) = try await spin.explored()
                if number > 0 { spinRow.seconds.append(seconds) }
                spinRow.note = "\(theirs); \(spin.note)"
                if theirs.states != found.states || theirs.steps != found.steps {
                    spinRow.problem = "not the same model: SPIN has \(theirs), ppiov \(found)"
                }
            } catch let error as HarnessError where error.kind != .interrupted {
                try Task.checkCancellation()
                spinRow.problem = error.message
            }
        }
        if spinRow.problem == nil, let seconds = spinRow.median {
            plain.reference = Measurement.Reference(name: "SPIN", seconds: seconds)
            reduced.reference = plain.reference
        }
        return [plain, reduced, spinRow]
    }

    /// The counts in what `ppiov model` prints of one design and provider.
    static func count(ofModel text: String) -> Count? {
        let line = /: ok: (\d+) states, (\d+) steps, .*, (\d+) bytes\/state/
        guard let match = text.firstMatch(of: line), let states = Int(match.1), let steps = Int(match.2), let bytes = Int(match.3)
        else { return nil }
        return Count(states: states, steps: steps, bytesPerState: bytes)
    }
}

/// SPIN's explorer of Promela/devmem.pml, translated and compiled.
private struct SPIN: Sendable {
    /// The version that SPIN prints.
    let version: String
    /// How it was compiled, and how long that took.
    let note: String
    private let folder: String

    /// No reductions and nothing but safety; a table of 2^22 places, for fewer than 2^21 states.
    private static let compile = ["-O2", "-DSAFETY", "-DNOREDUCE"]
    private static let options = ["-m100000", "-w22"]
    /// A fault that only shows in a final state, by its name in the model and in `ppiov model --fault`.
    private static let fault = "close_omits_token_release"

    /// - Throws: `HarnessError` where SPIN or gcc is missing, or SPIN does not find a fault in the model.
    init(folder: String, buffers: Int) async throws {
        self.folder = folder
        try Files.makeFolder(folder)
        guard let banner = try? await Command("spin", ["-V"]).output(), let match = banner.firstMatch(of: /Version ([0-9.]+)/)
        else {
            try Task.checkCancellation()
            throw HarnessError(.harness, "spin is not installed; on Debian the package spin has it")
        }
        version = String(match.1)
        let source = try Self.source()
        let begin = ContinuousClock.now
        try await Self.make("pan", from: source, in: folder, defining: ["-DBUFFERS=\(buffers)"])
        let making = String(format: "%.1f", (ContinuousClock.now - begin).seconds)
        note =
            "gcc \(Self.compile.joined(separator: " ")), pan \(Self.options.joined(separator: " ")); "
            + "translating and compiling it took \(making) s, which is not counted"
        // A model without checks would have the same number of states: SPIN must find a fault that is put in.
        try await Self.make("pan-fault", from: source, in: folder, defining: ["-DBUFFERS=\(buffers)", "-DFAULT=\(Self.fault)"])
        let text = try await Command(folder + "/pan-fault", Self.options, directory: folder).output()
        guard let errors = text.firstMatch(of: /errors: (\d+)/), errors.1 != "0" else {
            throw HarnessError(.harness, "SPIN does not find the fault \(Self.fault)")
        }
    }

    /// Explores every state once.
    func explored() async throws -> (seconds: Double, found: Benchmark.Count) {
        let begin = ContinuousClock.now
        let text = try await Command(folder + "/pan", Self.options, directory: folder).output()
        let seconds = (ContinuousClock.now - begin).seconds
        guard text.contains("errors: 0"), !text.contains("max search depth too small"),
            let states = text.firstMatch(of: /(\d+) states, stored/).flatMap({ Int($0.1) }),
            let transitions = text.firstMatch(of: /(\d+) transitions/).flatMap({ Int($0.1) }),
            let megabytes = text.firstMatch(of: /([0-9.]+)\s+total actual memory usage/).flatMap({ Double($0.1) })
        else {
            let lines = text.split(separator: "\n").prefix(5).map(String.init)
            throw HarnessError(.harness, "SPIN did not end without errors", evidence: lines)
        }
        // pan counts the way to the initial state as a transition.
        let bytes = Int((megabytes * 1_048_576 / Double(states)).rounded())
        return (seconds, Benchmark.Count(states: states, steps: transitions - 1, bytesPerState: bytes))
    }

    private static func make(_ name: String, from source: String, in folder: String, defining: [String]) async throws {
        try await Command("spin", ["-a"] + defining + [source], directory: folder).output()
        try await Command("gcc", compile + ["-o", name, "pan.c"], directory: folder).output()
    }

    /// The model: in the nearest tree above this executable.
    private static func source() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        var folder = URL(fileURLWithPath: own).deletingLastPathComponent()
        while folder.path.count > 1 {
            let path = folder.path + "/Sources/Bench/Promela/devmem.pml"
            if Files.exists(path) { return path }
            folder.deleteLastPathComponent()
        }
        throw HarnessError(.harness, "there is no Sources/Bench/Promela/devmem.pml above \(own)")
    }
}
