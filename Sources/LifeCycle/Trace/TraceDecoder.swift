// SPDX-License-Identifier: GPL-2.0

/// Why a CPU's trace could not be decoded.
public enum TraceDecodeError: Error, Equatable, Sendable, CustomStringConvertible {
    case ringBuffer(RingBufferError)
    /// A record is shorter than the fields of its event's format.
    case shortRecord(event: String, bytes: Int)

    public var description: String {
        switch self {
        case .ringBuffer(let error): error.description
        case .shortRecord(let event, let bytes): "a record of \(event) has only \(bytes) bytes"
        }
    }
}

/// All page-pool events of one CPU.
public struct CPUTrace: Equatable, Sendable {
    public var cpu: UInt32
    /// In the order recorded.
    public var events: [TraceEvent]
    /// Gaps; if there is one, events are missing.
    public var missed: [MissedEvents]
    /// Number of records of other events, which are skipped.
    public var otherRecords: Int
}

/// Decodes raw ring-buffer bytes into page-pool events, by the formats of the kernel under test.
public struct TraceDecoder: Sendable {
    /// The names of the required format texts, as in the agent's `ready` event.
    public static let formatNames = ["header_page", "page_pool_state_hold", "page_pool_state_release", "page_pool_release"]
    /// The name of the text of `ftrace/print`; without it marks are not decoded.
    public static let markFormatName = "print"
    /// The name of the text with the token of this trace's marks. With it, a mark without the token is a record of another event; without it,
    /// marks have none.
    public static let markTokenName = "mark-token"

    /// A field without its name, so that reading one needs no reference count.
    private struct Slot: Equatable {
        var offset, size: Int

        init(_ format: EventFormat, _ name: String) throws(TraceFormatError) {
            let field = try format.integer(name)
            offset = field.offset
            size = field.size
        }
    }

    private struct StateLayout {
        var id: UInt16
        /// Bytes of a record that has every field.
        var length: Int
        var pool, netmem, counter: Slot
    }

    private struct ReleaseLayout {
        var id: UInt16
        var length: Int
        var pool, inflight, hold, release, attempts: Slot
    }

    private struct MarkLayout {
        var id: UInt16
        /// Where the text begins; it ends at a zero or at the end of the record.
        var text: Int
        /// Bytes of a record that has every other field.
        var length: Int
    }

    private let header: PageHeaderFormat
    private let type, flags, pid: Slot
    private let commonLength: Int
    private let hold, release: StateLayout
    private let poolRelease: ReleaseLayout
    private let mark: MarkLayout?
    private let markToken: String?

    private let clock: TraceClock?

    /// - Parameters:
    ///   - formats: tracefs texts by name; see `formatNames`. Others are ignored.
    ///   - pageSize: bytes of a page, where it is not that of `header_page`.
    ///   - clock: what makes nanoseconds of the time stamps; nil where they are nanoseconds.
    /// - Throws: `TraceFormatError` if a text is missing or cannot be used.
    public init(formats: [String: String], pageSize: Int? = nil, clock: TraceClock? = nil) throws(TraceFormatError) {
        func text(_ name: String) throws(TraceFormatError) -> String {
            guard let text = formats[name] else { throw .missingText(name) }
            return text
        }
        func event(_ name: String) throws(TraceFormatError) -> EventFormat {
            try EventFormat(name: name, text: try text(name))
        }
        header = try PageHeaderFormat(text: try text("header_page"), pageSize: pageSize)
        self.clock = clock
        let holdFormat = try event("page_pool_state_hold")
        let releaseFormat = try event("page_pool_state_release")
        let poolFormat = try event("page_pool_release")
        hold = try Self.stateLayout(holdFormat, counter: "hold")
        release = try Self.stateLayout(releaseFormat, counter: "release")
        poolRelease = ReleaseLayout(
            id: poolFormat.id, length: Self.length(poolFormat), pool: try Slot(poolFormat, "pool"),
            inflight: try Slot(poolFormat, "inflight"), hold: try Slot(poolFormat, "hold"),
            release: try Slot(poolFormat, "release"), attempts: try Slot(poolFormat, "cnt"))
        type = try Slot(holdFormat, "common_type")
        flags = try Slot(holdFormat, "common_flags")
        pid = try Slot(holdFormat, "common_pid")
        markToken = formats[Self.markTokenName]?.split(whereSeparator: \.isWhitespace).first.map(String.init)
        let markFormat: EventFormat?
        if let text = formats[Self.markFormatName] {
            let format = try EventFormat(name: Self.markFormatName, text: text)
            guard let field = format.fields.first(where: { $0.name == "buf" }) else {
                throw .missingField(text: Self.markFormatName, field: "buf")
            }
            mark = MarkLayout(id: format.id, text: field.offset, length: Self.length(format))
            markFormat = format
        } else {
            mark = nil
            markFormat = nil
        }
        // The type is read before the format is known, so it must have the same offset in every format.
        for other in [releaseFormat, poolFormat] + (markFormat.map { [$0] } ?? []) {
            for (name, slot) in [("common_type", type), ("common_flags", flags), ("common_pid", pid)] {
                guard try Slot(other, name) == slot else { throw .unusableField(text: other.name, field: name) }
            }
        }
        commonLength = type.offset + type.size
        if hold.id == release.id || hold.id == poolRelease.id { throw .duplicateID(hold.id) }
        if release.id == poolRelease.id { throw .duplicateID(release.id) }
        if let mark, [hold.id, release.id, poolRelease.id].contains(mark.id) { throw .duplicateID(mark.id) }
    }

    /// The state of decoding the bytes of one CPU, chunk by chunk.
    struct Feed {
        let cpu: UInt32
        fileprivate(set) var otherRecords = 0
        fileprivate var pages: RingBufferDecoder
        var missed: [MissedEvents] { pages.missed }
    }

    func feed(cpu: UInt32) -> Feed { Feed(cpu: cpu, pages: RingBufferDecoder(header: header)) }

    /// Decodes the whole trace of one CPU.
    public func decode(cpu: UInt32, _ bytes: UnsafeRawBufferPointer) throws(TraceDecodeError) -> CPUTrace {
        var trace = CPUTrace(cpu: cpu, events: [], missed: [], otherRecords: 0)
        // A page-pool record has at least 40 bytes.
        trace.events.reserveCapacity(bytes.count / 40)
        var feed = feed(cpu: cpu)
        try push(bytes, &feed, into: &trace.events)
        try finish(&feed)
        trace.missed = feed.missed
        trace.otherRecords = feed.otherRecords
        return trace
    }

    /// Decodes the next bytes of a CPU; they can be split anywhere.
    func push(_ bytes: UnsafeRawBufferPointer, _ feed: inout Feed, into events: inout [TraceEvent]) throws(TraceDecodeError) {
        var failure: TraceDecodeError?
        var others = 0
        let cpu = feed.cpu
        do throws(RingBufferError) {
            try feed.pages.push(bytes) { time, record in
                guard record.count >= commonLength else {
                    failure = failure ?? .shortRecord(event: "any event", bytes: record.count)
                    return
                }
                let id = UInt16(truncatingIfNeeded: read(record, type))
                if id == hold.id {
                    guard record.count >= hold.length else {
                        failure = failure ?? .shortRecord(event: "page_pool_state_hold", bytes: record.count)
                        return
                    }
                    let counter = UInt32(truncatingIfNeeded: read(record, hold.counter))
                    events.append(event(time, cpu, record, hold.pool, .hold(netmem: read(record, hold.netmem), counter: counter)))
                } else if id == release.id {
                    guard record.count >= release.length else {
                        failure = failure ?? .shortRecord(event: "page_pool_state_release", bytes: record.count)
                        return
                    }
                    let counter = UInt32(truncatingIfNeeded: read(record, release.counter))
                    events.append(
                        event(time, cpu, record, release.pool, .release(netmem: read(record, release.netmem), counter: counter)))
                } else if id == poolRelease.id {
                    guard record.count >= poolRelease.length else {
                        failure = failure ?? .shortRecord(event: "page_pool_release", bytes: record.count)
                        return
                    }
                    events.append(
                        event(
                            time, cpu, record, poolRelease.pool,
                            .poolRelease(
                                inflight: Int32(truncatingIfNeeded: read(record, poolRelease.inflight)),
                                hold: UInt32(truncatingIfNeeded: read(record, poolRelease.hold)),
                                release: UInt32(truncatingIfNeeded: read(record, poolRelease.release)),
                                attempts: read(record, poolRelease.attempts))))
                } else if let found = marked(id, record, time, cpu) {
                    events.append(found)
                } else {
                    others += 1
                }
            }
        } catch {
            throw .ringBuffer(error)
        }
        feed.otherRecords += others
        if let failure { throw failure }
    }

    /// No more bytes follow.
    func finish(_ feed: inout Feed) throws(TraceDecodeError) {
        do throws(RingBufferError) { try feed.pages.finish() } catch { throw .ringBuffer(error) }
    }

    /// A mark of ppiov in `trace_marker`.
    private func marked(_ id: UInt16, _ record: UnsafeRawBufferPointer, _ time: UInt64, _ cpu: UInt32) -> TraceEvent? {
        guard let mark, id == mark.id, record.count > mark.text, record.count >= mark.length else { return nil }
        let text = record[mark.text...].prefix { $0 != 0 }
        var count: UInt32 = 0
        guard let found = TraceEvent.Mark(text: Array(text)[...], token: markToken, count: &count) else { return nil }
        return TraceEvent(
            time: nanoseconds(time), cpu: cpu, pid: Int32(truncatingIfNeeded: read(record, pid)),
            flags: UInt8(truncatingIfNeeded: read(record, flags)),
            pool: 0, action: .mark(found, count: count))
    }

    /// Decodes the whole trace of one CPU.
    public func decode(cpu: UInt32, _ bytes: [UInt8]) throws(TraceDecodeError) -> CPUTrace {
        try bytes.withRawBytes { (bytes) throws(TraceDecodeError) in try decode(cpu: cpu, bytes) }
    }

    private static func stateLayout(_ format: EventFormat, counter: String) throws(TraceFormatError) -> StateLayout {
        StateLayout(
            id: format.id, length: length(format), pool: try Slot(format, "pool"), netmem: try Slot(format, "netmem"),
            counter: try Slot(format, counter))
    }

    private static func length(_ format: EventFormat) -> Int { format.fields.map { $0.offset + $0.size }.max() ?? 0 }

    @inline(__always)
    private func event(
        _ time: UInt64, _ cpu: UInt32, _ record: UnsafeRawBufferPointer, _ pool: Slot, _ action: TraceEvent.Action
    ) -> TraceEvent {
        TraceEvent(
            time: nanoseconds(time), cpu: cpu, pid: Int32(truncatingIfNeeded: read(record, pid)),
            flags: UInt8(truncatingIfNeeded: read(record, flags)), pool: read(record, pool), action: action)
    }

    @inline(__always)
    private func nanoseconds(_ time: UInt64) -> UInt64 { clock.map { $0.nanoseconds(time) } ?? time }

    /// The record includes the field. The caller truncates the value to the field's width, which restores its sign.
    @inline(__always)
    private func read(_ record: UnsafeRawBufferPointer, _ field: Slot) -> UInt64 {
        switch field.size {
        case 8: load(record, field.offset, UInt64.self)
        case 4: UInt64(load(record, field.offset, UInt32.self))
        case 2: UInt64(load(record, field.offset, UInt16.self))
        default: UInt64(load(record, field.offset, UInt8.self))
        }
    }
}
