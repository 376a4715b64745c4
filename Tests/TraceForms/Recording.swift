// SPDX-License-Identifier: GPL-2.0

public import LifeCycle

/// What one machine recorded: legal runs of the model, on four CPUs.
public enum Recording {
    /// Events in the order of a trace, with times of whole microseconds, which every form can print.
    public static func events(_ seed: UInt64, marks: Bool) -> [TraceEvent] {
        var random = SeededGenerator(seed: seed)
        let provider = ModelProvider.allCases[Int(seed % UInt64(ModelProvider.allCases.count))]
        let configuration = Configuration(
            design: seed % 2 == 0 ? .unifiedRefCount : .rework, provider: provider, buffers: Int.random(in: 2...4, using: &random),
            pools: Int.random(in: 1...3, using: &random), stackReferences: 2, userReferences: 2,
            ringCapacity: Int.random(in: 0...3, using: &random))
        let schedule = Schedule(configuration, length: Int.random(in: 20...300, using: &random), time: 100_000_000_000, using: &random)
        return merged(schedule.events.filter { marks || !$0.isMark })
    }

    /// By time, then by CPU; the order within a CPU stays. This is how pages are merged, and how the kernel and trace-cmd print.
    public static func merged(_ events: [TraceEvent]) -> [TraceEvent] {
        let whole = events.map { event in
            var event = event
            event.time = (event.time + 999) / 1000 * 1000
            return event
        }
        let sorted = whole.enumerated().sorted {
            ($0.element.time, $0.element.cpu, $0.offset) < ($1.element.time, $1.element.cpu, $1.offset)
        }
        return sorted.map(\.element)
    }

    /// The pages of each CPU.
    public static func pages(_ events: [TraceEvent], pageSize: Int = 4096) -> [UInt32: [UInt8]] {
        Dictionary(grouping: events, by: \.cpu).mapValues { PageWriter.trace($0, pageSize: pageSize) }
    }
}

extension TraceEvent {
    public var isMark: Bool {
        if case .mark = action { return true }
        return false
    }
}

extension PoolLedger.Outcome {
    /// What `ppiov check` reports as ok.
    public var conforms: Bool { violationCount == 0 && losses.isEmpty && !accounts.isEmpty }
}
