// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc

/// XDP programs and AF_XDP sockets, which exclude memory providers.
public enum XDP {
    /// Loads a program and opens a socket, without a queue, to test whether the kernel supports both.
    ///
    /// - Throws: `ENOSYS` where the kernel has no bpf(2) (CONFIG_BPF_SYSCALL), `EAFNOSUPPORT` where it has no AF_XDP
    ///   (CONFIG_XDP_SOCKETS), `EPERM` without the capabilities.
    public static func probe() throws(KernelError) {
        try load().close()
        OwnedDescriptor(taking: try check(ppiov_xdp_probe(), "opening an AF_XDP socket")).close()
    }

    /// Where a program runs.
    public enum Mode: String, Sendable, CaseIterable {
        /// In the driver, before there is an skb (`XDP_FLAGS_DRV_MODE`).
        case driver
        /// In the stack, for drivers without XDP (`XDP_FLAGS_SKB_MODE`).
        case generic

        fileprivate var flags: UInt32 {
            switch self {
            case .driver: PPIOV_XDP_FLAGS_DRV_MODE
            case .generic: PPIOV_XDP_FLAGS_SKB_MODE
            }
        }
    }

    /// Attaches a program that passes every packet. Mirrors `bpf_xdp_link_attach()`.
    ///
    /// - Returns: the link; when it is closed the program is detached.
    /// - Throws: `EBUSY` where a queue has a memory provider, or tcp-data-split excludes the program.
    public static func attach(ifindex: UInt32, mode: Mode = .driver) throws(KernelError) -> OwnedDescriptor {
        let program = try load()
        let link = ppiov_xdp_attach(program.rawValue, ifindex, mode.flags)
        program.close()
        return OwnedDescriptor(taking: try check(link, "attaching an XDP program (\(mode.rawValue)) to ifindex \(ifindex)"))
    }

    /// Opens an AF_XDP socket on a queue in copy mode. Mirrors `xp_assign_dev()`.
    ///
    /// - Parameters:
    ///   - address: of the memory for packets, aligned to a page; it must outlive the socket.
    ///   - count: its bytes, in whole pages.
    /// - Throws: `EAFNOSUPPORT` where the kernel has none (CONFIG_XDP_SOCKETS), `EBUSY` where the queue has an AF_XDP socket.
    public static func socket(ifindex: UInt32, queue: UInt32, address: UInt64, count: Int) throws(KernelError) -> OwnedDescriptor {
        let base = UnsafeMutableRawPointer(bitPattern: UInt(address))
        return OwnedDescriptor(
            taking: try check(
                ppiov_xdp_socket(ifindex, queue, base, count), "opening an AF_XDP socket on queue \(queue) of ifindex \(ifindex)"))
    }

    /// Loads a program that passes every packet. The verifier returns `EAGAIN` where a signal is pending, and task work of io_uring counts as one
    /// (`do_check()` in kernel/bpf/verifier.c): it is retried as often as libbpf does.
    private static func load() throws(KernelError) -> OwnedDescriptor {
        for _ in 1..<5 {
            let descriptor = ppiov_xdp_load()
            if descriptor != -EAGAIN { return OwnedDescriptor(taking: try check(descriptor, "loading an XDP program")) }
        }
        return OwnedDescriptor(taking: try check(ppiov_xdp_load(), "loading an XDP program"))
    }
}
