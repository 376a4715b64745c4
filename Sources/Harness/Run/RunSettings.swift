// SPDX-License-Identifier: GPL-2.0

public import Checks

/// The settings of every command that boots machines: a kernel, a machine, the number of machines, the results folder, the allowed kernel messages.
public struct RunSettings: Sendable {
    public var kernel: KernelRequest
    public var machine: MachineOptions
    /// Machines at a time; nil for ``PreparedMachine/guests``.
    public var jobs: Int?
    /// Compilers at a time.
    public var buildJobs: Int
    /// The results folder; nil for `results/TIME`.
    public var out: String?
    public var allowList: AllowList
    /// The arguments of the command that runs the same again.
    public var command: [String]

    /// - Parameters:
    ///   - jobs: machines at a time; nil for ``PreparedMachine/guests``.
    ///   - buildJobs: compilers at a time.
    ///   - out: the results folder; nil for `results/TIME`.
    ///   - command: the arguments of `ppiov` that run the same again.
    public init(
        kernel: KernelRequest, machine: MachineOptions, jobs: Int? = nil, buildJobs: Int, out: String?, allowList: AllowList = AllowList(),
        command: [String]
    ) {
        self.kernel = kernel
        self.machine = machine
        self.jobs = jobs
        self.buildJobs = buildJobs
        self.out = out
        self.allowList = allowList
        self.command = command
    }

    /// The command that runs the same again, quoted for a shell.
    public var reproduce: String { Command("ppiov", command).line }
}
