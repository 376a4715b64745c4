// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import Scenarios

/// Runs one scenario at a time and collects the evidence, which `Checks.Judge` judges.
final class ScenarioRunner {
    private let environment: TestEnvironment
    private let pools: PoolWatch
    private let trace: TraceCapture
    private let links: Links

    init(environment: TestEnvironment) throws {
        self.environment = environment
        pools = try PoolWatch()
        trace = try TraceCapture()
        links = try Links()
    }

    func traceFormats() throws -> [String: String] { try trace.formats() }

    /// Does once what is done before and after each scenario, so that the first scenario is no slower than the others.
    func rehearse() throws {
        try pools.begin()
        let before = try counters()
        try trace.start()
        _ = try pools.drain(within: 1)
        _ = try settle(to: before, within: 1)
        try trace.stop()
        _ = try trace.lost()
        try trace.drain { _, _ in }
    }

    /// Runs `scenario` between its marks in the kernel log.
    ///
    /// - Parameters:
    ///   - scale: deadlines are multiplied by it.
    ///   - key: the key of its marks in the kernel log and the trace.
    ///   - emit: called at the start and after every step.
    ///   - pages: called once per CPU with its raw trace pages.
    func run(
        _ scenario: Scenario, scale: TimeoutScale, key: MarkKey?, emit: @escaping (AgentEvent) -> Void, pages: (UInt32, [UInt8]) throws -> Void
    ) throws -> ScenarioReport {
        let begin = MonotonicClock.now
        var report = ScenarioReport(
            scenario: scenario.id, tier: environment.tier(scenario.tier), outcome: .completed, expectation: scenario.expectation)
        try KernelFile.write("/dev/kmsg", KernelLogMark.begin(scenario.id, key) + "\n")
        let known = KnownBugs.of(scenario.id, release: try KernelFile.read("/proc/sys/kernel/osrelease"))
        emit(AgentEvent(kind: .started, time: begin, scenario: scenario.id, knownBug: known))
        defer { try? KernelFile.write("/dev/kmsg", KernelLogMark.end(scenario.id, key) + "\n") }

        if let reason = scenario.needs.sorted(by: { $0.rawValue < $1.rawValue }).lazy.compactMap(environment.lacks).first {
            report.outcome = .skipped
            report.reason = reason
            return report
        }

        try withEvidence(&report, scale: scale, pages: pages) { report in
            let marker = trace.marker
            let token = key.map { " \($0.traceToken)" } ?? ""
            let run = ScenarioRun(
                scenario, environment: environment, pools: pools, scale: scale, mark: { try KernelFile.write(marker, $0 + token + "\n") }
            ) { step in
                emit(AgentEvent(kind: .step, time: MonotonicClock.now, scenario: scenario.id, step: step))
            }
            do {
                try scenario.perform(run)
            } catch let skip as ScenarioSkip {
                report.outcome = .skipped
                report.reason = skip.reason
            } catch {
                report.outcome = .failed
                report.reason = "\(error)"
            }
            if let failure = run.takeDown(), report.outcome != .failed {
                report.outcome = .failed
                report.reason = failure
            }
            report.steps = run.steps
            report.payload = run.payload
        }
        report.duration = MonotonicClock.now - begin
        return report
    }

    /// Runs a kernel selftest, unmodified, between marks like those of a scenario, and collects the same evidence.
    ///
    /// - Parameters:
    ///   - key: the key of its marks in the kernel log.
    ///   - emit: called at the start and with every line that the program writes.
    ///   - pages: called once per CPU with its raw trace pages.
    func run(
        _ selftest: KernelSelftest, scale: TimeoutScale, key: MarkKey?, emit: (AgentEvent) -> Void, pages: (UInt32, [UInt8]) throws -> Void
    ) throws -> ScenarioReport {
        let begin = MonotonicClock.now
        let name = selftest.plan.name
        var report = ScenarioReport(
            scenario: name, tier: .netdevsim, outcome: .completed, expectation: Expectation(provider: selftest.plan.provider, minimumHolds: 0))
        try KernelFile.write("/dev/kmsg", KernelLogMark.begin(name, key) + "\n")
        emit(AgentEvent(kind: .started, time: begin, scenario: name))
        defer { try? KernelFile.write("/dev/kmsg", KernelLogMark.end(name, key) + "\n") }
        try KernelSelftestRoot.enter()
        try withEvidence(&report, scale: scale, pages: pages) { report in
            do {
                let status = try selftest.run(scale: scale, key: key) { line, time in
                    emit(AgentEvent(kind: .output, time: time, scenario: name, message: line))
                }
                report.steps.append(StepRecord(name: KernelSelftestPlan.exitStep, ok: true, detail: "\(status)"))
            } catch {
                report.outcome = .failed
                report.reason = "\(error)"
            }
        }
        report.duration = MonotonicClock.now - begin
        return report
    }

    /// Does `body` with the trace running, and records pools and counters before and after it in the report.
    private func withEvidence(
        _ report: inout ScenarioReport, scale: TimeoutScale, pages: (UInt32, [UInt8]) throws -> Void, _ body: (inout ScenarioReport) -> Void
    ) throws {
        try pools.begin()
        let before = try counters()
        report.before = before
        try trace.start()
        body(&report)
        // Pools that were quiescent before the interface was removed get a short time more, not the whole deadline.
        report.pools = try pools.drain(within: scale.seconds(pools.isQuiescent ? 1.5 : 6))
        // What a remaining pool holds is not released either.
        let isDrained = !report.pools.contains { !$0.gone && $0.pool.detached }
        report.after = try settle(to: before, within: scale.seconds(isDrained ? 3 : 1))
        try trace.stop()
        report.traceLost = try trace.lost()
        try trace.drain { cpu, bytes in
            report.traceBytes += UInt64(bytes.count)
            try pages(cpu, bytes)
        }
    }

    private func counters() throws -> Counters { try ResourceCounters.read(links: Int64(try links.list().count)) }

    /// Reads the counters until they are equal to `goal`: what a ring or a dma-buf holds is freed from a work queue. The values at the deadline are the
    /// evidence.
    private func settle(to goal: Counters, within seconds: Double) throws -> Counters {
        let deadline = Deadline(seconds: seconds)
        while true {
            let now = try counters()
            if now == goal || deadline.hasPassed { return now }
            // No file reports a change, so they are read again after 10 ms.
            _ = poll(nil, 0, 10)
        }
    }
}
