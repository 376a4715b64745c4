// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness

/// A legal trace of page pools, as long as wanted: raw ring-buffer pages of two CPUs with the formats beside them, as `ppiov check`
/// takes them, and the same as trace-cmd's trace.dat.
///
/// Four pools at a time hold and release 512 net_iovs each. CPU 0 polls and holds; both release. After some rounds a pool is
/// destroyed, drains, and another takes its net_iovs, often at the same address. It is the same trace every time.
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
        var course = PoolCourse()
        for _ in 0..<events {
            let event = course.next()
            try cpus[event.cpu].append(event.record, at: event.time)
        }
        for index in cpus.indices { try cpus[index].close() }
    }

    /// Writes the same pages behind a header of version 6 (trace-cmd.dat.v6(5)).
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
        head += Bytes.little(UInt32(0)) + Bytes.little(UInt32(0)) + sized("\(PoolCourse.poller) poller\n\(PoolCourse.user) user\n")
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

    // MARK: - Texts, as Linux 7.3 on x86-64 has them

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
        state("hold", id: PoolCourse.holdID), state("release", id: PoolCourse.releaseID),
        (
            "page_pool_release",
            """
            name: page_pool_release
            ID: \(PoolCourse.poolReleaseID)
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

enum Bytes {
    static func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
}

/// One CPU's ring-buffer pages, written to a file as they fill.
private struct PageFile {
    static let size = 4096
    private static let room = 4080
    /// As many bytes as are written at once.
    private static let batch = 256 * size

    private let handle: FileHandle
    private let path: String
    private var full: [UInt8] = []
    private var page: [UInt8] = []
    private var pageTime: UInt64 = 0
    private var time: UInt64 = 0

    init(path: String) throws {
        try Files.write(Data(), to: path)
        guard let handle = FileHandle(forWritingAtPath: path) else { throw HarnessError(.harness, "cannot write \(path)") }
        self.handle = handle
        self.path = path
    }

    /// Adds a record of at most 112 bytes, less than 2^27 ns after the one before.
    mutating func append(_ record: [UInt8], at when: UInt64) throws {
        if page.count + 4 + record.count > Self.room { try flush() }
        if page.isEmpty {
            pageTime = when
            time = when
        }
        page += Bytes.little(UInt32(truncatingIfNeeded: when - time) << 5 | UInt32(record.count / 4))
        page += record
        time = when
    }

    mutating func close() throws {
        try flush()
        try write()
        try? handle.close()
    }

    private mutating func flush() throws {
        guard !page.isEmpty else { return }
        full += Bytes.little(pageTime) + Bytes.little(UInt64(page.count)) + page
        full += [UInt8](repeating: 0, count: Self.room - page.count)
        page.removeAll(keepingCapacity: true)
        if full.count >= Self.batch { try write() }
    }

    private mutating func write() throws {
        do {
            try handle.write(contentsOf: full)
        } catch {
            throw HarnessError(.harness, "cannot write \(path): \(error.localizedDescription)")
        }
        full.removeAll(keepingCapacity: true)
    }

    static func bytes(of path: String) throws -> Data {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) else {
            throw HarnessError(.harness, "cannot read \(path)")
        }
        return data
    }
}

/// What happens in a `SyntheticTrace`, event by event.
private struct PoolCourse {
    static let holdID: UInt16 = 359
    static let releaseID: UInt16 = 360
    static let poolReleaseID: UInt16 = 361
    static let poller: UInt32 = 41
    static let user: UInt32 = 1042
    /// One queue's net_iovs, and a pool's life in holds.
    private static let buffers = 512
    private static let life: UInt32 = 100_000

    /// A queue with its provider: its net_iovs outlive its pools.
    private struct Queue {
        var pool: UInt64
        var home: [UInt64]
        var out: [UInt64] = []
        var holds: UInt32 = 0
        var releases: UInt32 = 0
        var isDestroyed = false
        var isHolding = true
        var attempts: UInt64 = 0
    }

    private var queues: [Queue]
    private var turn = 0
    /// Events that the queue whose turn it is still makes.
    private var left = 0
    private var pools: UInt64 = 4
    private var time: UInt64 = 100_000_000_000
    private var state: UInt64 = 1

    init() {
        queues = (0..<4).map { queue in
            Queue(pool: Self.address(queue), home: (0..<UInt64(Self.buffers)).map { 0xffff_8880_1000_0001 + queue << 20 + $0 * 64 })
        }
    }

    private static func address(_ number: UInt64) -> UInt64 { 0xffff_8880_0300_0000 + number * 0x800 }

    mutating func next() -> (cpu: Int, time: UInt64, record: [UInt8]) {
        time += 100 + random(400)
        if left == 0 {
            turn = Int(random(4))
            // As many as one poll takes, or one recvmsg gives back.
            left = 1 + Int(random(64))
            if !queues[turn].isDestroyed { queues[turn].isHolding.toggle() }
        }
        left -= 1
        if queues[turn].isDestroyed { return drain() }
        if queues[turn].holds >= Self.life {
            queues[turn].isDestroyed = true
            return poolRelease()
        }
        if queues[turn].out.isEmpty { queues[turn].isHolding = true }
        if queues[turn].home.isEmpty { queues[turn].isHolding = false }
        return queues[turn].isHolding ? hold() : release()
    }

    private mutating func hold() -> (cpu: Int, time: UInt64, record: [UInt8]) {
        let netmem = queues[turn].home.removeLast()
        queues[turn].out.append(netmem)
        queues[turn].holds += 1
        let words = Bytes.little(netmem) + Bytes.little(UInt64(queues[turn].holds)) + Bytes.little(UInt64(0))
        return (0, time, record(Self.holdID, cpu: 0, words))
    }

    private mutating func release() -> (cpu: Int, time: UInt64, record: [UInt8]) {
        // Any of them: users give back in their own order.
        let place = Int(random(UInt64(queues[turn].out.count)))
        queues[turn].out.swapAt(place, queues[turn].out.count - 1)
        let netmem = queues[turn].out.removeLast()
        queues[turn].home.append(netmem)
        queues[turn].releases += 1
        let cpu = left % 4 == 0 ? 0 : 1
        let words = Bytes.little(netmem) + Bytes.little(UInt64(queues[turn].releases)) + Bytes.little(UInt64(0))
        return (cpu, time, record(Self.releaseID, cpu: cpu, words))
    }

    private mutating func drain() -> (cpu: Int, time: UInt64, record: [UInt8]) {
        guard queues[turn].out.isEmpty else { return release() }
        let freed = poolRelease()
        let queue = queues[turn]
        // The allocator gives every other pool the address of the one before.
        pools += 1
        queues[turn] = Queue(pool: pools % 2 == 0 ? queue.pool : Self.address(pools), home: queue.home)
        return freed
    }

    private mutating func poolRelease() -> (cpu: Int, time: UInt64, record: [UInt8]) {
        let queue = queues[turn]
        queues[turn].attempts += 1
        let counts = Bytes.little(UInt32(queue.out.count)) + Bytes.little(queue.holds) + Bytes.little(UInt64(queue.releases))
        return (1, time, record(Self.poolReleaseID, cpu: 1, counts + Bytes.little(queue.attempts)))
    }

    private func record(_ id: UInt16, cpu: Int, _ words: [UInt8]) -> [UInt8] {
        // The poll runs in a soft interrupt, the user in its task.
        let flags: UInt8 = cpu == 0 ? 0x10 : 0
        let task = cpu == 0 ? Self.poller : Self.user
        return Bytes.little(id) + [flags, 1] + Bytes.little(task) + Bytes.little(queues[turn].pool) + words
    }

    /// SplitMix64.
    private mutating func random(_ bound: UInt64) -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return (z ^ (z >> 31)) % bound
    }
}
