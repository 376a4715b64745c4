// SPDX-License-Identifier: GPL-2.0

/// The cursors of a trace by the time of their next event, then by their number: a binary heap. A file can name any number of CPUs.
struct EventHeap {
    private var entries: [(time: UInt64, cursor: Int)] = []

    /// The cursor with the earliest event; nil where there is none.
    @inline(__always)
    var first: Int? { entries.first?.cursor }

    mutating func insert(_ time: UInt64, _ cursor: Int) {
        entries.append((time, cursor))
        var at = entries.count - 1
        while at > 0, isBefore(entries[at], entries[(at - 1) / 2]) {
            entries.swapAt(at, (at - 1) / 2)
            at = (at - 1) / 2
        }
    }

    /// The first cursor has this time now.
    @inline(__always)
    mutating func replaceFirst(_ time: UInt64) {
        entries[0].time = time
        sink()
    }

    mutating func removeFirst() {
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        sink()
    }

    /// Moves the first entry to its place.
    @inline(__always)
    private mutating func sink() {
        var at = 0
        while case let left = 2 * at + 1, left < entries.count {
            let right = left + 1
            let child = right < entries.count && isBefore(entries[right], entries[left]) ? right : left
            guard isBefore(entries[child], entries[at]) else { return }
            entries.swapAt(at, child)
            at = child
        }
    }

    @inline(__always)
    private func isBefore(_ one: (time: UInt64, cursor: Int), _ other: (time: UInt64, cursor: Int)) -> Bool {
        one.time < other.time || (one.time == other.time && one.cursor < other.cursor)
    }
}
