// SPDX-License-Identifier: GPL-2.0

/// Merges the pages of all CPUs in time order, with one chunk of each CPU in memory.
///
/// Events with equal times are ordered by CPU. The order within one CPU is never changed, even if a time stamp goes backwards.
struct PageStream: TraceStream {
    private struct Cursor {
        var feed: TraceDecoder.Feed
        let read: ByteSource.Reader
        var events: [TraceEvent] = []
        var at = 0
        var ended = false
    }

    private let decoder: TraceDecoder
    private var cursors: [Cursor] = []
    /// The time of the next event of each cursor that has one; the earliest is the first.
    private var order = EventHeap()
    private(set) var losses = TraceLosses()

    init(_ sources: [UInt32: ByteSource], _ decoder: TraceDecoder) throws(TraceReadError) {
        self.decoder = decoder
        for (cpu, source) in sources.sorted(by: { $0.key < $1.key }) {
            cursors.append(Cursor(feed: decoder.feed(cpu: cpu), read: try source.open()))
        }
        for index in cursors.indices {
            if let time = try refill(index) { order.insert(time, index) }
        }
    }

    mutating func next() throws(TraceReadError) -> TraceEvent? {
        guard let cursor = order.first else { return nil }
        let event = cursors[cursor].events[cursors[cursor].at]
        cursors[cursor].at += 1
        if cursors[cursor].at < cursors[cursor].events.count {
            order.replaceFirst(cursors[cursor].events[cursors[cursor].at].time)
        } else if let time = try refill(cursor) {
            order.replaceFirst(time)
        } else {
            order.removeFirst()
        }
        return event
    }

    /// Reads until the CPU has an event.
    ///
    /// - Returns: the time of that event; nil at the end.
    private mutating func refill(_ index: Int) throws(TraceReadError) -> UInt64? {
        cursors[index].events.removeAll(keepingCapacity: true)
        cursors[index].at = 0
        while cursors[index].events.isEmpty && !cursors[index].ended {
            let bytes = try cursors[index].read()
            let cpu = cursors[index].feed.cpu
            do throws(TraceDecodeError) {
                if bytes.isEmpty {
                    cursors[index].ended = true
                    try decoder.finish(&cursors[index].feed)
                    losses.add(cpu: cpu, cursors[index].feed.missed)
                } else {
                    try push(bytes, index)
                }
            } catch {
                throw .cpu(cpu, error)
            }
        }
        return cursors[index].events.first?.time
    }

    private mutating func push(_ bytes: [UInt8], _ index: Int) throws(TraceDecodeError) {
        // Moved out, so that the array is not shared while it grows.
        var feed = cursors[index].feed
        var events: [TraceEvent] = []
        swap(&events, &cursors[index].events)
        defer {
            swap(&events, &cursors[index].events)
            cursors[index].feed = feed
        }
        try bytes.withRawBytes { (bytes) throws(TraceDecodeError) in try decoder.push(bytes, &feed, into: &events) }
    }
}
