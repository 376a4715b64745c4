// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import Scenarios

/// A kernel selftest, run unmodified.
struct KernelSelftest {
    let plan: KernelSelftestPlan
    /// The machine is slower than hardware: tests that know this wait longer and do less.
    let isSlow: Bool

    /// The most bytes of a line.
    private static let longestLine = 64 << 10
    /// Seconds, before scaling, in which a program that is ended may clean up.
    private static let grace = 10.0

    /// Runs it to its end.
    ///
    /// The harness interprets its lines. The agent only writes a mark into the kernel log after each line that reports a result, so that a splat is
    /// attributed to a case.
    ///
    /// - Parameters:
    ///   - key: the key of the marks.
    ///   - output: called with each line that it writes, and the time of it.
    /// - Returns: its exit status.
    func run(scale: TimeoutScale, key: MarkKey?, output: (String, UInt64) -> Void) throws -> Int32 {
        switch plan.setting {
        case .bare: return try execute([:], scale, key, output)
        case .interface:
            let nic = try KernelSelftestNIC()
            let status = Result { try execute(KernelSelftestNIC.variables, scale, key, output) }
            try nic.remove()
            return try status.get()
        }
    }

    private func execute(
        _ variables: [String: String], _ scale: TimeoutScale, _ key: MarkKey?, _ output: (String, UInt64) -> Void
    ) throws -> Int32 {
        let parts = plan.program.split(separator: "/")
        let folder = KernelSelftestRoot.tree + "/tools/testing/selftests/" + parts.dropLast().joined(separator: "/")
        let words = ["./" + (parts.last.map(String.init) ?? "")] + plan.arguments
        var variables = variables
        if isSlow { variables["KSFT_MACHINE_SLOW"] = "yes" }
        let child = try ChildProcess(KernelSelftestRoot.command(folder: folder, variables, words), name: plan.program, errors: true, leads: true)
        let end = plan.limit.map { Deadline(seconds: scale.seconds($0)) }
        var number = 0
        var results = 0
        func report(_ line: String) throws {
            // The next case has begun already: what follows here takes time.
            output(line, MonotonicClock.now)
            guard let result = Self.result(in: line, next: number + 1) else { return }
            number = result.number ?? number + 1
            results += 1
            try KernelFile.write("/dev/kmsg", KernelLogMark.result(line, number: results, key) + "\n")
        }
        while true {
            let left = end.map { Double($0.remaining) / 1000 } ?? .infinity
            let seconds = min(scale.seconds(plan.timeout), left)
            do {
                if end?.hasPassed == true { throw ScenarioFailure("") }
                guard let line = try child.lineOrEnd(within: seconds, limit: Self.longestLine) else { return child.exitStatus() }
                try report(line)
            } catch let failure as ScenarioFailure {
                throw stop(child, failure, end, scale, output)
            }
        }
    }

    /// Ends a program that takes too long; it may clean up.
    private func stop(
        _ child: ChildProcess, _ failure: ScenarioFailure, _ end: Deadline?, _ scale: TimeoutScale, _ output: (String, UInt64) -> Void
    ) -> ScenarioFailure {
        let why =
            end?.hasPassed == true
            ? "\(plan.program) ran longer than its limit of \(scale.seconds(plan.limit ?? 0)) s (settings: timeout=\(Int(plan.limit ?? 0)))"
            : "\(failure)"
        let grace = scale.seconds(Self.grace)
        let ended = child.terminate(grace: grace) { output($0, MonotonicClock.now) }
        return ScenarioFailure(why + (ended ? "; it ended on SIGTERM" : "; it did not end within \(grace) s of SIGTERM and was killed"))
    }

    private static func result(in line: String, next: Int) -> KTAPLine.KTAPResult? {
        if case .result(let result) = KTAPLine(line) { return result }
        return KTAPLine.embedded(in: line, number: next)?.result
    }
}
