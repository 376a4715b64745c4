// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness

/// A legal trace of page pools, of any length: raw ring-buffer pages of two CPUs with the formats in the same folder, for `ppiov check`, and
/// the same as trace-cmd's trace.dat.
///
/// Four pools at a time hold and release 512 net_iovs each. CPU 0 polls and holds; both release. After some rounds a pool is
/// destroyed, drains, and another pool, often at the same address, uses its net_iovs. The trace is the same every time.
struct SyntheticTrace: Sendable {
    let folder: String
    let events: Int

    var dat: String { folder + ".dat" }
    var text: String { folder + ".txt" }

    /// Writes the pages and the formats.
    init(events: Int, folder: String) throws {
        self.folder = folder
        self.events = events
        try Files.makeFolder(folder)
        for (name, text) in Self.formats + [("header_page", Self.headerPage)] {
            try Files.write(Data(text.utf8), to: "\(folder)/\(name).format")
        }
        var cpus = try (0..<2).map { try PageFile(path: "\(folder)/cpu\($0).raw") }
        var traffic = PoolTraffic()
        for _ in 0..<events {
            let event = traffic.next()
            try cpus[event.cpu].append(event.record, at: event.time)
        }
        for index in cpus.indices { try cpus[index].close() }
    }

    /// Writes the same pages after a header of version 6 (trace-cmd.dat.v6(5)).
    func writeDat() throws {
        func sized(_ text: String) -> [UInt8] { Bytes.little(UInt64(text.utf8.count)) + Array(text.utf8) }
        func words(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }
        var head = [0x17, 0x08, 0x44] + words("tracing6")
        // Little-endian, 8 bytes a long, 4 KiB a page.
        head += [0, 8] + Bytes.little(UInt32(PageFile.size))
        head += words("header_page") + sized(Self.headerPage)
        head += words("header_event") + sized(Self.headerEvent)
        // No formats of ftrace's own; one system.
        head += Bytes.little(UInt32(0)) + Bytes.little(UInt32(1)) + words("page_pool") + Bytes.little(UInt32(Self.formats.count))
        for (_, text) in Self.formats { head += sized(text) }
        // No kallsyms, no printk formats; the names of two tasks.
        head += Bytes.little(UInt32(0)) + Bytes.little(UInt32(0)) + sized("\(PoolTraffic.poller) poller\n\(PoolTraffic.user) user\n")
        head += Bytes.little(UInt32(2)) + words("options  ") + Bytes.little(UInt16(0)) + words("flyrecord")
        let pages = try (0..<2).map { try PageFile.bytes(of: "\(folder)/cpu\($0).raw") }
        var offset = (head.count + 32 + PageFile.size - 1) / PageFile.size * PageFile.size
        for data in pages {
            head += Bytes.little(UInt64(offset)) + Bytes.little(UInt64(data.count))
            offset += data.count
        }
        head += [UInt8](repeating: 0, count: (PageFile.size - head.count % PageFile.size) % PageFile.size)
        var whole = Data(head)
        for data in pages { whole.append(data) }
        try Files.write(whole, to: dat)
    }

    // MARK: - The texts of Linux 7.3 on x86-64

    static let headerPage = """
        \tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
        \tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
        \tfield: char overwrite;\toffset:8;\tsize:1;\tsigned:0;
        \tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;

        """

    private static let headerEvent = """
        # compressed entry header
        \ttype_len    :    5 bits
        \ttime_delta  :   27 bits
        \tarray       :   32 bits

        \tpadding     : type == 29
        \ttime_extend : type == 30
        \ttime_stamp : type == 31
        \tdata max type_len  == 28

        """

    private static let common = """
        \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
        \tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
        \tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
        \tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

        \tfield:const struct page_pool * pool;\toffset:8;\tsize:8;\tsigned:0;
        """

    private static func state(_ counter: String, id: UInt16) -> (String, String) {
        let text = """
            name: page_pool_state_\(counter)
            ID: \(id)
            format:
            \(common)
            \tfield:unsigned long netmem;\toffset:16;\tsize:8;\tsigned:0;
            \tfield:u32 \(counter);\toffset:24;\tsize:4;\tsigned:0;
            \tfield:unsigned long pfn;\toffset:32;\tsize:8;\tsigned:0;

            print fmt: "page_pool=%p netmem=%p is_net_iov=%lu pfn=0x%lx \(counter)=%u", REC->pool, (void *)REC->netmem, \
            REC->netmem & 0x01UL, REC->pfn, REC->\(counter)

            """
        return ("page_pool_state_\(counter)", text)
    }

    private static let formats = [
        state("hold", id: PoolTraffic.holdID), state("release", id: PoolTraffic.releaseID),
        (
            "page_pool_release",
            """
            name: page_pool_release
            ID: \(PoolTraffic.poolReleaseID)
            format:
            \(common)
            \tfield:s32 inflight;\toffset:16;\tsize:4;\tsigned:1;
            \tfield:u32 hold;\toffset:20;\tsize:4;\tsigned:0;
            \tfield:u32 release;\toffset:24;\tsize:4;\tsigned:0;
            \tfield:u64 cnt;\toffset:32;\tsize:8;\tsigned:0;

            print fmt: "page_pool=%p inflight=%d hold=%u release=%u cnt=%llu", REC->pool, REC->inflight, REC->hold, REC->release, \
            REC->cnt

            """
        ),
    ]
}
