// SPDX-License-Identifier: GPL-2.0

/// One page-pool event (include/trace/events/page_pool.h).
public struct TraceEvent: Equatable, Sendable {
    /// What happened.
    public enum Action: Equatable, Sendable {
        /// `page_pool_state_hold`: the pool holds a netmem; `counter` is the new `pages_state_hold_cnt`.
        case hold(netmem: UInt64, counter: UInt32)
        /// `page_pool_state_release`: the pool released the netmem; `counter` is the new `pages_state_release_cnt`.
        case release(netmem: UInt64, counter: UInt32)
        /// `page_pool_release`: the pool is being destroyed and has counted; with `inflight` 0 it is freed. `attempts` is `destroy_cnt`.
        case poolRelease(inflight: Int32, hold: UInt32, release: UInt32, attempts: UInt64)
        /// Written to `trace_marker` by user space; `count` is 0 for a mark without one.
        case mark(Mark, count: UInt32)
    }

    /// Trace clock, nanoseconds.
    public var time: UInt64
    /// The CPU that recorded the event.
    public var cpu: UInt32
    /// The current task: `common_pid`.
    public var pid: Int32
    /// `common_flags` (`enum trace_flag_type`, include/linux/trace_events.h).
    public var flags: UInt8
    /// False if the trace has no flags: then a softirq cannot be distinguished from the task that it interrupts.
    var hasContext = true
    /// Kernel address of the `struct page_pool`.
    public var pool: UInt64
    public var action: Action

    public init(time: UInt64, cpu: UInt32, pid: Int32 = 0, flags: UInt8 = 0, pool: UInt64, action: Action) {
        self.time = time
        self.cpu = cpu
        self.pid = pid
        self.flags = flags
        self.pool = pool
        self.action = action
    }

    /// The `netmem_ref` of a hold or release.
    public var netmem: UInt64? {
        switch action {
        case .hold(let netmem, _), .release(let netmem, _): netmem
        case .poolRelease, .mark: nil
        }
    }

    /// A hold or release of a net_iov rather than a page (`NET_IOV`, include/net/netmem.h).
    public var isNetIov: Bool { (netmem ?? 0) & 1 != 0 }

    /// The context (task, softirq, interrupt) that recorded the event. Two events of one context happened one after the other.
    var context: UInt64 {
        // NMI, hard interrupt, softirq: one of each per CPU. common_pid is then that of the interrupted task. There is one idle task per
        // CPU, too.
        let level = UInt64(flags & 0x58)
        if level != 0 || pid == 0 { return level << 56 | (UInt64(cpu) + 1) << 32 }
        return UInt64(UInt32(bitPattern: pid))
    }
}

extension TraceEvent: CustomStringConvertible {
    /// One line, similar to a line of tracefs `trace`.
    public var description: String {
        let fraction = String(time % 1_000_000_000)
        let stamp = "\(time / 1_000_000_000).\(String(repeating: "0", count: 9 - fraction.count))\(fraction)"
        let head = "[\(stamp)] cpu \(cpu) pid \(pid)"
        switch action {
        case .hold(let netmem, let counter): return "\(head) hold \(hex(netmem)) by pool \(hex(pool)): hold=\(counter)"
        case .release(let netmem, let counter): return "\(head) release \(hex(netmem)) by pool \(hex(pool)): release=\(counter)"
        case .poolRelease(let inflight, let hold, let release, let attempts):
            return "\(head) page_pool_release \(hex(pool)): inflight=\(inflight) hold=\(hold) release=\(release) cnt=\(attempts)"
        case .mark(let mark, let count): return "\(head) \(mark.line(count))"
        }
    }
}

/// An address with 0x.
func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
