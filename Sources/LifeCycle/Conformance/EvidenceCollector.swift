// SPDX-License-Identifier: GPL-2.0

/// Picks the events around violations out of a second pass over the trace, as the trace is not kept in memory.
struct EvidenceCollector {
    private static let before = 8
    private static let after = 2

    /// The events around one violation.
    private struct Context {
        var index: Int
        var pool: UInt64
        var netmem: UInt64?
        var earlier: [TraceEvent] = []
        var lines: [String] = []
        var missing = 0

        func matches(_ event: TraceEvent) -> Bool {
            if let netmem { return event.netmem == netmem || (event.pool == pool && event.netmem == nil) }
            return event.pool == pool
        }
    }

    private var contexts: [Context]
    private var open: Int

    init(_ found: ArraySlice<PoolAccounting.Found>) {
        contexts = found.map { Context(index: $0.event, pool: $0.pool, netmem: $0.netmem) }
        open = contexts.count
    }

    /// The lines of every violation are complete.
    var isComplete: Bool { open == 0 }

    /// - Parameter index: of the event in the trace.
    mutating func add(_ event: TraceEvent, at index: Int) {
        for context in contexts.indices {
            if index == contexts[context].index {
                contexts[context].lines = contexts[context].earlier.map { "  " + $0.description } + ["> " + event.description]
                contexts[context].earlier = []
                contexts[context].missing = Self.after
            } else if contexts[context].matches(event) {
                if index < contexts[context].index {
                    if contexts[context].earlier.count == Self.before { contexts[context].earlier.removeFirst() }
                    contexts[context].earlier.append(event)
                } else if contexts[context].missing > 0 {
                    contexts[context].lines.append("  " + event.description)
                    contexts[context].missing -= 1
                    if contexts[context].missing == 0 { open -= 1 }
                }
            }
        }
    }

    /// The lines of the violation at that index.
    func lines(_ violation: Int) -> [String] { contexts[violation].lines }
}
