// SPDX-License-Identifier: GPL-2.0

/// Merges the traces of all CPUs into one, in time order.
public enum TraceMerge {
    /// - Parameter traces: one list per CPU, each in the order recorded.
    /// - Returns: all events by time; equal times by place in `traces`. The order within one CPU is never changed, not even
    ///   where a time stamp goes backwards.
    public static func merge(_ traces: [[TraceEvent]]) -> [TraceEvent] {
        var merged: [TraceEvent] = []
        merged.reserveCapacity(traces.reduce(0) { $0 + $1.count })
        var heap = Heap(traces)
        while let next = heap.next() { merged.append(next) }
        return merged
    }

    /// A binary heap of the lists, the one with the earliest next event on top.
    private struct Heap {
        struct Cursor {
            var time: UInt64
            var list: Int
            var index: Int
        }

        let lists: [[TraceEvent]]
        var cursors: [Cursor] = []

        init(_ lists: [[TraceEvent]]) {
            self.lists = lists
            for (list, events) in lists.enumerated() {
                if let first = events.first { cursors.append(Cursor(time: first.time, list: list, index: 0)) }
            }
            for index in cursors.indices.reversed() { sink(index) }
        }

        func before(_ a: Cursor, _ b: Cursor) -> Bool { a.time != b.time ? a.time < b.time : a.list < b.list }

        mutating func next() -> TraceEvent? {
            guard let top = cursors.first else { return nil }
            let event = lists[top.list][top.index]
            let following = top.index + 1
            if following < lists[top.list].count {
                cursors[0] = Cursor(time: lists[top.list][following].time, list: top.list, index: following)
            } else {
                cursors.swapAt(0, cursors.count - 1)
                cursors.removeLast()
            }
            sink(0)
            return event
        }

        mutating func sink(_ start: Int) {
            var at = start
            while true {
                var least = at
                for child in (2 * at + 1)...(2 * at + 2)
                where child < cursors.count && before(cursors[child], cursors[least]) {
                    least = child
                }
                if least == at { return }
                cursors.swapAt(at, least)
                at = least
            }
        }
    }
}
