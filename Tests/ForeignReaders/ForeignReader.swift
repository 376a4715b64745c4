// SPDX-License-Identifier: GPL-2.0

import Checks
import Foundation
import Harness
import LifeCycle
import Results
import TraceForms

/// A reader of bytes that were made outside: by another machine, a guest, a mail program or a user.
public enum ForeignReader: String, CaseIterable, Sendable {
    /// The forms of a trace that `ppiov check` reads.
    case traceText = "trace-text"
    case traceDat = "trace-dat"
    /// A byte for the CPU, then a page, and so on.
    case tracePages = "trace-pages"
    /// The text of the format of an event, or of the page.
    case traceFormat = "trace-format"
    /// Mails of a series, and what other tools than git export.
    case mails
    case diffs
    /// The output of a kernel selftest.
    case ktap
    case kernelLog = "kernel-log"
    /// A fragment of a kernel's configuration, and a .config.
    case configuration
    case allowList = "allow-list"
    /// A patch of mutants/ with its header.
    case mutant
    /// The lines of the agent on the events channel.
    case agentEvents = "agent-events"

    static let ledger = PoolLedger(begin: .noPools, end: .allPools)

    static let decompressors = Decompression.all.merging(TraceForm.inverted) { first, _ in first }

    /// Reads the bytes to their end, as the program does. An error of the reader is an answer.
    ///
    /// - Returns: what contradicts itself in the answer; nil where nothing does.
    public func examine(_ bytes: [UInt8]) -> String? {
        switch self {
        case .traceText: _ = try? TraceForm.text(TextForm()).examine(bytes, Self.ledger)
        case .traceDat: _ = try? TraceForm.dat(DatWriter()).examine(bytes, Self.ledger, decompressors: Self.decompressors)
        case .tracePages: _ = try? TraceForm.pages.examine(bytes, Self.ledger)
        case .traceFormat: traceFormat(bytes)
        case .mails, .diffs: return series(bytes)
        case .ktap: return ktap(bytes)
        case .kernelLog: return kernelLog(bytes)
        case .configuration: configuration(bytes)
        case .allowList: allowList(bytes)
        case .mutant: mutant(bytes)
        case .agentEvents: agentEvents(bytes)
        }
        return nil
    }

    private static let pages = Recording.pages(Recording.events(1, marks: true)).mapValues { ByteSource($0) }

    /// Whatever offsets it has, the pages are read with them or it is refused.
    private func traceFormat(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        for name in TraceDecoder.formatNames + [TraceDecoder.markFormatName] {
            guard let decoder = try? TraceDecoder(formats: Texts.marked.merging([name: text]) { $1 }) else { continue }
            _ = try? Self.ledger.examine(.pages(Self.pages, decoder))
        }
    }

    /// git gets the lines that were validated: they must be read as they were.
    private func series(_ bytes: [UInt8]) -> String? {
        guard let content = try? SeriesText.read(bytes) else { return nil }
        for (diff, files) in zip(content.diffs, content.files) {
            guard let again = try? SeriesText.files(ofValidated: diff) else { return "the validated lines are not read again" }
            guard again == files else { return "the validated lines are of \(again), the patch of \(files)" }
        }
        return nil
    }

    private func ktap(_ bytes: [UInt8]) -> String? {
        let lines = KernelLog.lines(of: bytes)
        let plan = KernelSelftestPlan(program: "drivers/net/hw/devmem.py", setting: .interface)
        let exit = StepRecord(name: KernelSelftestPlan.exitStep, ok: true, detail: "0")
        let report = ScenarioReport(
            scenario: plan.name, tier: .netdevsim, outcome: .completed, expectation: Expectation(provider: .pages, minimumHolds: 0), steps: [exit])
        let log = [KernelLogMark.begin(plan.name, nil)] + lines.enumerated().map { KernelLogMark.result($1, number: $0 + 1, nil) }
        let whole = Evidence(
            scenario: plan.name, tier: .netdevsim, provider: .pages, needs: nil, report: report, trace: nil, formats: [:], log: log)
        let evidence = KernelSelftestEvidence(plan: plan, lines: lines.map { KernelSelftestEvidence.Line($0, time: 1) }, whole: whole)
        guard let today = Day(year: 2026, month: 12, day: 1) else { return nil }
        let results = KernelSelftestJudge(allowList: AllowList(), guaranteed: .none, today: today).verdicts(evidence)
        return Set(results.map { Array($0.scenario.utf8) }).count == results.count ? nil : "two cases have the same name"
    }

    private func kernelLog(_ bytes: [UInt8]) -> String? {
        let lines = KernelLog.lines(of: bytes)
        let splats = KernelLog.splats(in: lines)
        let list = AllowList(entries: [])
        if let today = Day(year: 2026, month: 12, day: 1) { for splat in splats { _ = list.answer(splat, today: today) } }
        _ = KernelLog.reasonOfEnd(in: lines)
        _ = KernelLog.scope(lines, to: "zcrx.receive")
        _ = KernelLog.scope(lines, to: "zcrx.receive", key: MarkKey(rawValue: String(repeating: "0", count: 32)))
        var next: UInt64?
        for record in bytes.split(separator: 0) { _ = KernelRecord(record)?.lines(after: &next) }
        return splats.contains { $0.lines.isEmpty } ? "a splat without a line" : nil
    }

    private func configuration(_ bytes: [UInt8]) {
        _ = ConfigFragment.values(of: String(decoding: bytes, as: UTF8.self))
        guard let lines = try? ConfigFragment.lines(bytes, origin: "file") else { return }
        _ = ConfigFragment.base(of: lines)
        _ = try? ConfigFragment.parse(lines, origin: "file")
    }

    private static let splat = Splat(
        kind: .warning, firstLine: "WARNING: CPU: 1 PID: 88 at net/core/page_pool.c:717 page_pool_inflight+0x5c/0x70", lines: [], fingerprint: [])

    private func allowList(_ bytes: [UInt8]) {
        guard let list = try? AllowList(bytes: bytes), let today = Day(year: 2026, month: 12, day: 1) else { return }
        _ = list.expired(on: today)
        _ = list.answer(Self.splat, today: today)
    }

    private func mutant(_ bytes: [UInt8]) {
        guard let text = try? ForeignText.read(bytes) else { return }
        _ = try? Mutant(text, path: "010-x.patch")
    }

    private func agentEvents(_ bytes: [UInt8]) {
        let decoder = JSONDecoder()
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            _ = try? decoder.decode(AgentEvent.self, from: Data(line))
            _ = try? decoder.decode(AgentCommand.self, from: Data(line))
        }
    }
}
