// SPDX-License-Identifier: GPL-2.0

import FoundationEssentials
import Glibc
import KernelABI
import Results
import Scenarios

/// The agent in a guest of the harness: reports that it is ready, then performs the commands of the harness, one at a time.
enum GuestLoop {
    static func run(agent: String) throws {
        var events = EventPort(try VirtioPort.open("ppiov.events"))
        let trace = TracePort(try VirtioPort.open("ppiov.trace"))
        let environment: TestEnvironment
        let runner: ScenarioRunner
        do {
            // The loopback device is always the first.
            try Links().set(1, up: true)
            environment = try TestEnvironment(agent: agent, variables: [:])
            // Before the snapshot, so that no scenario waits for it.
            if case .netdevsim = environment.wire { _ = try environment.startPeer() }
            runner = try ScenarioRunner(environment: environment)
            try warmUp(runner)
            try events.send(AgentEvent(kind: .ready, time: MonotonicClock.now, guest: GuestFacts.read(environment, runner)))
        } catch {
            try events.send(AgentEvent(kind: .error, time: MonotonicClock.now, message: "\(error)"))
            return
        }
        func fail(_ scenario: String?, _ message: String) throws {
            try events.send(AgentEvent(kind: .error, time: MonotonicClock.now, scenario: scenario, message: message))
        }
        /// Sends the report of what `run` does, or its error.
        func report(_ name: String, _ run: () throws -> ScenarioReport) throws {
            let outcome = Result { try run() }
            try trace.endScenario()
            switch outcome {
            case .success(let report): try events.send(AgentEvent(kind: .finished, time: MonotonicClock.now, scenario: name, report: report))
            case .failure(let error): try fail(name, "\(error)")
            }
        }
        while let command = try events.next() {
            let scale = command.timeoutScale
            switch command.verb {
            case .poweroff: return
            case .selftest:
                guard let plan = command.selftest else {
                    try fail(nil, "the command names no kernel selftest")
                    continue
                }
                try report(plan.name) {
                    try runner.run(
                        KernelSelftest(plan: plan, isSlow: command.slowMachine == true), scale: scale, key: command.markKey,
                        emit: { try? events.send($0) },
                        pages: { try trace.send(cpu: $0, $1) })
                }
            case .run:
                guard let scenario = command.scenario.flatMap(Catalogue.named) else {
                    try fail(nil, "there is no scenario \(command.scenario ?? "")")
                    continue
                }
                try report(scenario.id) {
                    try runner.run(
                        scenario, scale: scale, key: command.markKey, emit: { try? events.send($0) }, pages: { try trace.send(cpu: $0, $1) })
                }
            }
        }
    }

    /// Does once what every scenario does, so that its first-time work is in the snapshot: tables are built, type metadata is resolved, pages are
    /// mapped.
    private static func warmUp(_ runner: ScenarioRunner) throws {
        let command = AgentCommand.run("", timeoutScale: .one, markKey: MarkKey())
        let read = try JSONDecoder().decode(AgentCommand.self, from: JSONEncoder().encode(command))
        _ = read.scenario.flatMap(Catalogue.named)
        try runner.rehearse()
    }
}

/// What the agent reports of the kernel that it runs on.
enum GuestFacts {
    static func read(_ environment: TestEnvironment, _ runner: ScenarioRunner) throws -> GuestInfo {
        func first(_ path: String) -> String {
            (try? KernelFile.read(path))?.filledLines.first.map(String.init) ?? "unknown"
        }
        let reason: String?
        if case .none(let why) = environment.wire { reason = why } else { reason = nil }
        return GuestInfo(
            kernelRelease: first("/proc/sys/kernel/osrelease"), kernelVersion: first("/proc/sys/kernel/version"),
            cpus: Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), netdevsim: reason == nil, netdevsimReason: reason,
            zcrxRegisterFlags: environment.zeroCopyFeatures?.receive.map { UInt64($0.registerFlags.rawValue) },
            devmem: environment.devmem, traceFormats: try runner.traceFormats())
    }
}
