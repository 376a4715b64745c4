// SPDX-License-Identifier: GPL-2.0

import TestSupport

/// Raw ring-buffer pages of one pool's life cycle, written as the kernel does.
enum TraceBytes {
    /// One page with the events given as record payloads, 1 ms apart.
    static func page(_ records: [[UInt8]], time: UInt64 = 0, flags: UInt32 = 0, missed: UInt64? = nil) -> [UInt8] {
        var data: [UInt8] = []
        for record in records { data += littleEndian(UInt32(1_000_000 << 5 | record.count / 4)) + record }
        let whole = littleEndian(time) + littleEndian(UInt64(UInt32(data.count) | flags)) + data + (missed.map { littleEndian($0) } ?? [])
        return whole + [UInt8](repeating: 0, count: 4096 - whole.count)
    }

    /// A pool holds netmems, releases some, one of them twice if `twice`, and is destroyed.
    static func run(netIovs: UInt64, released: UInt64? = nil, bit: UInt64 = 1, twice: Bool = false) -> [UInt8] {
        let released = released ?? netIovs
        let head = [UInt8](repeating: 0, count: 2) + littleEndian(UInt32(101)) + littleEndian(0xffff_8880_03a1_c000 as UInt64)
        var records: [[UInt8]] = (0..<netIovs).map { littleEndian(2 as UInt16) + head + littleEndian($0 * 64 | bit) + littleEndian($0 + 1) }
        records += (0..<released).map { littleEndian(3 as UInt16) + head + littleEndian($0 * 64 | bit) + littleEndian($0 + 1) }
        if twice { records.append(littleEndian(3 as UInt16) + head + littleEndian(bit) + littleEndian(released + 1)) }
        let releases = UInt32(released) + (twice ? 1 : 0)
        records.append(
            littleEndian(1 as UInt16) + head + littleEndian(UInt32(netIovs) &- releases) + littleEndian(UInt32(netIovs)) + littleEndian(releases)
                + littleEndian(0 as UInt32) + littleEndian(1 as UInt64))
        return stride(from: 0, to: records.count, by: 80).flatMap { start in
            page(Array(records[start..<min(start + 80, records.count)]), time: UInt64(start) * 1_000_000)
        }
    }

    static let formats: [String: String] = {
        func event(_ id: Int, _ fields: [(String, Int, Int)]) -> String {
            let common = [("common_type", 0, 2), ("common_flags", 2, 1), ("common_preempt_count", 3, 1), ("common_pid", 4, 4)]
            return "ID: \(id)\n" + text(common + [("pool", 8, 8)] + fields, " ")
        }
        func text(_ fields: [(String, Int, Int)], _ space: String) -> String {
            fields.map { "\tfield:\(space)u \($0.0);\toffset:\($0.1);\tsize:\($0.2);\tsigned:0;\n" }.joined()
        }
        return [
            "header_page": text([("timestamp", 0, 8), ("commit", 8, 8), ("overwrite", 8, 1), ("data", 16, 4080)], " "),
            "page_pool_release": event(1, [("inflight", 16, 4), ("hold", 20, 4), ("release", 24, 4), ("cnt", 32, 8)]),
            "page_pool_state_hold": event(2, [("netmem", 16, 8), ("hold", 24, 4), ("pfn", 24, 8)]),
            "page_pool_state_release": event(3, [("netmem", 16, 8), ("release", 24, 4), ("pfn", 24, 8)]),
        ]
    }()
}
