// SPDX-License-Identifier: GPL-2.0

/// The values that a counter has been seen to take, kept as ranges: they should end up as one.
///
/// Events of one pool from two CPUs can be recorded slightly out of order, so the order says nothing; that no value is seen twice
/// and none is missing between the first and the last does. The kernel's counters are `u32` and may wrap.
struct CounterSet {
    /// Disjoint, ascending, never adjacent. Values are distances from `base`, so a wrap does not show.
    private(set) var ranges: [ClosedRange<Int64>] = []
    private(set) var duplicates: [UInt32] = []
    private var base: UInt32?
    /// More holes than this come from no kernel: stop keeping them.
    private static let limit = 4096
    private(set) var senseless = false

    var isEmpty: Bool { ranges.isEmpty }
    var lowest: UInt32? { value(ranges.first?.lowerBound) }
    var highest: UInt32? { value(ranges.last?.upperBound) }

    /// What lies between two ranges: values that were never seen, as first...last.
    var gaps: [(first: UInt32, last: UInt32)] {
        zip(ranges, ranges.dropFirst()).compactMap { low, high in
            guard let first = value(low.upperBound + 1), let last = value(high.lowerBound - 1) else { return nil }
            return (first, last)
        }
    }

    func contains(_ value: UInt32) -> Bool {
        guard let base else { return false }
        let place = Int64(Int32(bitPattern: value &- base))
        let index = firstRange(endingAtOrAfter: place)
        return index < ranges.count && ranges[index].contains(place)
    }

    mutating func insert(_ value: UInt32) {
        guard !senseless else { return }
        let base = self.base ?? value
        self.base = base
        let place = Int64(Int32(bitPattern: value &- base))
        // Nearly always the next value.
        if let last = ranges.last, place == last.upperBound + 1 {
            ranges[ranges.count - 1] = last.lowerBound...place
            return
        }
        let index = firstRange(endingAtOrAfter: place)
        if index < ranges.count && ranges[index].contains(place) {
            if duplicates.count < Self.limit { duplicates.append(value) }
            return
        }
        let joinsBefore = index > 0 && ranges[index - 1].upperBound == place - 1
        let joinsAfter = index < ranges.count && ranges[index].lowerBound == place + 1
        switch (joinsBefore, joinsAfter) {
        case (true, true):
            ranges[index - 1] = ranges[index - 1].lowerBound...ranges[index].upperBound
            ranges.remove(at: index)
        case (true, false): ranges[index - 1] = ranges[index - 1].lowerBound...place
        case (false, true): ranges[index] = place...ranges[index].upperBound
        case (false, false): ranges.insert(place...place, at: index)
        }
        senseless = ranges.count > Self.limit
    }

    private func value(_ place: Int64?) -> UInt32? {
        guard let place, let base else { return nil }
        return base &+ UInt32(truncatingIfNeeded: place)
    }

    private func firstRange(endingAtOrAfter place: Int64) -> Int {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < place { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
