// SPDX-License-Identifier: GPL-2.0

import KernelABI
import Results

/// Decides that buffers in flight will not be released any more, so that a leak is a verdict after seconds and not after the whole
/// deadline.
///
/// A net_iov is released because a CPU runs something: a softirq, a work item, an RCU callback. When every CPU has been idle for
/// ``requiredIdle`` and no count in flight has changed, nothing of that kind is left. Twice that time is required while there is a TCP
/// socket without a process (an orphan), which has timers. The deadline applies, without this shortcut:
/// - for a pool that is not detached: the process of its provider may still be exiting (`io_ring_exit_work()` sleeps for up to a minute);
/// - for a pool with nothing in flight, which the kernel checks once a second (`page_pool_release_retry()`, net/core/page_pool.c).
struct Quiescence {
    /// Seconds for which every CPU must have been idle; twice that where there are orphans.
    static let requiredIdle = 3.0
    /// Units of /proc/stat in a second: USER_HZ, which is 100 everywhere.
    private static let ticks = 100.0

    private var inflight: [UInt64: UInt64] = [:]
    private var began: UInt64 = 0
    private var idle: [String: UInt64] = [:]

    /// Compares the pools that are waited for with those of the call before.
    ///
    /// - Returns: whether nothing has changed and every CPU has been idle for long enough.
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
        // A CPU cannot have been idle for longer than the time since then.
        guard now - began >= UInt64(Self.requiredIdle * 1e9), !idle.isEmpty, let text = statistics(),
            let orphans = sockets().flatMap(Self.orphans)
        else { return false }
        let times = Self.idleTimes(text)
        let required = UInt64(Self.requiredIdle * Self.ticks) * (orphans == 0 ? 1 : 2)
        return times.count == idle.count
            && idle.allSatisfy { name, before in times[name].map { $0 >= before && $0 - before >= required } ?? false }
    }

    /// How long each CPU has been idle since the boot, in USER_HZ, by the lines "cpuN" of /proc/stat.
    static func idleTimes(_ text: String) -> [String: UInt64] {
        var times: [String: UInt64] = [:]
        for line in text.filledLines {
            let words = line.split(separator: " ")
            // user, nice, system, idle
            if words.count > 4, words[0].hasPrefix("cpu"), words[0] != "cpu", let idle = UInt64(words[4]) { times[String(words[0])] = idle }
        }
        return times
    }

    /// How many TCP sockets have no process, in all namespaces, by /proc/net/sockstat.
    static func orphans(_ text: String) -> Int? {
        for line in text.filledLines where line.hasPrefix("TCP:") {
            let words = line.split(separator: " ")
            if let at = words.firstIndex(of: "orphan"), at + 1 < words.count { return Int(words[at + 1]) }
        }
        return nil
    }
}
