// SPDX-License-Identifier: GPL-2.0

/// The marks that the agent writes to /dev/kmsg around each scenario: they assign each kernel message to a scenario.
///
/// A mark ends with its token (`MarkKey`). Without a key it has none: so are those of logs that were not made by a run.
public enum KernelLogMark {
    public static func begin(_ scenario: String, _ key: MarkKey?) -> String { signed("begin \(scenario)", key) }
    public static func end(_ scenario: String, _ key: MarkKey?) -> String { signed("end \(scenario)", key) }

    /// Written after the result line of a kernel selftest's case: the kernel messages before it belong to that case.
    ///
    /// - Parameter number: of the mark among those of the program, from 1. It is in the token only.
    public static func result(_ line: String, number: Int, _ key: MarkKey?) -> String {
        signed("result \(resultText(line))", number: number, key)
    }

    /// The part of a result line that its mark has: the printable ASCII characters, and at most 100 of these: the kernel accepts at most 1024
    /// bytes at a time (`devkmsg_write()`). A bracket may begin a time stamp, which divides a line of the log.
    public static func resultText(_ line: String) -> String {
        let text = line.utf8.lazy.filter { (0x20..<0x7f).contains($0) && $0 != UInt8(ascii: "[") }.prefix(100)
        return trimmed(String(decoding: Array(text), as: UTF8.self))
    }

    /// `resultText` of the line whose mark this is; nil where it is not the mark of a result with that number and key.
    public static func resultText(in mark: String, number: Int, _ key: MarkKey?) -> String? {
        let head = "ppiov: result "
        guard mark.utf8.starts(with: head.utf8) else { return nil }
        var text = mark.utf8.dropFirst(head.utf8.count)
        if key != nil {
            guard let blank = text.lastIndex(of: UInt8(ascii: " ")) else { return nil }
            text = text[..<blank]
        }
        let found = String(decoding: Array(text), as: UTF8.self)
        return signed("result \(found)", number: number, key).utf8.elementsEqual(mark.utf8) ? found : nil
    }

    /// The kernel drops blanks at the end of a line.
    private static func trimmed(_ text: String) -> String {
        var text = text[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    private static func signed(_ mark: String, number: Int = 0, _ key: MarkKey?) -> String {
        let mark = trimmed(mark)
        return "ppiov: \(mark)" + (key.map { " \($0.token("\(number) \(mark)"))" } ?? "")
    }
}
