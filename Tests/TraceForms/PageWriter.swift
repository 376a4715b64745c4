// SPDX-License-Identifier: GPL-2.0

public import LifeCycle
import TestSupport

/// Writes ring-buffer pages as the kernel does: a delta per event, and a time extend if the delta is too large.
public struct PageWriter {
    public private(set) var bytes: [UInt8] = []
    private var page: [UInt8] = []
    private var pageTime: UInt64 = 0
    private var time: UInt64 = 0
    /// Bytes of a page, its header included.
    private let pageSize: Int

    public init(pageSize: Int = 4096) { self.pageSize = pageSize }

    public static func header(type: UInt32, delta: UInt32) -> [UInt8] { littleEndian(delta << 5 | type) }

    /// Ends the page. `flags` are set in its commit word, `missed` is written behind its data.
    public mutating func flush(flags: UInt32 = 0, missed: UInt64? = nil) {
        var whole = littleEndian(pageTime) + littleEndian(UInt64(UInt32(page.count) | flags)) + page
        if let missed { whole += littleEndian(missed) }
        bytes += whole + [UInt8](repeating: 0, count: pageSize - whole.count)
        page = []
    }

    public mutating func raw(_ event: [UInt8]) {
        if page.count + event.count > pageSize - 16 { flush() }
        if page.isEmpty { pageTime = time }
        page += event
    }

    public mutating func record(_ payload: [UInt8], at when: UInt64) {
        if page.isEmpty || page.count + 16 + payload.count > pageSize - 16 {
            if !page.isEmpty { flush() }
            pageTime = when
            time = when
        }
        var delta = when - time
        if delta >= 1 << 27 {
            page += Self.header(type: 30, delta: UInt32(delta & 0x7ff_ffff)) + littleEndian(UInt32(delta >> 27))
            delta = 0
        }
        time = when
        if payload.count <= 112 {
            page += Self.header(type: UInt32(payload.count / 4), delta: UInt32(delta)) + payload
        } else {
            page += Self.header(type: 0, delta: UInt32(delta)) + littleEndian(UInt32(payload.count + 4)) + payload
        }
    }

    public mutating func event(_ event: TraceEvent) { record(Self.payload(event), at: event.time) }

    public static func payload(_ event: TraceEvent) -> [UInt8] {
        func head(_ id: UInt16) -> [UInt8] {
            littleEndian(id) + [event.flags, 0] + littleEndian(UInt32(bitPattern: event.pid)) + littleEndian(event.pool)
        }
        switch event.action {
        case .hold(let netmem, let counter): return head(323) + littleEndian(netmem) + littleEndian(UInt64(counter)) + littleEndian(UInt64(0))
        case .release(let netmem, let counter): return head(322) + littleEndian(netmem) + littleEndian(UInt64(counter)) + littleEndian(UInt64(0))
        case .poolRelease(let inflight, let hold, let release, let attempts):
            return head(321) + littleEndian(UInt32(bitPattern: inflight)) + littleEndian(hold) + littleEndian(UInt64(release))
                + littleEndian(attempts)
        case .mark(let mark, let count):
            // Common fields, ip, then the text with its newline.
            let common = littleEndian(UInt16(5)) + [event.flags, 0] + littleEndian(UInt32(bitPattern: event.pid))
            let text = Array((mark.line(count) + "\n").utf8) + [0]
            return common + littleEndian(UInt64(0)) + text + [UInt8](repeating: 0, count: (4 - text.count % 4) % 4)
        }
    }

    public static func trace(_ events: [TraceEvent], pageSize: Int = 4096) -> [UInt8] {
        var writer = PageWriter(pageSize: pageSize)
        for event in events { writer.event(event) }
        writer.flush()
        return writer.bytes
    }
}
