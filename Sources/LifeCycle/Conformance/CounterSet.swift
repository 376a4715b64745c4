// SPDX-License-Identifier: GPL-2.0

/// The values of a counter in a trace, as ranges: one range if no value is missing.
///
/// Events of one pool from two CPUs can be recorded slightly out of order, so the order of the values is not checked. What is checked
/// is that each value between the first and the last occurs exactly once. The kernel's counters are `u32` and can wrap.
struct CounterSet {
    /// Disjoint, ascending, never adjacent. Values are distances from `base`, so a wrap makes no gap.
    private(set) var ranges: [ClosedRange<Int64>] = []
    private(set) var duplicates: [UInt32] = []
    private var base: UInt32?
    /// Ranges and duplicates at the most: no kernel makes more.
    static let limit = 4096
    /// More ranges than `limit`: values are no longer recorded.
    private(set) var isImplausible = false

    var isEmpty: Bool { ranges.isEmpty }
    var lowest: UInt32? { value(ranges.first?.lowerBound) }
    var highest: UInt32? { value(ranges.last?.upperBound) }

    /// The values between two ranges, which no event has, as first...last.
    var gaps: [(first: UInt32, last: UInt32)] {
        zip(ranges, ranges.dropFirst()).compactMap { low, high in
            guard let first = value(low.upperBound + 1), let last = value(high.lowerBound - 1) else { return nil }
            return (first, last)
        }
    }

    func contains(_ value: UInt32) -> Bool {
        guard let base else { return false }
        let distance = Int64(Int32(bitPattern: value &- base))
        let index = firstRange(endingAtOrAfter: distance)
        return index < ranges.count && ranges[index].contains(distance)
    }

    mutating func insert(_ value: UInt32) {
        guard !isImplausible else { return }
        let base = self.base ?? value
        self.base = base
        let distance = Int64(Int32(bitPattern: value &- base))
        // The common case: the next value.
        if let last = ranges.last, distance == last.upperBound + 1 {
            ranges[ranges.count - 1] = last.lowerBound...distance
            return
        }
        let index = firstRange(endingAtOrAfter: distance)
        if index < ranges.count && ranges[index].contains(distance) {
            if duplicates.count < Self.limit { duplicates.append(value) }
            return
        }
        let joinsBefore = index > 0 && ranges[index - 1].upperBound == distance - 1
        let joinsAfter = index < ranges.count && ranges[index].lowerBound == distance + 1
        switch (joinsBefore, joinsAfter) {
        case (true, true):
            ranges[index - 1] = ranges[index - 1].lowerBound...ranges[index].upperBound
            ranges.remove(at: index)
        case (true, false): ranges[index - 1] = ranges[index - 1].lowerBound...distance
        case (false, true): ranges[index] = distance...ranges[index].upperBound
        case (false, false): ranges.insert(distance...distance, at: index)
        }
        isImplausible = ranges.count > Self.limit
    }

    private func value(_ distance: Int64?) -> UInt32? {
        guard let distance, let base else { return nil }
        return base &+ UInt32(truncatingIfNeeded: distance)
    }

    private func firstRange(endingAtOrAfter distance: Int64) -> Int {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < distance { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
