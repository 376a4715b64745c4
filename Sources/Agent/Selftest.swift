// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import Results
import Scenarios

/// One of the kernel's own selftests, run as it is.
struct Selftest {
    let plan: KernelSelftestPlan

    /// Runs it to its end.
    ///
    /// What its lines mean is the harness's affair, but for one thing: after each that reports a result a mark is set in the kernel log, so
    /// that a splat has an owner.
    ///
    /// - Parameter output: given each line that it writes, and when it came.
    /// - Returns: its exit status.
    func run(scale: Double, output: (String, UInt64) -> Void) throws -> Int32 {
        switch plan.setting {
        case .bare: return try execute([:], scale, output)
        case .interface:
            let nic = try SelftestNIC()
            let status = Result { try execute(SelftestNIC.variables, scale, output) }
            try nic.remove()
            return try status.get()
        }
    }

    private func execute(_ variables: [String: String], _ scale: Double, _ output: (String, UInt64) -> Void) throws -> Int32 {
        let parts = plan.program.split(separator: "/")
        let folder = SelftestRoot.tree + "/tools/testing/selftests/" + parts.dropLast().joined(separator: "/")
        let words = ["./" + (parts.last.map(String.init) ?? "")] + plan.arguments
        let child = try ChildProcess(SelftestRoot.command(folder: folder, variables, words), name: plan.program, errors: true, leads: true)
        while let line = try child.lineOrEnd(within: plan.timeout * scale) {
            // The next case has begun already: what follows here takes time.
            output(line, MonotonicClock.now)
            if KTAPLine.isResult(line) { try KernelFile.write("/dev/kmsg", KernelLogMark.result(line) + "\n") }
        }
        return child.exitStatus()
    }
}
