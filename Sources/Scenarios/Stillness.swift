// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// Tells when buffers that are still in flight will not come home by themselves, so that a leak is a verdict after seconds and
/// not after the whole deadline.
///
/// A net_iov comes home because a CPU does something for it: a softirq, a work item, an RCU callback. Once every CPU has idled
/// for ``enough`` with nothing coming home, nothing of that kind is left. What has timers of its own, and may be idle for
/// longer, is a TCP socket whose process has gone: as long as there is one, the deadline counts. So it does for pools that are
/// not detached, whose owner may still be on its way out (`io_ring_exit_work()` sleeps for up to a minute), and for those with nothing in
/// flight, which look at themselves once a second (`page_pool_release_retry()`, net/core/page_pool.c).
struct Stillness {
    /// Seconds for which every CPU must have idled.
    static let enough = 3.0
    /// Units of /proc/stat in a second: USER_HZ, which is 100 everywhere.
    private static let ticks = 100.0

    private var inflight: [UInt64: UInt64] = [:]
    private var began: UInt64 = 0
    private var idle: [String: UInt64] = [:]

    /// Takes a look at the pools that are waited for.
    ///
    /// - Returns: whether all is still, and has been for long enough.
    mutating func isReached(_ pools: [PoolRecord], now: UInt64 = MonotonicClock.now) -> Bool {
        isReached(
            pools, now: now, statistics: { try? KernelFile.read("/proc/stat") }, sockets: { try? KernelFile.read("/proc/net/sockstat") })
    }

    /// The same, with the kernel's files as given; nil where one cannot be read.
    mutating func isReached(_ pools: [PoolRecord], now: UInt64, statistics: () -> String?, sockets: () -> String?) -> Bool {
        guard !pools.isEmpty, pools.allSatisfy({ $0.detached && $0.inflight > 0 }) else {
            inflight = [:]
            return false
        }
        let figures = Dictionary(pools.map { ($0.id, $0.inflight) }, uniquingKeysWith: { $1 })
        if figures != inflight {
            inflight = figures
            began = now
            idle = Self.idleTimes(statistics() ?? "")
            return false
        }
        // A CPU cannot have idled for longer than it took.
        guard now - began >= UInt64(Self.enough * 1e9), !idle.isEmpty, let text = statistics(),
            let orphans = sockets().flatMap(Self.orphans)
        else { return false }
        let times = Self.idleTimes(text)
        let wanted = UInt64(Self.enough * Self.ticks) * (orphans == 0 ? 1 : 2)
        return times.count == idle.count
            && idle.allSatisfy { name, before in times[name].map { $0 >= before && $0 - before >= wanted } ?? false }
    }

    /// How long each CPU has idled since the boot, in USER_HZ, by the lines "cpuN" of /proc/stat.
    static func idleTimes(_ text: String) -> [String: UInt64] {
        var times: [String: UInt64] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            // user, nice, system, idle
            if words.count > 4, words[0].hasPrefix("cpu"), words[0] != "cpu", let idle = UInt64(words[4]) { times[String(words[0])] = idle }
        }
        return times
    }

    /// How many TCP sockets have no process any more, in all namespaces, by /proc/net/sockstat.
    static func orphans(_ text: String) -> Int? {
        for line in text.split(separator: "\n") where line.hasPrefix("TCP:") {
            let words = line.split(separator: " ")
            if let at = words.firstIndex(of: "orphan"), at + 1 < words.count { return Int(words[at + 1]) }
        }
        return nil
    }
}
