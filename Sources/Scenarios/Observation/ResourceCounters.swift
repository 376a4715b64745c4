// SPDX-License-Identifier: GPL-2.0

public import KernelABI
public import Results
import SystemPackage

/// Resources that a life cycle takes and must return, read where the kernel counts them.
public enum ResourceCounters {
    /// Reads all that this kernel has. "pinned-pages" and "fds" are on every kernel, the others where the kernel has their files.
    public static func read(links: Int64) throws(KernelError) -> Counters {
        var counters: Counters = ["netdevs": links]

        // The pin counts are kept per CPU and folded now and then; this folds them now (vmstat_refresh(), mm/vmstat.c).
        _ = try? KernelFile.read("/proc/sys/vm/stat_refresh")
        let vmstat = try KernelFile.read("/proc/vmstat")
        guard let acquired = value(of: "nr_foll_pin_acquired", in: vmstat), let released = value(of: "nr_foll_pin_released", in: vmstat)
        else { throw KernelError("reading nr_foll_pin_acquired in /proc/vmstat", errno: .noSuchFileOrDirectory) }
        counters["pinned-pages"] = acquired - released

        counters["locked-bytes"] = try lockedBytes()

        counters["fds"] = Int64(KernelFile.list("/proc/self/fd").count)

        if let total = dmaBufs() { counters["dma-bufs"] = total }
        if let total = dmaMappings() { counters["dma-mappings"] = total }

        // A tracker has a file as long as the namespace or device whose references it tracks (lib/ref_tracker.c).
        let trackers = KernelFile.list("/sys/kernel/debug/ref_tracker")
        if !trackers.isEmpty {
            counters["tracked-namespaces"] = Int64(trackers.count { $0.hasPrefix("net_refcnt@") })
            counters["tracked-devices"] = Int64(trackers.count { $0.hasPrefix("netdev@") })
        }
        return counters
    }

    /// Bytes that this process has pinned and locked, as accounted to its address space.
    static func lockedBytes() throws(KernelError) -> Int64 {
        let status = try KernelFile.read("/proc/self/status")
        return ((value(of: "VmPin:", in: status) ?? 0) + (value(of: "VmLck:", in: status) ?? 0)) * 1024
    }

    /// How many dma-bufs there are; nil where debugfs has no count.
    static func dmaBufs() -> Int64? {
        (try? KernelFile.read("/sys/kernel/debug/dma_buf/bufinfo")).flatMap(dmaBufTotal)
    }

    /// How many DMA mappings there are, by the records of the DMA-API checker (kernel/dma/debug.c); nil where it is not built in or is disabled.
    static func dmaMappings() -> Int64? {
        func number(_ name: String) -> Int64? {
            (try? KernelFile.read("/sys/kernel/debug/dma-api/\(name)")).flatMap { Int64($0.prefix { $0.isNumber }) }
        }
        guard (try? KernelFile.read("/sys/kernel/debug/dma-api/disabled"))?.hasPrefix("N") == true, let all = number("nr_total_entries"),
            let free = number("num_free_entries")
        else { return nil }
        return all - free
    }

    /// The number behind `name` at the start of a line.
    static func value(of name: String, in text: String) -> Int64? {
        for line in text.filledLines {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            if words.count >= 2, words[0] == name { return Int64(words[1]) }
        }
        return nil
    }

    /// `dma_buf_debug_show()` ends in "Total N objects, M bytes".
    static func dmaBufTotal(_ text: String) -> Int64? {
        for line in text.filledLines.reversed() where line.hasPrefix("Total ") {
            return Int64(line.dropFirst(6).prefix { $0.isNumber })
        }
        return nil
    }
}
