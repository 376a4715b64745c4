// SPDX-License-Identifier: GPL-2.0

/// Events that the kernel dropped before they were read. A trace with losses proves nothing.
public struct TraceLosses: Equatable, Sendable {
    /// A line for each place; the first 16.
    public private(set) var lines: [String] = []
    /// Number of places where events are missing.
    public private(set) var places = 0
    private static let limit = 16

    public init() {}

    /// No event is missing.
    public var isEmpty: Bool { places == 0 }

    mutating func add(_ line: String) {
        places += 1
        if lines.count < Self.limit { lines.append(line) }
    }

    mutating func add(cpu: UInt32, _ missed: [MissedEvents]) {
        for gap in missed {
            let count = gap.count.map { "\($0) events" } ?? "an unknown number of events"
            add("CPU \(cpu): \(count) missing before page \(gap.page) of the trace")
        }
    }
}
