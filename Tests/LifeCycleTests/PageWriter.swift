// SPDX-License-Identifier: GPL-2.0

import TestSupport

@testable import LifeCycle

/// tracefs texts of Linux 7.3 on x86-64.
enum Texts {
    static let headerPage = """
        \tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
        \tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
        \tfield: char overwrite;\toffset:8;\tsize:1;\tsigned:1;
        \tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;

        """

    private static let common = """
        \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
        \tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
        \tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
        \tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;
        """

    static func state(_ name: String, id: Int) -> String {
        """
        name: page_pool_state_\(name)
        ID: \(id)
        format:
        \(common)

        \tfield:const struct page_pool * pool;\toffset:8;\tsize:8;\tsigned:0;
        \tfield:unsigned long netmem;\toffset:16;\tsize:8;\tsigned:0;
        \tfield:u32 \(name);\toffset:24;\tsize:4;\tsigned:0;
        \tfield:unsigned long pfn;\toffset:32;\tsize:8;\tsigned:0;

        print fmt: "page_pool=%p netmem=%p is_net_iov=%lu, pfn=0x%lx \(name)=%u", REC->pool, (void *)REC->netmem
        """
    }

    static let release = """
        name: page_pool_release
        ID: 321
        format:
        \(common)

        \tfield:const struct page_pool * pool;\toffset:8;\tsize:8;\tsigned:0;
        \tfield:s32 inflight;\toffset:16;\tsize:4;\tsigned:1;
        \tfield:u32 hold;\toffset:20;\tsize:4;\tsigned:0;
        \tfield:u32 release;\toffset:24;\tsize:4;\tsigned:0;
        \tfield:u64 cnt;\toffset:32;\tsize:8;\tsigned:0;

        print fmt: "page_pool=%p inflight=%d hold=%u release=%u cnt=%llu", REC->pool, REC->inflight
        """

    static let print = """
        name: print
        ID: 5
        format:
        \(common)

        \tfield:unsigned long ip;\toffset:8;\tsize:8;\tsigned:0;
        \tfield:char buf[];\toffset:16;\tsize:0;\tsigned:0;

        print fmt: "%ps: %s", (void *)REC->ip, REC->buf
        """

    static let marked = all.merging(["print": print]) { $1 }

    static let all = [
        "header_page": headerPage, "page_pool_state_hold": state("hold", id: 323),
        "page_pool_state_release": state("release", id: 322), "page_pool_release": release,
    ]
}

/// Writes ring-buffer pages as the kernel does: a delta per event, and a time extend if the delta is too large.
struct PageWriter {
    var bytes: [UInt8] = []
    private var page: [UInt8] = []
    private var pageTime: UInt64 = 0
    private var time: UInt64 = 0

    static func header(type: UInt32, delta: UInt32) -> [UInt8] { littleEndian(delta << 5 | type) }

    /// Ends the page. `flags` are set in its commit word, `missed` is written behind its data.
    mutating func flush(flags: UInt32 = 0, missed: UInt64? = nil) {
        var whole = littleEndian(pageTime) + littleEndian(UInt64(UInt32(page.count) | flags)) + page
        if let missed { whole += littleEndian(missed) }
        bytes += whole + [UInt8](repeating: 0, count: 4096 - whole.count)
        page = []
    }

    mutating func raw(_ event: [UInt8]) {
        if page.count + event.count > 4080 { flush() }
        if page.isEmpty { pageTime = time }
        page += event
    }

    mutating func record(_ payload: [UInt8], at when: UInt64) {
        if page.isEmpty || page.count + 16 + payload.count > 4080 {
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

    mutating func event(_ event: TraceEvent) { record(Self.payload(event), at: event.time) }

    static func payload(_ event: TraceEvent) -> [UInt8] {
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

    static func trace(_ events: [TraceEvent]) -> [UInt8] {
        var writer = PageWriter()
        for event in events { writer.event(event) }
        writer.flush()
        return writer.bytes
    }
}
