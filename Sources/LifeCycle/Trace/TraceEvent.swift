// SPDX-License-Identifier: GPL-2.0

/// One page-pool event (include/trace/events/page_pool.h).
public struct TraceEvent: Equatable, Sendable {
    public enum Action: Equatable, Sendable {
        /// `page_pool_state_hold`: the pool took a netmem; `counter` is its `pages_state_hold_cnt` afterwards.
        case hold(netmem: UInt64, counter: UInt32)
        /// `page_pool_state_release`: the netmem went home; `counter` is `pages_state_release_cnt` afterwards.
        case release(netmem: UInt64, counter: UInt32)
        /// `page_pool_release`: destroy was asked for and the pool counted; at `inflight` 0 it is freed.
        /// `attempts` is `destroy_cnt`.
        case poolRelease(inflight: Int32, hold: UInt32, release: UInt32, attempts: UInt64)
        /// Written to `trace_marker` by whoever drives the kernel; `count` where it has one.
        case mark(Mark, count: UInt32)
    }

    /// What user space says that it did, as `ppiov: NAME [COUNT]` in `trace_marker`.
    ///
    /// A mark that says that user space has less comes before it gives anything back, one that says that it has more after it was
    /// given it, so what a mark says is true of all the time until the next one.
    public enum Mark: String, CaseIterable, Sendable {
        /// A provider was bound.
        case bound
        /// From now on user space has at least `count` net_iovs.
        case userHeld = "user-held"
        /// It is about to close its socket or ring, and has nothing any more.
        case closed
        /// It is about to be killed.
        case killed

        /// Nil where the text is somebody else's.
        init?(line: Substring, count: inout UInt32) {
            guard line.hasPrefix(Self.prefix) else { return nil }
            let words = line.dropFirst(Self.prefix.count).split(whereSeparator: \.isWhitespace)
            guard let name = words.first, let mark = Self(rawValue: String(name)) else { return nil }
            if mark == .userHeld {
                guard words.count > 1, let value = UInt32(words[1]) else { return nil }
                count = value
            }
            self = mark
        }

        private static let prefix = "ppiov: "

        /// The line to write into `trace_marker`.
        public func line(_ count: UInt32 = 0) -> String { Self.prefix + rawValue + (self == .userHeld ? " \(count)" : "") }
    }

    /// Trace clock, nanoseconds.
    public var time: UInt64
    public var cpu: UInt32
    /// The task that was running: `common_pid`.
    public var pid: Int32
    /// `common_flags` (`enum trace_flag_type`, include/linux/trace_events.h).
    public var flags: UInt8
    /// False where the trace leaves the flags out, so that a soft interrupt looks like the task that it runs on top of.
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

    /// The thread of execution that recorded the event. Two events with one context happened one after the other; what one
    /// context does between a counter's step and its trace record is invisible to the others.
    var context: UInt64 {
        // NMI, hard interrupt, soft interrupt: one of each a CPU, on top of whatever task, which keeps its pid. The idle task
        // is one a CPU, too.
        let level = UInt64(flags & 0x58)
        if level != 0 || pid == 0 { return level << 56 | (UInt64(cpu) + 1) << 32 }
        return UInt64(UInt32(bitPattern: pid))
    }
}

extension TraceEvent: CustomStringConvertible {
    /// One line, like tracefs `trace` has it.
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

/// An address as the kernel prints it.
func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
