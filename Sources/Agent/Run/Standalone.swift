// SPDX-License-Identifier: GPL-2.0

import Checks
import Glibc
import KernelABI
import Results
import Scenarios

/// The agent on a machine that the harness did not boot: runs the scenarios on its kernel. `Checks.Judge` judges them, as in the
/// harness. KTAP goes to standard output, progress to standard error.
enum Standalone {
    /// - Returns: the exit code, and KTAP for standard output.
    static func run(_ arguments: [String], agent: String) throws -> (code: Int32, output: String) {
        let scenarios = try select(arguments)
        guard getuid() == 0 else { throw ScenarioFailure("run needs root: it configures interfaces and reads the trace") }
        for (path, how) in [
            ("/sys/kernel/tracing/instances", "mount -t tracefs none /sys/kernel/tracing"),
            ("/sys/kernel/debug", "mount -t debugfs none /sys/kernel/debug"),
        ] where KernelFile.list(path).isEmpty && access(path, W_OK) != 0 {
            throw ScenarioFailure("\(path) does not exist; try: \(how)")
        }

        // Scenarios without a device run over loopback, which is always the first link.
        try Links().set(1, up: true)
        let environment = try TestEnvironment(agent: agent, variables: variables())
        if case .none = environment.wire {} else { _ = try environment.startPeer() }
        let runner = try ScenarioRunner(environment: environment)
        let formats = try runner.traceFormats()
        let judge = Judge(allowList: AllowList(), today: try today(), guaranteed: GuaranteedNeeds(try BootedKernel.facts(environment)))
        // One for all scenarios: what the kernel prints after a scenario's end mark counts for the next, as in the harness.
        var messages = try KernelMessages()
        // A signal ends the run between two scenarios, so that the clean-up of each is done.
        for number in [SIGINT, SIGTERM, SIGHUP] { signal(number) { _ in Signals.received = 1 } }
        var results: [ScenarioResult] = []
        let release = try KernelFile.read("/proc/sys/kernel/osrelease")
        for scenario in scenarios where Signals.received == 0 {
            if let bug = KnownBugs.of(scenario.id, release: release), bug.endsIn != nil {
                results.append(
                    Judge.notRun(scenario.id, tier: environment.tier(scenario.tier), provider: scenario.expectation.provider, because: bug))
            } else {
                results.append(judge.verdict(evidence(of: scenario, runner, environment, formats, &messages)))
            }
        }
        note(Summary.text(results))
        guard Signals.received == 0 else { return (ExitCode.interrupted.rawValue, KTAP.document(results) + KTAP.bailOut("interrupted")) }
        return (ExitCode(results).rawValue, KTAP.document(results))
    }

    private static func select(_ arguments: [String]) throws -> [Scenario] {
        var patterns: [String] = []
        var all = false
        var words = arguments[...]
        while let word = words.popFirst() {
            switch word {
            case "--all": all = true
            case "--filter":
                guard let pattern = words.popFirst() else { throw UsageError(message: "--filter needs a pattern") }
                patterns.append(pattern)
            default: throw UsageError(message: "run does not accept \(word)")
            }
        }
        do {
            let scenarios = try Catalogue.select(any: patterns, all: all)
            for renamed in patterns.flatMap({ Catalogue.renamed($0, all: all) }) { note(renamed.description) }
            return scenarios
        } catch {
            throw UsageError(message: "\(error)")
        }
    }

    private static func evidence(
        of scenario: Scenario, _ runner: ScenarioRunner, _ environment: TestEnvironment, _ formats: [String: String],
        _ messages: inout KernelMessages
    ) -> Evidence {
        note("\(scenario.id) ...")
        let begin = MonotonicClock.now
        let key = MarkKey()
        var evidence = Evidence(
            scenario: scenario.id, tier: environment.tier(scenario.tier), provider: scenario.expectation.provider,
            needs: scenario.hidden ? nil : scenario.needs, report: nil, trace: nil, formats: formats, log: nil)
        evidence.markKey = key
        do {
            var trace: [UInt32: [UInt8]] = [:]
            evidence.report = try runner.run(
                scenario, scale: .one, key: key, emit: { if $0.kind == .started { evidence.knownBug = $0.knownBug } },
                pages: { cpu, bytes in trace[cpu] = bytes })
            evidence.trace = trace
        } catch {
            evidence.crash = Crash(.agent, "the agent could not continue: \(error)")
        }
        do {
            evidence.log = KernelLog.evidence(in: try messages.take(), for: scenario.id, key: key)
        } catch {
            evidence.crash = evidence.crash ?? Crash(.agent, "the kernel log could not be read: \(error)")
        }
        evidence.seconds = Double(MonotonicClock.now - begin) / 1e9
        return evidence
    }

    private static func variables() -> [String: String] {
        var variables: [String: String] = [:]
        for name in ["NETIF", "LOCAL_V4", "LOCAL_V6", "REMOTE_V4", "REMOTE_V6", "REMOTE_TYPE", "REMOTE_ARGS"] {
            if let value = getenv(name) { variables[name] = String(cString: value) }
        }
        return variables
    }

    private static func today() throws -> Day {
        var now = time(nil)
        var date = tm()
        gmtime_r(&now, &date)
        guard let day = Day(year: Int(date.tm_year) + 1900, month: Int(date.tm_mon) + 1, day: Int(date.tm_mday)) else {
            throw ScenarioFailure("the clock has no valid date")
        }
        return day
    }

    private static func note(_ text: String) {
        let bytes = Array((text.hasSuffix("\n") ? text : text + "\n").escapedLines.utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}

/// Set by the signal handler, which may do nothing else.
enum Signals {
    nonisolated(unsafe) static var received: sig_atomic_t = 0
}
