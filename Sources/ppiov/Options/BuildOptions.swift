// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Foundation
import Harness

/// How kernels are built.
struct BuildOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Compilers at a time: make's -j. (default: one for each processor that affinity and cgroups grant, where memory allows)", valueName: "n"))
    var buildJobs: Int?

    @Flag(
        inversion: .prefixedNo,
        help: ArgumentHelp(
            "Build in a sandbox (bubblewrap): for patches of others. Makefiles, Kconfig and scripts run commands. (default: no, or PPIOV_SANDBOX=1)"))
    var sandbox: Bool?

    func validate() throws {
        if let buildJobs, !(1...1024).contains(buildJobs) { throw ValidationError("--build-jobs takes 1 to 1024, not \(buildJobs)") }
        if sandbox == nil, let value = Self.variable, !["", "0", "1"].contains(value) {
            throw ValidationError("PPIOV_SANDBOX is 1 (build in a sandbox) or 0, not \"\(value)\"")
        }
    }

    private static var variable: String? { ProcessInfo.processInfo.environment["PPIOV_SANDBOX"] }

    /// make's jobs.
    var jobs: Int { buildJobs ?? HostLimits.current.compilers }

    var wantsSandbox: Bool { sandbox ?? (Self.variable == "1") }

    var isDefault: Bool { buildJobs == nil && sandbox == nil }

    /// The options that a command for the same kernel needs, each with a space after it.
    var words: String { sandbox.map { $0 ? "--sandbox " : "--no-sandbox " } ?? "" }
}
