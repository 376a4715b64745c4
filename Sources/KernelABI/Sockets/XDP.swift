// SPDX-License-Identifier: GPL-2.0

import CShim
import Glibc

/// XDP programs and AF_XDP sockets, which want a queue's packets in memory of their own kind.
public enum XDP {
    /// Loads a program and opens a socket, to no queue.
    ///
    /// - Throws: `ENOSYS` where the kernel has no bpf(2) (CONFIG_BPF_SYSCALL), `EAFNOSUPPORT` where it has no AF_XDP
    ///   (CONFIG_XDP_SOCKETS), `EPERM` where this process may not.
    public static func probe() throws(KernelError) {
        try load().close()
        OwnedDescriptor(taking: try check(ppiov_xdp_probe(), "opening an AF_XDP socket")).close()
    }

    /// Who runs a program.
    public enum Mode: String, Sendable, CaseIterable {
        /// The driver, before there is an skb (`XDP_FLAGS_DRV_MODE`).
        case driver
        /// The stack, for drivers that do not (`XDP_FLAGS_SKB_MODE`).
        case generic

        fileprivate var flags: UInt32 {
            switch self {
            case .driver: 1 << 2
            case .generic: 1 << 1
            }
        }
    }

    /// Attaches a program that passes every packet. Mirrors `bpf_xdp_link_attach()`.
    ///
    /// - Returns: what holds it; closed, it takes the program off.
    /// - Throws: `EBUSY` where a memory provider has a queue, or tcp-data-split and the program do not fit.
    public static func attach(ifindex: UInt32, mode: Mode = .driver) throws(KernelError) -> OwnedDescriptor {
        let program = try load()
        let link = ppiov_xdp_attach(program.rawValue, ifindex, mode.flags)
        program.close()
        return OwnedDescriptor(taking: try check(link, "attaching an XDP program (\(mode.rawValue)) to ifindex \(ifindex)"))
    }

    /// Opens an AF_XDP socket on a queue, by copies. Mirrors `xp_assign_dev()`.
    ///
    /// - Parameters:
    ///   - address: of memory where packets would go, a whole page; it must outlive the socket.
    ///   - count: its bytes, in whole pages.
    /// - Throws: `EAFNOSUPPORT` where the kernel has none (CONFIG_XDP_SOCKETS), `EBUSY` where the queue has one.
    public static func socket(ifindex: UInt32, queue: UInt32, address: UInt64, count: Int) throws(KernelError) -> OwnedDescriptor {
        let base = UnsafeMutableRawPointer(bitPattern: UInt(address))
        return OwnedDescriptor(
            taking: try check(
                ppiov_xdp_socket(ifindex, queue, base, count), "opening an AF_XDP socket on queue \(queue) of ifindex \(ifindex)"))
    }

    /// Loads a program that passes every packet. The verifier gives up with `EAGAIN` where a signal is pending, and to it work that
    /// io_uring has queued for this task is one (`do_check()` in kernel/bpf/verifier.c): as often as libbpf, it is asked again.
    private static func load() throws(KernelError) -> OwnedDescriptor {
        for _ in 1..<5 {
            let descriptor = ppiov_xdp_load()
            if descriptor != -EAGAIN { return OwnedDescriptor(taking: try check(descriptor, "loading an XDP program")) }
        }
        return OwnedDescriptor(taking: try check(ppiov_xdp_load(), "loading an XDP program"))
    }
}
