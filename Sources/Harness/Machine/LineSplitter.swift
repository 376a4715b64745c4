// SPDX-License-Identifier: GPL-2.0

/// One line from the guest.
struct GuestLine: Sendable, Equatable {
    /// Without its line end; bytes that are not UTF-8, and control characters other than tab are U+FFFD.
    var text: String
    /// The line was longer than the limit and its rest was dropped.
    var truncated = false
    /// When its end arrived.
    var received = ContinuousClock.now

    /// The text; of a truncated line with the mark that the kernel puts at the end of a message that was too long for it.
    var marked: String { truncated ? text + "<truncated>" : text }
}

/// Splits a byte stream into lines. A guest may send any bytes: no line grows beyond the limit, and bytes that are not text are replaced.
struct LineSplitter: Sendable {
    private let limit: Int
    private var pending: [UInt8] = []
    private var overflowed = false

    /// - Parameter limit: the longest line kept, in bytes.
    init(limit: Int) { self.limit = limit }

    mutating func feed(_ bytes: some Sequence<UInt8>) -> [GuestLine] {
        var lines: [GuestLine] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                lines.append(takeLine())
            } else if pending.count < limit {
                pending.append(byte)
            } else {
                overflowed = true
            }
        }
        return lines
    }

    /// The last line, where the stream ended without a line end.
    mutating func finish() -> GuestLine? {
        pending.isEmpty ? nil : takeLine()
    }

    private mutating func takeLine() -> GuestLine {
        while pending.last == UInt8(ascii: "\r") { pending.removeLast() }
        let clean = pending.map { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f ? UInt8(0xff) : $0 }
        let line = GuestLine(text: String(decoding: clean, as: UTF8.self), truncated: overflowed)
        pending.removeAll(keepingCapacity: true)
        overflowed = false
        return line
    }
}
