// SPDX-License-Identifier: GPL-2.0

import Foundation
import LifeCycle
import Results
import TestSupport
import TraceForms

/// Inputs of each reader that are right: from the files of the repository, and written here.
public struct ReaderExamples: Sendable {
    private let all: [ForeignReader: [[UInt8]]]

    public init() throws {
        var all: [ForeignReader: [[UInt8]]] = [:]
        let events = (1...4).map { Recording.events($0, marks: false) }
        let marked = Recording.events(5, marks: true)
        let forms = stride(from: 0, to: TextForm.all.count, by: 5).map { TextForm.all[$0] }
        all[.traceText] = forms.enumerated().map { $1.text(Array(events[$0 % events.count].prefix(40))) }
        all[.traceDat] =
            try Self.writers.map { try $0.bytes([("", Recording.pages(Array(events[0].prefix(40)))), ("pool", Recording.pages(marked))]) }
            + [Self.file("Tests/Fixtures/trace-cmd-3.1.6.dat")]
        all[.tracePages] = try (events + [marked]).map { try TraceForm.pages.bytes($0) }
        all[.traceFormat] = Texts.marked.values.sorted().map { Array($0.utf8) }
        all[.diffs] = Self.diffs + (try Self.files("mutants", ending: ".patch").prefix(8).map(Self.diff))
        all[.mails] = Self.mails + (try Self.files("examples/series", ending: ".patch") + Self.files("vm/patches", ending: ".patch"))
        all[.ktap] = Self.outputs
        all[.kernelLog] = try Self.files("Tests/ChecksTests/Logs", ending: ".log") + Self.logs
        all[.configuration] = try Self.files("vm/config", ending: ".config")
        all[.allowList] = Self.allowLists
        all[.mutant] = Array(try Self.files("mutants", ending: ".patch").prefix(24))
        all[.agentEvents] = try Self.events()
        self.all = all
    }

    public subscript(reader: ForeignReader) -> [[UInt8]] { all[reader] ?? [] }

    /// Traces that the compressions of trace-cmd compressed, by the programs that scripts/setup installs.
    public static func compressedTraces() async throws -> [[UInt8]] {
        var traces: [[UInt8]] = []
        for compression in RealCompression.allCases {
            for chunkPages in [1, 4] {
                let pages = Recording.pages(Recording.events(7, marks: true))
                traces.append(try await DatWriter { $0.chunkPages = chunkPages }.bytes([("", pages), ("pool", pages)], compression))
            }
        }
        return traces
    }

    private static let writers = [
        DatWriter { $0.version = "6" }, DatWriter { ($0.version, $0.clock) = ("6", (multiplier: 5, shift: 3)) }, DatWriter(),
        DatWriter { ($0.compression, $0.chunkPages) = (.storedZlib, 1) }, DatWriter { $0.compression = .storedZstd },
        DatWriter { ($0.compression, $0.clock) = (.storedZstd, (multiplier: 5, shift: 3)) },
    ]

    private static func file(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: Repository.path(name)))) }

    /// The files of a folder and of those in it, in the order of their names.
    private static func files(_ folder: String, ending: String) throws -> [[UInt8]] {
        let names = FileManager.default.enumerator(atPath: Repository.path(folder))?.allObjects as? [String] ?? []
        return try names.sorted().filter { $0.hasSuffix(ending) }.map { try file(folder + "/" + $0) }
    }

    /// A mutant's patch without its header.
    private static func diff(_ mutant: [UInt8]) -> [UInt8] {
        let lines = mutant.split(separator: 0x0a, omittingEmptySubsequences: false)
        let start = lines.firstIndex { $0.starts(with: "--- ".utf8) || $0.starts(with: "diff --git ".utf8) } ?? 0
        return Array(lines[start...].joined(separator: [0x0a]))
    }

    private static func events() throws -> [[UInt8]] {
        let step = StepRecord(name: "bind", ok: true, detail: "4 buffers")
        let expectation = Expectation(provider: .zcrx, minimumHolds: 1)
        let report = ScenarioReport(scenario: "zcrx.receive", tier: .netdevsim, outcome: .completed, expectation: expectation, steps: [step])
        let events = [
            AgentEvent(kind: .started, time: 1, scenario: "zcrx.receive"), AgentEvent(kind: .step, time: 2, scenario: "zcrx.receive", step: step),
            AgentEvent(kind: .finished, time: 3, scenario: "zcrx.receive", report: report),
            AgentEvent(kind: .output, time: 4, message: "ok 1 devmem.check_rx"),
        ]
        guard let key = MarkKey(rawValue: String(repeating: "0", count: 32)) else { return [] }
        let plan = KernelSelftestPlan(program: "drivers/net/hw/devmem.py", setting: .interface)
        let commands = [
            AgentCommand.run("zcrx.receive", timeoutScale: .one, markKey: key),
            AgentCommand.selftest(plan, slowMachine: true, timeoutScale: .one, markKey: key),
        ]
        let encoder = JSONEncoder()
        let lines = try events.map { [UInt8](try encoder.encode($0)) } + commands.map { [UInt8](try encoder.encode($0)) }
        return lines + [Array(lines.joined(separator: [0x0a]))]
    }
}
