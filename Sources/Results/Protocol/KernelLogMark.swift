// SPDX-License-Identifier: GPL-2.0

/// The marks that the agent writes to /dev/kmsg around each scenario: they assign each kernel message to a scenario.
public enum KernelLogMark {
    public static func begin(_ scenario: String) -> String { "ppiov: begin \(scenario)" }
    public static func end(_ scenario: String) -> String { "ppiov: end \(scenario)" }
    /// Written after the result line of a kernel selftest's case: the kernel messages before it belong to that case. The line is cut because
    /// the kernel accepts at most 1024 bytes at a time (`devkmsg_write()`), and what is not printable ASCII becomes "?": the console need not
    /// show it as it was.
    public static func result(_ line: String) -> String {
        var bytes = line.utf8.prefix(100).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }
        while bytes.last == UInt8(ascii: " ") { bytes.removeLast() }
        return "ppiov: result " + String(decoding: bytes, as: UTF8.self)
    }
}
