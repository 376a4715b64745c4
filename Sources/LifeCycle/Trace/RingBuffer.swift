// SPDX-License-Identifier: GPL-2.0

/// Bytes that are not a ring-buffer page. Offsets count from the start of the page.
public enum RingBufferError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The bytes end within a page.
    case truncatedPage(page: Int, bytes: Int)
    /// The page's commit word has more bytes than a page can hold.
    case commitBeyondPage(page: Int, commit: Int)
    /// An event's header or length reaches beyond the committed bytes.
    case eventBeyondCommit(page: Int, offset: Int)
    /// The page begins before the last event of the page before it.
    case earlierPage(page: Int)
    /// An event length that the kernel does not write.
    case badLength(page: Int, offset: Int, length: Int)

    public var description: String {
        switch self {
        case .truncatedPage(let page, let bytes): "trace page \(page): only \(bytes) bytes of it"
        case .commitBeyondPage(let page, let commit): "trace page \(page): \(commit) bytes committed, more than a page holds"
        case .eventBeyondCommit(let page, let offset):
            "trace page \(page): the event at \(offset) reaches beyond the committed bytes"
        case .earlierPage(let page):
            "trace page \(page) begins earlier than the page before it ends: the pages are not in the order in which they were recorded"
        case .badLength(let page, let offset, let length): "trace page \(page): the event at \(offset) has a length of \(length)"
        }
    }
}

/// Events that the kernel dropped, from a page's commit word (`RB_MISSED_EVENTS`, `RB_MISSED_STORED`).
public struct MissedEvents: Equatable, Sendable {
    /// The page before which events are missing; 0 for the first one decoded.
    public let page: Int
    /// How many; nil if the page had no space for the number.
    public let count: UInt64?

    public init(page: Int, count: UInt64?) {
        self.page = page
        self.count = count
    }
}

/// Decodes the raw ring-buffer pages of one CPU, as read(2) returns them from `per_cpu/cpuN/trace_pipe_raw`.
///
/// Follows `ring_buffer_read_page()`, `rb_event_length()` and `rb_validate_buffer()` of kernel/trace/ring_buffer.c and
/// `enum ring_buffer_type` of include/linux/ring_buffer.h. The bytes can be split anywhere. Every length is checked before
/// it is used: invalid bytes throw a `RingBufferError`, after which the decoder must not be used.
public struct RingBufferDecoder: Sendable {
    private static let missedEvents: UInt32 = 1 << 31
    private static let missedStored: UInt32 = 1 << 30
    /// An absolute time stamp has 59 bits; the upper bits are those of the page (`TS_MSB`, `rb_fix_abs_ts`).
    private static let timestampHighBits: UInt64 = 0xf8 << 56

    private let timestampOffset: Int
    private let commitOffset: Int
    private let longSize: Int
    private let dataOffset: Int
    private let pageSize: Int
    /// The first bytes of an incomplete page.
    private var partial: [UInt8] = []

    /// The time of the last event so far.
    private var latest: UInt64 = 0

    /// Pages decoded so far.
    public private(set) var pages = 0
    /// Every gap that the kernel reported. If there is one, the trace is not complete.
    public private(set) var missed: [MissedEvents] = []

    public init(header: PageHeaderFormat) {
        timestampOffset = header.timestamp.offset
        commitOffset = header.commit.offset
        longSize = header.commit.size
        dataOffset = header.data.offset
        pageSize = header.pageSize
    }

    /// Decodes the next bytes; calls `body` with the time stamp (trace clock, ns) and the record of each event, in order.
    ///
    /// The record is valid during the call only.
    public mutating func push(
        _ bytes: UnsafeRawBufferPointer, _ body: (UInt64, UnsafeRawBufferPointer) -> Void
    ) throws(RingBufferError) {
        var rest = bytes[...]
        if !partial.isEmpty {
            let missing = min(pageSize - partial.count, rest.count)
            partial.append(contentsOf: rest.prefix(missing))
            rest = rest.dropFirst(missing)
            guard partial.count == pageSize else { return }
            let page = partial
            partial = []
            try page.withRawBytes { (bytes) throws(RingBufferError) in try decodePage(bytes, body) }
        }
        while rest.count >= pageSize {
            try decodePage(UnsafeRawBufferPointer(rebasing: rest.prefix(pageSize)), body)
            rest = rest.dropFirst(pageSize)
        }
        partial.append(contentsOf: rest)
    }

    /// No more bytes follow.
    ///
    /// - Throws: `truncatedPage` if the last page is incomplete.
    public func finish() throws(RingBufferError) {
        guard partial.isEmpty else { throw .truncatedPage(page: pages, bytes: partial.count) }
    }

    /// - Parameter page: exactly `pageSize` bytes.
    private mutating func decodePage(
        _ page: UnsafeRawBufferPointer, _ body: (UInt64, UnsafeRawBufferPointer) -> Void
    ) throws(RingBufferError) {
        let number = pages
        pages += 1
        let word =
            longSize == 8
            ? UInt32(truncatingIfNeeded: load(page, commitOffset, UInt64.self)) : load(page, commitOffset, UInt32.self)
        let commit = Int(word & ~(Self.missedEvents | Self.missedStored))
        guard commit <= pageSize - dataOffset else { throw .commitBeyondPage(page: number, commit: commit) }
        let end = dataOffset + commit
        if word & (Self.missedEvents | Self.missedStored) != 0 {
            var count: UInt64?
            if word & Self.missedStored != 0, pageSize - end >= longSize {
                count = longSize == 8 ? load(page, end, UInt64.self) : UInt64(load(page, end, UInt32.self))
            }
            missed.append(MissedEvents(page: number, count: count))
        }

        var time = load(page, timestampOffset, UInt64.self)
        // A page that the kernel did not write to has no time.
        guard commit > 0 else { return }
        guard time >= latest else { throw .earlierPage(page: number) }
        defer { latest = max(latest, time) }
        var at = dataOffset
        while at < end {
            let remaining = end - at
            guard remaining >= 4 else { throw .eventBeyondCommit(page: number, offset: at) }
            let header = load(page, at, UInt32.self)
            let type = header & 0x1f
            let delta = UInt64(header >> 5)
            if type >= 1 && type <= 28 {
                let length = Int(type) * 4
                guard remaining >= 4 + length else { throw .eventBeyondCommit(page: number, offset: at) }
                time &+= delta
                body(time, UnsafeRawBufferPointer(rebasing: page[(at + 4)..<(at + 4 + length)]))
                at += 4 + length
                continue
            }
            // Padding with delta 0 fills the rest of the page.
            if type == 29 && delta == 0 { return }
            guard remaining >= 8 else { throw .eventBeyondCommit(page: number, offset: at) }
            let first = load(page, at + 4, UInt32.self)
            switch type {
            case 30:
                time &+= UInt64(first) << 27 | delta
                at += 8
            case 31:
                time = Self.absolute(UInt64(first) << 27 | delta, after: time)
                at += 8
            default:
                // A long record (0) or a discarded one (29): the first word is the length, itself included.
                let length = Int(first)
                guard length >= 4, length % 4 == 0 else { throw .badLength(page: number, offset: at, length: length) }
                guard length <= remaining - 4 else { throw .eventBeyondCommit(page: number, offset: at) }
                if type == 0 {
                    time &+= delta
                    body(time, UnsafeRawBufferPointer(rebasing: page[(at + 8)..<(at + 4 + length)]))
                } else if delta != 1 {
                    // 1 means "not zero" only; any other delta is added to the time.
                    time &+= delta
                }
                at += 4 + length
            }
        }
    }

    /// `rb_fix_abs_ts()`.
    private static func absolute(_ time: UInt64, after previous: UInt64) -> UInt64 {
        guard previous & timestampHighBits != 0 else { return time }
        let fixed = time | (previous & timestampHighBits)
        return fixed < previous ? fixed &+ (1 << 59) : fixed
    }
}
