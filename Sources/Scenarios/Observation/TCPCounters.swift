// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// What TCP counts in this namespace (net/ipv4/proc.c).
enum TCPCounters {
    /// One of the extended counters, such as "TCPRcvCoalesce".
    static func value(of name: String) throws -> Int { try value(of: name, prefix: "TcpExt:", in: "/proc/net/netstat") }

    /// Packets of TCP, each counted once however many segments GRO merged into it.
    static func segmentsIn() throws -> Int { try value(of: "InSegs", prefix: "Tcp:", in: "/proc/net/snmp") }

    /// IPv4 packets that were received and dropped with no error in them, such as one that cannot be trimmed (`ip_rcv_core()`).
    static func discarded() throws -> Int { try value(of: "InDiscards", prefix: "Ip:", in: "/proc/net/snmp") }

    /// A line of names, then a line of values.
    private static func value(of name: String, prefix: String, in path: String) throws -> Int {
        let lines = try KernelFile.read(path).filledLines.filter { $0.hasPrefix(prefix) }
        guard lines.count == 2 else { throw ScenarioFailure("\(path) has \(lines.count) lines of \(prefix)") }
        let (names, values) = (lines[0].split(separator: " "), lines[1].split(separator: " "))
        guard let place = names.firstIndex(where: { $0 == name }), place < values.count, let value = Int(values[place]) else {
            throw ScenarioFailure("\(path) has no \(name)")
        }
        return value
    }
}
