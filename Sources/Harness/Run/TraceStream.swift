// SPDX-License-Identifier: GPL-2.0

import Results

/// Splits the trace channel into records (`TraceRecordHeader`), for one scenario after the other.
struct TraceStream {
    /// One scenario's pages per CPU, and whether its end record has arrived.
    private(set) var pages: [UInt32: [UInt8]] = [:]
    private(set) var complete = false
    /// The bytes are not a record: what follows cannot be used.
    private(set) var broken: String?
    private var pending: [UInt8] = []
    /// A record is a CPU's whole ring buffer at the most.
    private static let limit: UInt32 = 256 << 20

    mutating func feed(_ bytes: [UInt8]) {
        pending += bytes
        var offset = 0
        while broken == nil, pending.count - offset >= TraceRecordHeader.byteCount {
            let magic = word(offset), cpu = word(offset + 4), length = word(offset + 8)
            guard magic == TraceRecordHeader.magic, length <= Self.limit else {
                broken = "the trace channel has no record at byte \(offset): magic \(String(magic, radix: 16)), length \(length)"
                break
            }
            let end = offset + TraceRecordHeader.byteCount + Int(length)
            guard pending.count >= end else { break }
            if cpu == TraceRecordHeader.endOfScenario {
                complete = true
            } else {
                pages[cpu, default: []] += pending[(offset + TraceRecordHeader.byteCount)..<end]
            }
            offset = end
        }
        pending.removeFirst(offset)
    }

    private func word(_ offset: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(pending[offset + $1]) << (8 * $1) }
    }
}
