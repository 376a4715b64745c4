// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import Scenarios

/// A kernel selftest, run unmodified.
struct KernelSelftest {
    let plan: KernelSelftestPlan

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
        let child = try ChildProcess(KernelSelftestRoot.command(folder: folder, variables, words), name: plan.program, errors: true, leads: true)
        var results = 0
        while let line = try child.lineOrEnd(within: scale.seconds(plan.timeout)) {
            // The next case has begun already: what follows here takes time.
            output(line, MonotonicClock.now)
            guard KTAPLine.isResult(line) else { continue }
            results += 1
            try KernelFile.write("/dev/kmsg", KernelLogMark.result(line, number: results, key) + "\n")
        }
        return child.exitStatus()
    }
}
