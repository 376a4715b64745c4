// SPDX-License-Identifier: GPL-2.0

/// The marks that the agent writes to /dev/kmsg around each scenario: they assign each kernel message to a scenario.
public enum KernelLogMark {
    public static func begin(_ scenario: String) -> String { "ppiov: begin \(scenario)" }
    public static func end(_ scenario: String) -> String { "ppiov: end \(scenario)" }
    /// Written after the result line of a kernel selftest's case: the kernel messages before it belong to that case. The line is truncated because
    /// the kernel accepts at most 1024 bytes at a time (`devkmsg_write()`), and a reason can be longer.
    public static func result(_ line: String) -> String { "ppiov: result \(line.prefix(100))" }
}
