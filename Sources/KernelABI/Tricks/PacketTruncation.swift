// SPDX-License-Identifier: GPL-2.0

internal import CShim

/// A socket filter that truncates packets. The kernel runs it on each packet before TCP processes it. Mirrors `tcp_filter()`.
public enum PacketTruncation {
    /// Truncates each packet to so many bytes, TCP header included (`SO_ATTACH_FILTER`). The sender retransmits the removed bytes.
    ///
    /// - Throws: `EPERM` where the socket has a locked filter.
    public static func begin(_ socket: CInt, bytes: UInt32) throws(KernelError) {
        try check(ppiov_truncate_packets(socket, bytes), "attaching a filter to socket \(socket)")
    }

    /// Removes the filter (`SO_DETACH_FILTER`).
    ///
    /// - Throws: `ENOENT` where there is none.
    public static func end(_ socket: CInt) throws(KernelError) {
        try check(ppiov_truncate_no_packets(socket), "detaching the filter of socket \(socket)")
    }
}
