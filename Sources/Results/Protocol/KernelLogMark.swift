// SPDX-License-Identifier: GPL-2.0

/// The marks that the agent writes to /dev/kmsg around each scenario: they assign each kernel message to a scenario.
///
/// A mark ends with its token (`MarkKey`). Without a key it has none: so are those of logs that were not made by a run.
public enum KernelLogMark {
    public static func begin(_ scenario: String, _ key: MarkKey?) -> String { signed("begin \(scenario)", key) }
    public static func end(_ scenario: String, _ key: MarkKey?) -> String { signed("end \(scenario)", key) }

    /// Written after the result line of a kernel selftest's case: the kernel messages before it belong to that case. Of the line it has the printable
    /// ASCII characters, and at most 100 of these: the kernel accepts at most 1024 bytes at a time (`devkmsg_write()`). A bracket may begin a time
    /// stamp, which divides a line of the log.
    ///
    /// - Parameter number: of the result line among all result lines of the program, from 1. It is in the token only.
    public static func result(_ line: String, number: Int, _ key: MarkKey?) -> String {
        let text = line.utf8.lazy.filter { (0x20..<0x7f).contains($0) && $0 != UInt8(ascii: "[") }.prefix(100)
        return signed("result \(String(decoding: text, as: UTF8.self))", number: number, key)
    }

    private static func signed(_ mark: String, number: Int = 0, _ key: MarkKey?) -> String {
        // The kernel drops blanks at the end of a line.
        var mark = mark[...]
        while mark.last == " " { mark.removeLast() }
        return "ppiov: \(mark)" + (key.map { " \($0.token("\(number) \(mark)"))" } ?? "")
    }
}
